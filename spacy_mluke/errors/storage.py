"""Errors of saving components and pipelines, and of reading saved ones: ML330 to ML339, ML360 to ML369."""


class StorageErrors:
    # --- bytes and files that may come from anybody ---
    ML330 = (
        "The saved bytes contain a file name that is not allowed: {name}, {reason}. A name must be relative, with "
        "plain parts between slashes, so that nothing is written outside the component's folder. Get the bytes again "
        "from a source that you trust."
    )
    ML331 = "These bytes are not a saved component: {reason}. Pass exactly what to_bytes() returned."
    ML332 = (
        "The entity vocabulary gives '{name}' the id {id}, and the encoder's entity table has {n} rows. "
        "entity_vocab.json is from another checkpoint: copy it again from the source of the weights."
    )
    ML333 = (
        "The knowledge base in '{path}' cannot be read: {reason}. Copy it again; if it is not one of spaCy's "
        "InMemoryLookupKB, set 'generate_empty_kb' in [components.NAME.candidates]."
    )
    # --- saving ---
    ML360 = (
        "'{path}' cannot be written: {reason}. Check free space and permissions, or choose another place. What was "
        "there before is unchanged."
    )
    ML361 = (
        "'{path}' is not a learning curve: {reason}. spacy-mluke.CurveLogger.v1 writes JSON lines and appends to them: "
        "set another file in [training.logger], or move this one."
    )
    ML362 = (
        "'{path}' has files, and is not a saved pipeline: saving would replace all of them. Pass an empty or new "
        "folder, or a saved pipeline."
    )
    ML363 = (
        "'{path}' and '{name}' were not saved together: the pipeline is a mixture, which an interrupted nlp.to_disk "
        "can leave. Save it again with spacy_mluke.save, which never leaves a mixture, or use a complete copy. If you "
        "put a component there yourself, delete '{manifest}'."
    )
    ML364 = (
        "'{path}' cannot be loaded: {reason}. Save or copy the pipeline again. If you changed the file yourself, "
        "delete '{manifest}', the list of files."
    )
    ML365 = (
        "'{path}' says that this component shares the encoder of another one, which cannot be read: {reason}. Copy the "
        "whole pipeline, or save it again; a component that is saved alone contains its encoder."
    )
