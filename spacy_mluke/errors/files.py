"""Errors of files that strangers may have made: ML330 to ML339."""


class FileErrors:
    ML330 = (
        "The saved bytes name a file that is not written: {name}, {reason}. A name is relative, with plain parts "
        "between slashes, so that nothing is written outside the component's folder. Get the bytes again from someone "
        "you trust."
    )
    ML331 = "These bytes are not a saved component: {reason}. Pass what to_bytes() returned, whole."
    ML332 = (
        "The entity vocabulary gives '{name}' the id {id}, and the encoder's entity table has {n} rows. "
        "entity_vocab.json is not this checkpoint's: copy it again from where the weights came from."
    )
    ML333 = (
        "The knowledge base in '{path}' cannot be read: {reason}. Copy it again from where it came from; for one of "
        "another kind than spaCy's InMemoryLookupKB, set 'generate_empty_kb' in [components.NAME.candidates]."
    )
