"""States at masks: of the [MASK] entity, and of the `<mask>` pieces of its mention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, List, Tuple, cast

from thinc.api import get_current_ops

from ..align.boundaries import boundary_rows
from ..encoder.access import load_model
from ..encoder.inputs import MentionInput
from ..encoder.reducers import Reducer, StateGradients
from ..encoder.request import EncoderModel
from ..types import AlignedBatch, Bools1d, Counts, DeviceFloats2d


@dataclass
class MaskStates:
    """States of the masks that have states."""

    entities: DeviceFloats2d  # (n_kept, width) float32
    pieces: DeviceFloats2d  # (n_kept * n_pieces, width) float32, mask after mask
    kept: Bools1d  # (n_masks,): whether a mask has a state; one where the text has no wordpiece has none
    counts: Counts


class MaskReducer(Reducer):
    """Keeps the state of each entity and the states of the first pieces of its mention, concatenated.

    width (int): Width of a state.
    n_pieces (int): Pieces to keep.
    """

    per = "entity"

    def __init__(self, width: int, n_pieces: int):
        self.n_pieces = n_pieces
        self.n_out = (1 + n_pieces) * width

    def predict(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> DeviceFloats2d:
        columns = [entity_states, *[piece_states[rows] for rows in self._rows(batch, len(piece_states))]]
        return get_current_ops().xp.concatenate(columns, axis=1)

    def begin_update(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> Tuple[DeviceFloats2d, Callable[[DeviceFloats2d], StateGradients]]:
        def backprop(d_rows: DeviceFloats2d) -> StateGradients:
            ops = get_current_ops()
            d_entities, *d_columns = ops.xp.split(d_rows, 1 + self.n_pieces, axis=1)
            d_pieces = ops.alloc2f(*piece_states.shape)
            for rows, d_column in zip(self._rows(batch, len(piece_states)), d_columns, strict=True):
                ops.scatter_add(d_pieces, rows, d_column)
            return d_pieces, d_entities

        return self.predict(batch, piece_states, entity_states), backprop

    def _rows(self, batch: AlignedBatch, n: int) -> List[Any]:
        """Return, for each of the first pieces, its row in each mention."""
        ops = get_current_ops()
        firsts = boundary_rows(batch)[:, 0]
        # A mention may have fewer pieces: then the later columns mean nothing, and callers do not read them.
        return [ops.asarray1i(cast(Any, (firsts + i).clip(max=n - 1))) for i in range(self.n_pieces)]


def predict_masks(encoder: EncoderModel, inputs: MentionInput, n_pieces: int) -> MaskStates:
    """Encode texts, and keep only the states at their masks.

    encoder (EncoderModel): The encoder.
    inputs (MentionInput): The masks. Mentions whose entity is visible are no masks.
    n_pieces (int): First pieces of each mask to keep; every mask has as many.
    RETURNS (MaskStates): The states.
    """
    width = load_model(encoder).config.hidden_size
    output = encoder.predict(replace(inputs, reducer=MaskReducer(width, n_pieces)))
    rows = output.batch.span_rows
    if inputs.entity_ids is not None:
        rows = rows[inputs.entity_ids < 0]
    kept: Any = rows >= 0
    states: Any = output.reduced
    states = states[rows[kept]]
    return MaskStates(states[:, :width], states[:, width:].reshape((-1, width)), kept, output.batch.counts)
