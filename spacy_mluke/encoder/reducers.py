"""What a head keeps of the encoder's states: reducers, and selectors of the entities to encode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Optional, Tuple

from ..types import AlignedBatch, DeviceFloats2d, Ints1d

# Gradients of the states of wordpieces and of entities; None where there is none.
StateGradients = Tuple[Optional[DeviceFloats2d], Optional[DeviceFloats2d]]


class Reducer(ABC):
    """Turns the states of sequences into the few columns that a head needs.

    In prediction the encoder calls `predict` on a few sequences at a time and drops their states: thousands of
    candidates, or the windows of a long document, take no more memory than their results. In training it calls
    `begin_update` once, on all sequences. Arrays are those of the current thinc ops.
    """

    per: str  # "entity" or "piece": what a row of the result belongs to
    n_out: int  # columns of the result

    @abstractmethod
    def predict(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> DeviceFloats2d:
        """Reduce the states of some sequences.

        batch (AlignedBatch): The sequences. If entities are not encoded, `entity_bounds` say where the spans are.
        piece_states (DeviceFloats2d): Shape: (n_pieces, width), float32.
        entity_states (DeviceFloats2d): Shape: (n_entities, width), float32; (0, width) if entities are not encoded.
        RETURNS (DeviceFloats2d): A row for each entity, or for each piece. Shape: (n_entities or n_pieces, n_out).
        """

    def keep(  # noqa: B027 (most reducers keep nothing)
        self,
        piece_rows: Ints1d,
        entity_rows: Ints1d,
        piece_states: DeviceFloats2d,
        entity_states: DeviceFloats2d,
        reduced: DeviceFloats2d,
    ) -> None:
        """Keep states of some sequences for other components, in prediction. By default, none are kept.

        piece_rows (Ints1d): The row of each piece in the whole batch.
        entity_rows (Ints1d): The row of each entity in the whole batch.
        piece_states (DeviceFloats2d): Shape: (n_pieces, width), float32.
        entity_states (DeviceFloats2d): Shape: (n_entities, width), float32.
        reduced (DeviceFloats2d): What `predict` returned for these sequences.
        """

    @abstractmethod
    def begin_update(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> Tuple[DeviceFloats2d, Callable[[DeviceFloats2d], StateGradients]]:
        """Reduce the states of all sequences in training.

        batch (AlignedBatch): As for `predict`.
        piece_states (DeviceFloats2d): As for `predict`.
        entity_states (DeviceFloats2d): As for `predict`.
        RETURNS (Tuple[DeviceFloats2d, Callable]): The rows, and a function from their gradient to the gradients of
            the states.
        """


class PieceLayer(Reducer):
    """Applies a layer to the state of each wordpiece.

    layer (Model[Floats2d, Floats2d]): The layer.
    n_out (int): Its width.
    """

    per = "piece"

    def __init__(self, layer: Any, n_out: int):
        self.layer = layer
        self.n_out = n_out

    def predict(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> DeviceFloats2d:
        return self.layer.predict(piece_states)

    def begin_update(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> Tuple[DeviceFloats2d, Callable[[DeviceFloats2d], StateGradients]]:
        rows, backprop_layer = self.layer.begin_update(piece_states)

        def backprop(d_rows: DeviceFloats2d) -> StateGradients:
            return backprop_layer(d_rows), None

        return rows, backprop


class Selector(ABC):
    """Selects the entities to encode, after the words were read. Only in prediction."""

    @abstractmethod
    def select(self, batch: AlignedBatch, piece_states: DeviceFloats2d) -> Ints1d:
        """Select entities of some sequences.

        batch (AlignedBatch): The sequences with all their entities.
        piece_states (DeviceFloats2d): States of the words, read without entities. Shape: (n_pieces, width), float32.
        RETURNS (Ints1d): Numbers of the selected entities, in rising order.
        """
