"""Errors of graphs: ML460 to ML467."""


class GraphErrors:
    ML460 = (
        "The format of '{path}' cannot be read from its name, which ends in none of {suffixes}. Choose one with "
        "--format (in Python, 'format'): {formats}."
    )
    ML461 = (
        "'{path}' has no annotated documents: its column '{column}' is missing. Pass files that "
        "`python -m spacy_mluke annotate` has written."
    )
    ML462 = (
        "'{path}' has no file with annotated documents: their names end in .parquet or .spacy. Write them with "
        "`python -m spacy_mluke annotate`."
    )
    ML463 = "The graph cannot be written to '{path}', because the annotated documents are there. Choose another path."
    ML464 = (
        "'base' must be an absolute IRI that ends in '/', '#' or ':', such as https://example.org/graph/. "
        "Found: {found}."
    )
    ML465 = (
        "The documents could not be merged: {reason}. Merging needs space for temporary files in '{folder}' and in "
        "the system's folder for them (the environment variable SQLITE_TMPDIR names another one)."
    )
    ML466 = "Documents must be a path, or spaCy's Doc objects. Found: {found}."
    ML467 = "None of {n:,} documents could be read. The first error: {reason}."
