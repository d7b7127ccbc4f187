"""Errors of entity search: ML429 to ML434."""


class SearchErrors:
    ML429 = (
        "'{path}' has no vectors of mentions, so the nearest mentions of a vector cannot be found. Annotate the corpus "
        "with a pipeline that has 'mluke', such as spacy_mluke.load(vectors=True), without --no-vectors; or search by "
        "id or by name."
    )
    ML430 = (
        "'{path}' cannot be searched: {reason}. Pass an output folder of `python -m spacy_mluke annotate`, a file in "
        "it, or a search index."
    )
    ML431 = (
        "'{path}' cannot be read as a search index: {reason}. Build it again from the corpus: python -m spacy_mluke "
        "search CORPUS --save INDEX"
    )
    ML432 = (
        "The vectors of '{path}' come from another encoder ({theirs}) than {what} ({ours}), so they cannot be "
        "compared. Use the pipeline that annotated the corpus, or annotate the corpus again."
    )
    ML433 = "The vectors of '{path}' have {theirs} numbers, and {what} has {ours}. Both must come from one encoder."
    ML434 = "The query '{query}' cannot be searched: {reason}."
