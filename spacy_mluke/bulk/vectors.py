"""The encoder of a pipeline's entity vectors."""

from __future__ import annotations

from typing import Any, Optional, Tuple

from spacy.language import Language


def find_encoder(nlp: Language) -> Optional[str]:
    """Return the name of the component that sets vectors of entities.

    nlp (Language): The pipeline.
    RETURNS (Optional[str]): The first `mluke`; None if there is none.
    """
    return next((name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "mluke"), None)


def describe_encoder(nlp: Language) -> Tuple[Optional[int], str]:
    """Return the width of a pipeline's entity vectors, and a description of their encoder. Vectors can be compared if
    their descriptions are equal.

    nlp (Language): The pipeline. The checkpoint of its encoder is read.
    RETURNS (Tuple[Optional[int], str]): The width; the checkpoint's name, its options and a hash of its weights. None
        and "" if no component sets vectors.
    """
    name = find_encoder(nlp)
    if name is None:
        return None, ""
    from ..encoder.access import encoder_settings, hash_weights, load_model

    pipe: Any = nlp.get_pipe(name)
    load_model(pipe.model)
    settings = encoder_settings(pipe.model)
    options = [pipe.cfg["span_vectors"], settings["visibility"], settings["entity_input"]]
    return pipe.model.get_dim("nO"), " ".join([*options, hash_weights(pipe.model)])
