"""Errors of options: ML070, ML071, ML310 to ML319, ML395 to ML399."""


class OptionErrors:
    ML070 = "'{value}' is not a value for '{option}'. Choose from: {choices}.{hint}"
    ML071 = "'{option}' is {value}; it must be at least {least}."
    ML310 = "'{option}' is {value}; it must be {wanted}."
    ML311 = (
        "The knowledge base of '{name}' has no entity of the type '{value}' ('types'). Its types: {choices}.{hint} "
        "Types are compared exactly."
    )
    ML312 = (
        "spaCy's tokenizer for '{lang}' needs packages that are not installed: pip install {packages}. Or use lang = "
        '"xx", which accepts texts in any language.'
    )
    ML313 = "'{lang}' is not a language of spaCy.{hint} Use lang = \"xx\" for texts in any language."
    ML314 = (
        "'{name}' is a checkpoint, which has not been trained to find {what}. Load the ready-made pipeline, "
        "spacy_mluke.load('{ready}', {what}=True), or train a component and load your pipeline with spacy.load()."
    )
    ML315 = (
        "The entity ids {ids} are not in the entity table, which has {n} rows (0 to {last}). Take ids from the "
        "encoder's vocabulary; if they are from entity_vocab.json, copy that file again from the source of the weights."
    )
    ML316 = "The saved options of '{name}' cannot be read: {reason}. Copy the saved pipeline again."
    ML317 = (
        "'{option}' of '{name}' is '{value}', and its trained labels are {labels}.{hint} This option must be one of "
        "them, and cannot be changed after training."
    )
    ML318 = (
        "The ready-made pipeline '{name}' is not installed. It is a package of its own: in a clone of the repository, "
        "run pip install ./models/{name}; or load a pipeline without trained components: "
        "spacy_mluke.load('mluke-small')."
    )
    ML396 = (
        "No component of this pipeline has probabilities that can be calibrated. Its components: {names}. These can: "
        "mluke_ner, mluke_relations, mluke_typing, mluke_linker, mluke_qa."
    )
    ML397 = "'{name}' has no probabilities that can be calibrated. These components of the pipeline have: {names}."
    ML398 = (
        "There is nothing to calibrate {names} with: the documents have no gold annotation for it, or it predicts "
        "nothing. Pass documents that are annotated as for training, in a file that was written with "
        "store_user_data=True."
    )
