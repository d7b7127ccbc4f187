"""Errors of alignment, the encoder, checkpoints and entity vocabularies: ML001 to ML069, ML340 to ML349."""


class StageErrors:
    # --- align ---
    ML001 = (
        "Spans of document {n} do not belong to it: {bounds} does not fit its {length} tokens. "
        "Take spans from the Doc that you pass in."
    )
    ML002 = "Unknown segmentation '{name}'. Choose one of: {names}."
    ML003 = (
        "A window of {window} wordpieces is too small: this input takes {least} at least, "
        "and 'overlap' (here {overlap}) cannot be negative. Raise 'window' (the published models take 512)."
    )
    ML004 = (
        "This input marks its spans with {names}, and the vocabulary has no such piece. Take a LUKE or mLUKE "
        "checkpoint (its added_tokens.json names the markers), not the plain language model that it was made from."
    )
    ML005 = (
        "No wordpieces in '{path}': it holds neither sentencepiece.bpe.model nor vocab.json with merges.txt. "
        "Point to a checkpoint directory in Hugging Face format."
    )
    ML006 = (
        "'{name}' of the wordpiece vocabulary cannot be read: {reason}. Copy the file again from where it came from: "
        "an interrupted download leaves a shorter one."
    )
    ML007 = "{what}: {found} given, {expected} expected. Pass one for each {per}."
    ML008 = "'{name}' is {value}: it takes a whole number of {least} or more{extra}."
    ML009 = (
        "A group of document {n} does not hold {size} spans: its array has shape {shape}. Pass token bounds of shape "
        "(n_groups, {size}, 2), one marker for each span of a group."
    )
    # --- encoder ---
    ML020 = (
        "'{path}' cannot be read as an encoder's config: {reason}. Point to a checkpoint directory in Hugging Face "
        "format, or to its config.json."
    )
    ML021 = "An encoder's config is a JSON object, not {found}. Pass the content of a checkpoint's config.json."
    ML022 = (
        "This config describes another family: 'model_type' is {found}, expected \"luke\". Pass a LUKE, mLUKE or "
        "Japanese LUKE checkpoint, such as 'studio-ousia/mluke-base'."
    )
    ML023 = "The encoder's config lacks {missing}.{hint} Copy config.json again from where the weights came from."
    ML024 = "'{key}' in the encoder's config is {found}; it must be {wanted}. Correct it in config.json."
    ML025 = (
        "'{key}' in the encoder's config looks mistyped: did you mean '{known}'? Correct it in config.json, or remove "
        "it."
    )
    ML026 = (
        "'hidden_size' = {width} does not divide into 'num_attention_heads' = {heads} heads. Correct config.json: both "
        "come with the weights."
    )
    ML027 = "'hidden_act' = {found} in the encoder's config is not known. Choose one of: {names}."
    ML028 = "Unknown visibility '{found}'. Choose one of: {names}.{hint}"
    ML029 = (
        "The {what} lengths do not fit: {n} of them, {total} in sum, for {passes} passes and {rows} rows. Pass one "
        "length for each pass, 0 for none."
    )
    ML030 = (
        "A pass has {found} wordpieces, and the encoder has positions for {limit}. Make the windows shorter ('window')."
    )
    ML031 = (
        "The {what} table gives rows of shape {found}, and the encoder takes {expected}. Plug in a table that was made "
        "for this checkpoint."
    )
    ML032 = "'entity_bounds' has shape {found}. Pass a first piece and an end for each of the {n} entities."
    ML033 = 'quantize = "{quantize}" starts from weights in float32, and dtype is "{dtype}". Leave out one of the two.'
    ML035 = (
        "'{path}' cannot be read as quantized weights: {reason}. Copy the file again from where it came from, or build "
        "it again: an interrupted download leaves a shorter file."
    )
    ML036 = (
        "'{name}' in '{path}' is stored as '{storage}'; known are: {known}. If a newer spacy-mluke wrote the file, "
        "upgrade this one."
    )
    ML037 = (
        "'{name}' in '{path}' is not what '{storage}' says: found {found}. The file does not belong to this "
        "checkpoint, or is damaged: copy it again."
    )
    ML038 = (
        "'{name}' of shape {shape} cannot be stored as '{storage}': that takes a matrix, for 'q4' with a multiple of "
        "32 columns. Store it as 'f16' or 'f32'."
    )
    ML039 = (
        "This pickle refers to the word table '{path}' of the package it was made with, and the one here is missing or "
        "another. Install the same version of spacy-mluke, or pass the pipeline on with nlp.to_disk()."
    )
    # --- checkpoints ---
    ML040 = (
        "There is no checkpoint directory '{name}'{note}. Pass a directory that holds one, the name of the "
        "bundled 'mluke-small', or one on the Hugging Face hub, such as 'studio-ousia/mluke-base'.{hint}"
    )
    ML041 = (
        "'{name}' is neither a directory here nor a checkpoint on the Hugging Face hub. Check the name (such "
        "as 'studio-ousia/mluke-base'); for a private one, set HF_TOKEN."
    )
    ML042 = (
        "'{name}' is no directory here, and cannot be fetched from the Hugging Face hub: {reason}. Without "
        "network, download its files elsewhere (config.json, the weights, entity_vocab.json, and "
        "sentencepiece.bpe.model or vocab.json and merges.txt) into a directory and pass that, or set "
        "HF_HOME to a cache that holds it. The bundled 'mluke-small' needs no network."
    )
    ML044 = (
        "'{path}' does not lead to the weights: {reason}. Fetch the checkpoint again, or set the weights in "
        "one file beside it, model.safetensors."
    )
    ML045 = (
        "'{path}' ({size} bytes) is damaged: {reason}. Fetch it again: an interrupted download leaves a shorter file."
    )
    ML046 = (
        "'{path}' {found}. A pickle that holds more than tensors can run any code when it is loaded, so it "
        "was not. Get the weights as model.safetensors from someone you trust."
    )
    ML047 = "'{path}' is not a whole checkpoint: it lacks {missing}. Copy it from where the rest came from."
    ML048 = (
        "The weights of '{path}' do not fit this encoder. Missing: {missing}. Unused: {unused}. Of another "
        "shape: {shapes}. Check that config.json and the weights are of one checkpoint, of the LUKE family: "
        "'vocab_size', 'entity_vocab_size', 'num_hidden_layers', 'use_entity_aware_attention'."
    )
    ML049 = (
        "The entity table has {n} rows, but the vocabulary gives special entities the ids {ids}. "
        "entity_vocab.json is not this checkpoint's: copy it again from where the weights came from."
    )
    ML050 = (
        "'{path}' has {n} wordpieces, but the encoder only {rows} rows for them ('vocab_size'). Its "
        "tokenizer files are another checkpoint's: copy them again from where the weights came from."
    )
    ML051 = (
        "'{path}' was written by a newer version of spacy-mluke (format {found}): upgrade this one, or get the "
        "checkpoint in Hugging Face form (python -m spacy_mluke convert --huggingface)."
    )
    ML340 = (
        "config.json of '{path}' asks for {n} layers ('num_hidden_layers'), and the weights hold {tensors} tensors in "
        "all. One of the two is damaged, or another checkpoint's: copy both again from where the weights came from."
    )
    ML341 = (
        "'{path}' holds no weights under these names: {names}. Weights are floating point numbers (F32, F16, BF16, "
        "F64). Get the checkpoint in one of these types."
    )
    ML342 = (
        "'{key}' in config.json of '{path}' is {found}; it must be {wanted}. Copy config.json again from where the "
        "weights came from."
    )
    ML343 = (
        "'{path}' gives entities ids up to {last}, but the encoder's table has {n} rows. The entity vocabulary is "
        "another checkpoint's, or damaged: copy it again from where the weights came from."
    )
    ML344 = (
        "The wordpieces of '{path}' end at id {last}, but the encoder has {rows} rows for them ('vocab_size'). The "
        "tokenizer files are cut short, or another checkpoint's: copy them again from where the weights came from."
    )
    ML345 = (
        "There is no revision '{revision}' of '{name}': {reason}. A revision is a branch, a tag or a commit of a name "
        "on the Hugging Face hub; leave it out for the latest files."
    )
    # --- entities ---
    ML060 = (
        "The entity vocabulary '{source}' lacks {missing}. Every LUKE vocabulary has [MASK], [UNK], [PAD] "
        "and [MASK2]: the file is of something else, or its download broke off; fetch it again."
    )
    ML061 = (
        "'{path}' is not an entity database that this version reads: {reason}. Build it again from the "
        "checkpoint that it came from: python -m spacy_mluke convert SOURCE TARGET"
    )
    ML062 = (
        "'{path}' is not an entity vocabulary: {reason}. It must be one JSON object, name -> id, with each "
        "name once. Fetch it again: an interrupted download leaves a shorter file."
    )
    ML063 = (
        "The entity database of '{source}' cannot be written to {target}: {reason}. It takes twice the room "
        "of the vocabulary. Make room, or set SPACY_MLUKE_CACHE to a folder that can be written to."
    )
    ML064 = (
        "'{path}' holds no entity vocabulary ({files}). Copy it from where the checkpoint came from; a lite "
        "checkpoint has one, too, with four entries."
    )
    ML065 = "No entity is called '{name}'. mLUKE's names are 'lang:Title' ('en:Tokyo'), LUKE's are titles."
