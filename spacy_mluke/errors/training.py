"""Errors of training, its corpora and its files: ML245 to ML269, ML400, ML401, ML405 to ML409."""


class TrainingErrors:
    ML246 = (
        "The gradients are not finite (norm {norm}): training has diverged. Lower the learning rate, use more warm-up "
        "steps, look for a component whose loss is not finite, or replace float16 by bfloat16."
    )
    ML247 = (
        "{place}: {reason}. A line has a token and, in its last column, a tag such as O, B-PER or I-PER (IOB, BIOES "
        "or BILOU), separated by tabs or spaces; a blank line ends a sentence."
    )
    ML248 = (
        '{place}: {reason}. A line is one JSON object with "text" and its annotation (entities, relations, types, '
        "questions, cats), with offsets in characters: see docs/guides/training.md."
    )
    ML249 = (
        "One of '{source}' and '{target}' must be a corpus (a name that ends in .spacy), and the other one JSON lines "
        "(any other name)."
    )
    ML250 = (
        "'{name}' cannot be exported: it {reason}. A published model is a head with its own encoder: train the "
        "component with spacy-mluke.Encoder.v1 in [components.{name}.model.encoder], or export 'mluke' itself."
    )
    ML251 = "The pipeline has no component '{name}'. It has: {names}.{hint}"
    ML252 = (
        "'frozen' contains '{part}', which is not a part of an encoder.{hint} Choose from: {names}, or layers counted "
        'from the bottom, as in "layers:0-5".'
    )
    ML253 = "'frozen' contains \"{part}\", and this encoder has {n} layers, 0 to {last}."
    ML254 = (
        "The interrupted training in '{path}' was started with other settings: {keys}. Resume it with the same "
        "settings (only its length, paths, learning rate and logger may change), or start again without --resume."
    )
    ML255 = (
        "The state of the training in '{path}' cannot be read: {reason}. Delete '{folder}', and start again without "
        "--resume."
    )
    ML256 = (
        "Training in several processes needs Accelerate, which is not installed. Install it: pip install accelerate."
    )
    ML400 = (
        "A mixed corpus needs a corpus with a weight above 0, and every name in 'weights' must be a corpus. Weights "
        "without a corpus: {unknown}. Corpora: {known}."
    )
    ML401 = "Corpus '{name}' of a mixed corpus has no example. Check its path, or remove it."
