"""States at masks: of the [MASK] entity, and of the <mask> pieces that it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from thinc.api import get_current_ops

from ..encoder.access import EncoderModel
from ..encoder.model import MentionInput, align_input
from ..encoder.shim import get_shim
from ..ragged import row_offsets
from ..types import AlignedBatch, Bools1d, Counts, DeviceFloats2d
from .group_classifier import group_rows


@dataclass
class MaskStates:
    """States of the masks that have any."""

    entities: DeviceFloats2d  # (n_kept, width) float32
    pieces: DeviceFloats2d  # (n_kept * n_pieces, width) float32: mask after mask
    kept: Bools1d  # (n_masks,): a mask where the text has no wordpiece has no state
    counts: Counts


def read_masks(encoder: EncoderModel, inputs: MentionInput, n_pieces: int) -> MaskStates:
    """Encode texts, and keep nothing but the states at their masks: a long text costs no memory.

    Spans whose entity is shown are no masks.

    encoder (EncoderModel): The encoder.
    inputs (MentionInput): The masks.
    n_pieces (int): First pieces of each mask that are wanted; every mask has as many.
    RETURNS (MaskStates): The states.
    """
    shim = get_shim(encoder)
    width = shim.load().config.hidden_size
    batch = align_input(encoder, inputs)
    n_columns = (1 + n_pieces) * width
    found = shim.read_entities(batch, partial(_read, n_pieces=n_pieces), n_columns)
    rows = group_rows(batch, 1).ravel()
    if inputs.entity_ids is not None:
        rows = rows[inputs.entity_ids < 0]
    kept: Any = rows >= 0
    states = found[rows[kept]]
    return MaskStates(states[:, :width], states[:, width:].reshape((-1, width)), kept, batch.counts)


def _read(part: AlignedBatch, pieces: DeviceFloats2d, entities: DeviceFloats2d, *, n_pieces: int) -> DeviceFloats2d:
    ops = get_current_ops()
    firsts = row_offsets(part.piece_lengths)[:-1].repeat(part.entity_lengths) + part.entity_bounds[:, 0]
    columns = [entities]
    for i in range(n_pieces):
        # Masks of which fewer are wanted stand in the same batch: what lies behind them is not looked at.
        columns.append(pieces[ops.asarray1i(cast(Any, (firsts + i).clip(max=len(pieces) - 1)))])
    return ops.xp.concatenate(columns, axis=1)
