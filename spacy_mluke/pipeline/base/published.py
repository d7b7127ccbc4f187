"""Heads that come with a checkpoint, and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from thinc.api import Model

from ...checkpoint.directory import Checkpoint, open_checkpoint
from ...checkpoint.tensor_names import check_types
from ...encoder.access import load_model
from ...encoder.listener import EncoderListener
from ...encoder.request import EncoderModel
from ...errors import Errors

if TYPE_CHECKING:
    from .head_files import HeadFiles


def own_encoder(model: Model[Any, Any]) -> Optional[EncoderModel]:
    """The encoder that belongs to a head.

    model (Model): Encoder and head.
    RETURNS (Optional[EncoderModel]): None if it listens to a shared one.
    """
    encoder = model.get_ref("encoder")
    return None if isinstance(encoder, EncoderListener) else encoder


def has_published_form(model: Model[Any, Any]) -> bool:
    """Whether a head is one of those that are published. Heads of words alone may have the same shape, and mean
    something else.

    model (Model): Encoder and head.
    RETURNS (bool): Whether it reads what theirs do.
    """
    return model.attrs.get("with_entities", True)


def load_encoder_model(model: Model[Any, Any]) -> None:
    """Read the checkpoint of a head's own encoder, unless that has been done.

    model (Model): Encoder and head.
    """
    encoder = own_encoder(model)
    if encoder is not None:
        load_model(encoder)


def find_published(pipe: HeadFiles) -> bool:
    """Give a component the head of the checkpoint that its encoder was loaded from, with its labels.

    pipe (HeadFiles): A component whose head has no weights.
    RETURNS (bool): Whether there is a head.
    RAISES (ValueError): ML078 for a head of another task, ML079 if labels do not fit it, ML341 if it holds no weights.
    """
    encoder = own_encoder(pipe.model)
    if encoder is None or not has_published_form(pipe.model):
        return False
    checkpoint = open_checkpoint(load_model(encoder).source)
    prefix = f"{pipe.head_name}."
    found = {name: tensor for name, tensor in checkpoint.heads.items() if name.startswith(prefix)}
    if not found:
        return False
    check_types(found, checkpoint.path)
    tensors = {name: tensor.float().numpy() for name, tensor in found.items()}
    weight = tensors.get(f"{prefix}weight")
    shape: Tuple[int, ...] = () if weight is None else weight.shape
    fits = len(shape) == 2 and shape[1] == pipe.head_width
    fits = fits and all(values.shape == shape[:1] for name, values in tensors.items() if name.endswith(".bias"))
    if set(tensors) != set(pipe.head_params()) or not fits:
        raise ValueError(
            Errors.ML078.format(
                path=checkpoint.path, found=shape, name=pipe.name, width=pipe.head_width, kind=pipe.kind
            )
        )
    pipe.take_published(tensors, published_labels(checkpoint, shape[0]))
    return True


def published_labels(checkpoint: Checkpoint, n_rows: int) -> List[str]:
    """The labels that a checkpoint's config names.

    checkpoint (Checkpoint): The checkpoint.
    n_rows (int): Rows of its head: a config without labels means LABEL_0, LABEL_1...
    RETURNS (List[str]): In the order of the head's rows.
    RAISES (ValueError): ML342 if they are not what 'id2label' should be.
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
