"""Heads that come with a checkpoint, and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional

from ..encoder.listener import EncoderListener
from ..encoder.model import EncoderModel, get_shim, load_model
from ..encoder.opening import Checkpoint, open_checkpoint
from ..errors import Errors
from ..heads.groups import GroupModel
from ..heads.linear import set_weights

if TYPE_CHECKING:
    from .trainable import GroupPipe

WEIGHT, BIAS = "classifier.weight", "classifier.bias"


def own_encoder(model: GroupModel) -> Optional[EncoderModel]:
    """The encoder that belongs to a head.

    model (GroupModel): Encoder and head.
    RETURNS (Optional[EncoderModel]): None if it listens to a shared one.
    """
    encoder = model.get_ref("encoder")
    return None if isinstance(encoder, EncoderListener) else encoder


def load_encoder_model(model: GroupModel) -> None:
    """Read the checkpoint of a head's own encoder, unless that has been done.

    model (GroupModel): Encoder and head.
    """
    encoder = own_encoder(model)
    if encoder is not None:
        load_model(encoder)


def find_published(pipe: GroupPipe) -> bool:
    """Give a component the head of the checkpoint that its encoder was loaded from, with its labels.

    pipe (GroupPipe): A component whose head has no weights.
    RETURNS (bool): Whether there is a head.
    RAISES (ValueError): ML078 for a head of another task, ML079 if labels do not fit it.
    """
    encoder = own_encoder(pipe.model)
    if encoder is None:
        return False
    checkpoint = open_checkpoint(get_shim(encoder).loaded.source)
    if WEIGHT not in checkpoint.heads:
        return False
    linear = pipe.model.get_ref("linear")
    weight = checkpoint.heads[WEIGHT].float().numpy()
    has_bias = BIAS in checkpoint.heads
    if weight.ndim != 2 or weight.shape[1] != pipe.head_width or has_bias != ("b" in linear.param_names):
        raise ValueError(
            Errors.ML078.format(
                path=checkpoint.path, found=weight.shape, name=pipe.name, width=pipe.head_width, kind=pipe.kind
            )
        )
    classes = published_labels(checkpoint, len(weight))
    if len(classes) != len(weight):
        raise ValueError(Errors.ML079.format(name=pipe.name, labels=len(classes), rows=len(weight)))
    set_weights(linear, weight, checkpoint.heads[BIAS].float().numpy() if has_bias else None)
    pipe.cfg["classes"] = classes
    for label in classes:
        pipe.vocab.strings.add(label)
    return True


def published_labels(checkpoint: Checkpoint, n_rows: int) -> List[str]:
    """The labels that a checkpoint's config names.

    checkpoint (Checkpoint): The checkpoint.
    n_rows (int): Rows of its head: a config without labels means LABEL_0, LABEL_1...
    RETURNS (List[str]): In the order of the head's rows.
    """
    names = checkpoint.config.extra.get("id2label")
    if names is None:
        return [f"LABEL_{i}" for i in range(n_rows)]
    return [str(name) for _, name in sorted(names.items(), key=_by_number)]


def _by_number(item) -> int:
    return int(item[0])
