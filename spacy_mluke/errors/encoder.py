"""Errors of the network and the encoder: ML020 to ML034, ML380 to ML384."""


class EncoderErrors:
    # --- config.json ---
    ML020 = (
        "'{path}' cannot be read as an encoder's config: {reason}. Pass a checkpoint directory in Hugging Face "
        "format, or its config.json."
    )
    ML021 = "An encoder's config must be a JSON object, not {found}. Pass the content of a checkpoint's config.json."
    ML022 = (
        "This config describes another model family: 'model_type' is {found}, not \"luke\". Pass a LUKE, mLUKE or "
        "Japanese LUKE checkpoint, such as 'studio-ousia/mluke-base'."
    )
    ML023 = "The encoder's config lacks {missing}.{hint} Copy config.json again from the source of the weights."
    ML024 = "'{key}' in the encoder's config is {found}; it must be {wanted}. Correct it in config.json."
    ML025 = (
        "The encoder's config has an unknown key '{key}': did you mean '{known}'? Correct it in config.json, or remove "
        "it."
    )
    ML026 = (
        "'hidden_size' is {width}, which is not a multiple of 'num_attention_heads', {heads}. Correct config.json: "
        "both must be those of the weights."
    )
    # --- inputs and weights ---
    ML029 = (
        "The {what} lengths do not fit: {n} lengths with the sum {total}, for {n_sequences} sequences with {rows} "
        "{what} in all. Pass one length for each sequence, 0 for none."
    )
    ML030 = (
        "A sequence has {found} wordpieces, and the encoder has positions for {limit}. Use shorter windows ('window')."
    )
    ML031 = (
        "The {what} table returned rows of shape {found}, and the encoder needs {expected}. Use the table of this "
        "checkpoint."
    )
    ML032 = "'entity_bounds' has shape {found}. Pass a first piece and an end for each of the {n} entities."
    ML033 = 'quantize = "{quantize}" needs weights in float32, and dtype is "{dtype}". Remove one of these two options.'
    # --- requests ---
    ML380 = (
        "This request has a selector. The encoder can use one only in prediction, with a reducer that returns a row "
        "for each entity. Set such a 'reducer', and leave 'selector' out of requests for training."
    )
