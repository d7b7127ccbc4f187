"""The encoder of a pipeline's entity vectors."""

from __future__ import annotations

import hashlib
import json
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
    RETURNS (Tuple[Optional[int], str]): The width; the options, with a hash of means that were computed for this
        pipeline, and a hash of the weights. None and "" if no component sets vectors.
    """
    name = find_encoder(nlp)
    if name is None:
        return None, ""
    from ..encoder.access import encoder_settings, hash_weights, load_model

    pipe: Any = nlp.get_pipe(name)
    load_model(pipe.model)
    settings = encoder_settings(pipe.model)
    kind, means = pipe.cfg["span_vectors"], pipe.cfg.get("span_means")
    if kind == "centered" and means is not None:
        kind += f"-{hashlib.sha256(json.dumps(means, sort_keys=True).encode()).hexdigest()[:8]}"
    options = [kind, settings["visibility"], settings["entity_input"]]
    return pipe.model.get_dim("nO"), " ".join([*options, hash_weights(pipe.model)])
