"""Heads that come with a published checkpoint, and their labels."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from thinc.api import Model

from ...checkpoint.directory import Checkpoint
from ...checkpoint.tensor_names import check_types
from ...encoder.access import load_model
from ...encoder.listener import Listener
from ...encoder.request import EncoderModel
from ...errors import Errors


def own_encoder(model: Model[Any, Any]) -> Optional[EncoderModel]:
    """Return the encoder of a component's model.

    model (Model): Encoder and head.
    RETURNS (Optional[EncoderModel]): None if the component listens to a shared encoder.
    """
    encoder = model.get_ref("encoder")
    return None if isinstance(encoder, Listener) else encoder


def has_published_form(model: Model[Any, Any]) -> bool:
    """Check whether a head reads the same states as the published heads of its task.

    Heads that read words only may have the same shape as published heads, but are not compatible with them.

    model (Model): Encoder and head.
    RETURNS (bool): Whether it does.
    """
    return model.attrs.get("with_entities", True)


def load_encoder_model(model: Model[Any, Any]) -> None:
    """Read the checkpoint of a component's encoder, unless it has been read. For a listener, do nothing.

    model (Model): Encoder and head.
    """
    encoder = own_encoder(model)
    if encoder is not None:
        load_model(encoder)


def published_tensors(checkpoint: Checkpoint, head_name: str) -> Dict[str, Any]:
    """Read the weights of a head from a checkpoint.

    checkpoint (Checkpoint): The checkpoint.
    head_name (str): The head's name in published models, such as "classifier".
    RETURNS (Dict[str, Any]): Arrays by published name, float32; empty if the checkpoint has no such head.
    RAISES (ValueError): ML341 if they are not weights.
    """
    found = {name: tensor for name, tensor in checkpoint.heads.items() if name.startswith(f"{head_name}.")}
    check_types(found, checkpoint.path)
    return {name: tensor.float().numpy() for name, tensor in found.items()}


def published_labels(checkpoint: Checkpoint, n_rows: int) -> List[str]:
    """Read the labels from a checkpoint's config.

    checkpoint (Checkpoint): The checkpoint.
    n_rows (int): Rows of its head. A config without labels means LABEL_0, LABEL_1...
    RETURNS (List[str]): Labels in the order of the head's rows.
    RAISES (ValueError): ML342 if 'id2label' is not a mapping of numbers to labels.
    """
    names = checkpoint.config.extra.get("id2label")
    if names is None:
        return [f"LABEL_{i}" for i in range(n_rows)]
    try:
        numbered = sorted((int(number), str(name)) for number, name in names.items())
    except (AttributeError, ValueError) as err:
        wanted = "an object of numbers and labels"
        found = repr(names)[:80]
        raise ValueError(Errors.ML342.format(path=checkpoint.path, key="id2label", found=found, wanted=wanted)) from err
    return [name for _, name in numbered]
