"""Errors of knowledge bases and entity stores: ML230 to ML244, ML415 to ML416, ML422 to ML424."""


class KnowledgeBaseErrors:
    ML230 = (
        "'{path}' cannot be read as an entity store: {reason}. Build one: python -m spacy_mluke entities build SOURCE "
        "TARGET"
    )
    ML231 = (
        "'{path}', line {line}: {reason}. A row needs an id and a name, and may have a language, a type and a prior of "
        "0 or more: columns id, language, name, type, prior, or JSON with these keys. A table with an entity on each "
        "line has columns such as id, type, name:en, alias:en, description:en, types, xref and fact:maker."
    )
    ML232 = (
        "The entity store '{target}' cannot be written: {reason}. While it is built, it needs about three times its "
        "size in that folder, and space for sorting in the folder for temporary files."
    )
    ML233 = "'{path}' has no entity '{id}'. Find entities by name with .candidates(name)."
    ML234 = (
        "'{path}' {found}. An entity store is built from .tsv, .csv, .jsonl or .json (also compressed as .gz, .bz2, "
        ".xz), from .parquet, from an entity_vocab.json, or from a checkpoint directory."
    )
    ML235 = "'{path}' exists already. Choose another name, or pass --force to replace it."
    ML236 = (
        "This knowledge base has no entity store. Set 'path' in the config, or load it with from_disk. To build one: "
        "python -m spacy_mluke entities build SOURCE TARGET"
    )
    ML237 = (
        "There is no knowledge base to generate candidates from. Set one in "
        "[components.mluke_linker.candidates.kb_loader] (such as spacy.KBFromFile.v1), or in "
        "[initialize.components.mluke_linker]; or use an entity store (spacy-mluke.store_candidates.v1)."
    )
    ML415 = (
        "{source}: no re-ranker can be read ({reason}). Set the option 'reranker' of mluke_linker to \"auto\", to "
        "null, or to a file that Reranker.to_disk wrote."
    )
    ML416 = (
        "There is no mention to train a re-ranker on: the gold entity must be one of at least two candidates of a "
        "mention. Check that the reference documents have a kb_id_ on their entities, and that the knowledge base has "
        "these ids."
    )
    ML422 = (
        "'{first}' and '{second}' both have {n} ids, such as {examples}. If they are the same entities, set same_ids = "
        '"merge": they get the names of both. Otherwise, give one of the tables other ids, for instance with a prefix.'
    )
    ML423 = (
        "The list of entity stores is: {paths}. It needs at least one store, and each of them once: a path, "
        "'world' or 'knowledge'."
    )
    ML424 = (
        "'{path}' is a Parquet file, and pyarrow, which reads it, is not installed. Install it (pip install "
        "pyarrow), or write the table as .csv."
    )
