"""Errors of options, of saving and loading components, and of what a Doc is given: ML310 to ML319."""


class SettingsErrors:
    ML310 = "'{option}' is {value}; it must be {wanted}."
    ML311 = (
        "The knowledge base of '{name}' has no entity of the type '{value}' ('types'); its types are: {choices}.{hint} "
        "Types are compared as they are written."
    )
    ML312 = (
        "spaCy's tokenizer for '{lang}' needs packages that are not installed: pip install {packages}. Or use lang = "
        '"xx", which takes texts in any language.'
    )
    ML313 = "'{lang}' is not a language that spaCy knows.{hint} Use lang = \"xx\" for texts in any language."
    ML315 = (
        "The entity ids {ids} are not in the entity table, which has {n} rows (0 to {last}). Take ids from the "
        "encoder's own vocabulary; if entity_vocab.json gave them, copy it again from where the weights came from."
    )
    ML316 = "The saved options of '{name}' cannot be read: {reason}. Copy the saved pipeline again."
    ML317 = (
        "'{option}' of '{name}' is '{value}', and its trained labels are {labels}.{hint} This option names one of "
        "them, and cannot be changed after training."
    )
