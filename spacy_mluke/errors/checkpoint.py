"""Errors of reading and writing checkpoints: ML035 to ML059, ML340 to ML349, ML402."""


class CheckpointErrors:
    # --- quantized weights ---
    ML035 = (
        "'{path}' cannot be read as quantized weights: {reason}. Copy the file again, or create it again: an "
        "interrupted download leaves an incomplete file."
    )
    ML036 = (
        "'{name}' in '{path}' has the unknown storage type '{storage}'. Known types: {known}. If a newer spacy-mluke "
        "wrote the file, upgrade this one."
    )
    ML037 = (
        "'{name}' in '{path}' does not match its storage type '{storage}': found {found}. The file is damaged or "
        "belongs to another checkpoint: copy it again."
    )
    ML038 = (
        "'{name}' of shape {shape} cannot be stored as '{storage}': that needs a matrix, and 'q4' also a number of "
        "columns that is a multiple of 32. Store it as 'f16' or 'f32'."
    )
    ML039 = (
        "This pickle refers to the word table '{path}' of the package that wrote it. Here, that file is missing or "
        "different. Install the same version of spacy-mluke, or save the pipeline with nlp.to_disk()."
    )
    # --- directories, names and weights ---
    ML040 = (
        "There is no checkpoint directory '{name}'{note}. Pass a directory with a checkpoint, the bundled "
        "'mluke-small', or a name on the Hugging Face hub, such as 'studio-ousia/mluke-base'.{hint}"
    )
    ML041 = (
        "'{name}' is neither a directory on this machine nor a checkpoint on the Hugging Face hub. Check the name "
        "(such as 'studio-ousia/mluke-base'); for a private checkpoint, set HF_TOKEN; for the encoder of a pipeline "
        "(such as 'xx_mluke_small/mluke_ner'), install the pipeline."
    )
    ML042 = (
        "'{name}' is not a directory on this machine, and cannot be downloaded from the Hugging Face hub: {reason}. "
        "Without network, copy its files (config.json, the weights, entity_vocab.json, and sentencepiece.bpe.model or "
        "vocab.json and merges.txt) into a directory and pass that, or set HF_HOME to a cache that has it. The bundled "
        "'mluke-small' needs no network."
    )
    ML044 = (
        "'{path}' cannot be used to find the weights: {reason}. Download the checkpoint again, or save the weights as "
        "one file beside it, model.safetensors."
    )
    ML045 = (
        "'{path}' ({size} bytes) is damaged: {reason}. Download it again: an interrupted download leaves an "
        "incomplete file."
    )
    ML046 = (
        "'{path}' {found}. A pickle with anything but tensors can run any code when it is loaded, so it was not "
        "loaded. Get the weights as model.safetensors from a source that you trust."
    )
    ML047 = "'{path}' is not a complete checkpoint: it lacks {missing}. Copy it from the source of the other files."
    ML048 = (
        "The weights of '{path}' do not fit this encoder. Missing: {missing}. Unused: {unused}. With another shape: "
        "{shapes}. Check that config.json and the weights are from one checkpoint of the LUKE family: "
        "'vocab_size', 'entity_vocab_size', 'num_hidden_layers', 'use_entity_aware_attention'."
    )
    ML049 = (
        "The entity table has {n} rows, and the entity vocabulary has special entities with the ids {ids}. "
        "entity_vocab.json is from another checkpoint: copy it again from the source of the weights."
    )
    ML050 = (
        "'{path}' has {n} wordpieces, and the encoder's table has {rows} rows for them ('vocab_size'). The tokenizer "
        "files are from another checkpoint: copy them again from the source of the weights."
    )
    ML051 = (
        "'{path}' was written by a newer version of spacy-mluke (format {found}). Upgrade this one, or get the "
        "checkpoint in Hugging Face format (python -m spacy_mluke convert --huggingface)."
    )
    # --- deltas: the changed tensors of a trained encoder ---
    ML052 = (
        "'{path}' contains only what differs from the checkpoint '{base}', which is not on this machine: {reason} Copy "
        "the checkpoint to that place, or download it (python -m spacy_mluke info NAME). If it is in another place, "
        "write that to 'base' in config.json of '{path}', and delete 'files.json' beside that directory."
    )
    ML053 = (
        "'{path}' contains only what differs from the checkpoint '{base}', and that is not the same any more: the "
        "content of '{folder}' has another checksum. Restore that checkpoint; for 'mluke-small', use the version "
        "of spacy-mluke that saved '{path}'."
    )
    ML054 = (
        "'{path}' contains only what differs from '{base}', which is not complete either. The base of a delta must be "
        "a complete checkpoint: write one with python -m spacy_mluke convert."
    )
    ML055 = "'{path}' does not fit the checkpoint that it changes: {reason}. Copy both again from their source."
    ML056 = (
        "The encoder of '{name}' cannot be saved as what differs from '{base}': {reason}. Name the checkpoint that it "
        "was trained from as 'base', or save the pipeline as it is."
    )
    ML057 = "No component of this pipeline has an encoder that could be made smaller. Its components: {names}."
    ML340 = (
        "config.json of '{path}' says {n} layers ('num_hidden_layers'), and the weights have only {tensors} tensors. "
        "One of the two is damaged or from another checkpoint: copy both again from the source of the weights."
    )
    ML341 = (
        "These tensors of '{path}' are not weights: {names}. Weights are floating point numbers (F32, F16, BF16, "
        "F64). Get the checkpoint in one of these types."
    )
    ML342 = (
        "'{key}' in config.json of '{path}' is {found}; it must be {wanted}. Copy config.json again from the source of "
        "the weights."
    )
    ML343 = (
        "'{path}' has entities with ids up to {last}, and the encoder's table has {n} rows. The entity vocabulary is "
        "damaged or from another checkpoint: copy it again from the source of the weights."
    )
    ML344 = (
        "The wordpieces of '{path}' have ids up to {last}, and the encoder's table has {rows} rows for them "
        "('vocab_size'). The tokenizer files are incomplete or from another checkpoint: copy them again from the "
        "source of the weights."
    )
    ML345 = (
        "'{name}' has no revision '{revision}': {reason}. A revision is a branch, a tag or a commit of a name on the "
        "Hugging Face hub; leave it out for the latest files."
    )
    ML402 = (
        "'{name}' names an encoder of the installed pipeline '{package}', which has no component '{component}' with an "
        "encoder. Components with one: {known}."
    )
