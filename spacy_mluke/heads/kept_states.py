"""Keeps states of a forward pass of `mluke_ner` for the components that listen to it."""

from __future__ import annotations

from typing import Any, List, Optional

import numpy
from thinc.util import to_numpy

from ..types import AlignedBatch, DeviceFloats2d, Ints1d, PassageStates


class KeptStates:
    """Collects, in prediction, the states of all wordpieces, and of the candidates that may be named entities.

    negative (Optional[int]): The negative class: states of candidates of this class are dropped. None: no states are.
    """

    def __init__(self, negative: Optional[int]):
        self.negative = negative
        self.batch: Optional[AlignedBatch] = None  # set after the forward pass
        self._piece_rows: List[Ints1d] = []
        self._pieces: List[Any] = []
        self._entity_rows: List[Ints1d] = []
        self._entities: List[Any] = []

    def add(
        self,
        piece_rows: Ints1d,
        entity_rows: Ints1d,
        piece_states: DeviceFloats2d,
        entity_states: DeviceFloats2d,
        logits: DeviceFloats2d,
    ) -> None:
        """Take the states of some sequences. Arguments as for `Reducer.keep`; `logits` are those of the entities."""
        classes = to_numpy(logits).argmax(axis=1) if len(logits) else numpy.zeros(0, dtype="int64")
        positive = numpy.arange(len(classes)) if self.negative is None else numpy.flatnonzero(classes != self.negative)
        self._piece_rows.append(piece_rows)
        self._pieces.append(to_numpy(piece_states))
        self._entity_rows.append(entity_rows[positive])
        self._entities.append(to_numpy(entity_states[positive]))

    def passages(self) -> List[PassageStates]:
        """Return the states of each document, with the candidates that may be named entities as its mentions."""
        assert self.batch is not None
        pieces = _in_order(self._piece_rows, self._pieces, len(self.batch.piece_ids))
        order = numpy.full(len(self.batch.entity_ids), -1, dtype="int64")
        rows = numpy.concatenate([numpy.zeros(0, dtype="int64"), *self._entity_rows])
        order[rows] = numpy.arange(len(rows))
        entities = numpy.concatenate(self._entities) if self._entities else pieces[:0]
        found = []
        for doc in self.batch.docs:
            places = numpy.where(doc.span_rows >= 0, order[doc.span_rows], -1) if len(doc.span_rows) else doc.span_rows
            spans = numpy.flatnonzero(places >= 0)
            found.append(
                PassageStates(
                    piece_states=pieces[doc.piece_rows],
                    token_bounds=doc.token_bounds,
                    span_bounds=doc.span_bounds[spans],
                    entity_states=entities[places[spans]],
                    kept=numpy.ones(len(spans), dtype=bool),
                )
            )
        return found


def _in_order(rows: List[Ints1d], parts: List[Any], n: int) -> Any:
    width = parts[0].shape[1] if parts else 0
    states = numpy.zeros((n, width), dtype="float32")
    for own_rows, part in zip(rows, parts, strict=True):
        states[own_rows] = part
    return states
