"""Errors of the entity vocabulary: ML060 to ML069."""


class VocabularyErrors:
    ML060 = (
        "The entity vocabulary '{source}' lacks {missing}. Every LUKE vocabulary has [MASK], [UNK], [PAD] and "
        "[MASK2]: the file is incomplete or something else. Download it again."
    )
    ML061 = (
        "'{path}' cannot be read as an entity database: {reason}. Build it again from its checkpoint: python -m "
        "spacy_mluke convert SOURCE TARGET"
    )
    ML062 = (
        "'{path}' is not an entity vocabulary: {reason}. It must be one JSON object, name -> id, with each name once. "
        "Download it again: an interrupted download leaves an incomplete file."
    )
    ML063 = (
        "The entity database of '{source}' cannot be written to {target}: {reason}. It needs twice the size of the "
        "vocabulary. Free some space, or set SPACY_MLUKE_CACHE to a folder that you can write to."
    )
    ML064 = (
        "'{path}' has no entity vocabulary ({files}). Copy it from the source of the checkpoint; a lite checkpoint has "
        "one, too, with four entries."
    )
    ML065 = "The vocabulary has no entity '{name}'. mLUKE's names are 'lang:Title' ('en:Tokyo'), LUKE's are titles."
