"""Errors of tokenization and alignment: ML001 to ML019."""


class AlignErrors:
    ML001 = (
        "Document {n} has {length} tokens, and the span {bounds} does not fit into it. Take spans from the Doc that "
        "you pass in."
    )
    ML003 = (
        "'window' is {window} wordpieces and 'overlap' is {overlap}: this input needs a window of at least {least}, "
        "and an overlap of 0 or more. Raise 'window' (the published models take 512)."
    )
    ML004 = (
        "This input marks its spans with {names}, and the vocabulary has no such piece. Use a LUKE or mLUKE "
        "checkpoint (its added_tokens.json lists the markers), not the language model that it was trained from."
    )
    ML005 = (
        "'{path}' has no tokenizer: neither sentencepiece.bpe.model, nor vocab.json and merges.txt. Pass a checkpoint "
        "directory in Hugging Face format."
    )
    ML006 = (
        "The tokenizer file '{name}' cannot be read: {reason}. Copy the file again: an interrupted download leaves an "
        "incomplete one."
    )
    ML007 = "{what}: got {found}, expected {expected}. Pass one for each {per}."
    ML009 = (
        "A group of document {n} does not have {size} spans: its array has shape {shape}. Pass token bounds of shape "
        "(n_groups, {size}, 2)."
    )
