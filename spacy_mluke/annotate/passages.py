"""States of a forward pass that a component hands to those after it, on a Doc, until they have been read."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from typing import Any, Deque, Optional, Tuple

import numpy
from spacy.tokens import Doc
from thinc.util import to_numpy

from ..types import Ints2d, PassageStates

# Arrays, which a Doc can be saved with if no component has read them.
_KEY = "mluke_passage"
# Wordpieces whose states are kept. The component that reads them may be disabled: then nothing else frees them.
_MAX_PIECES = 1 << 20


class _Written:
    """The documents that got states last, in order, with their numbers of wordpieces."""

    def __init__(self) -> None:
        self._docs: Deque[Tuple[weakref.ref[Doc], int]] = deque()
        self._n_pieces = 0
        self._lock = threading.Lock()

    def add(self, doc: Doc, n_pieces: int) -> None:
        """Add a document. Earlier ones lose their states if there are too many now.

        doc (Doc): The document.
        n_pieces (int): Number of its wordpieces.
        """
        with self._lock:
            self._docs.append((weakref.ref(doc), n_pieces))
            self._n_pieces += n_pieces
            while self._n_pieces > _MAX_PIECES and len(self._docs) > 1:
                earliest, n = self._docs.popleft()
                self._n_pieces -= n
                found = earliest()
                if found is not None:
                    drop_passage(found)


_WRITTEN = _Written()


def write_passage(doc: Doc, states: PassageStates) -> None:
    """Keep the states of a document and of its entities, until about a million wordpieces of other documents follow.

    doc (Doc): The document, with its entities in `doc.ents`. The states of other mentions are dropped.
    states (PassageStates): States of the document, and of mentions in it.
    """
    ents = {(ent.start, ent.end) for ent in doc.ents}
    rows = [i for i, bounds in enumerate(map(tuple, states.span_bounds.tolist())) if bounds in ents]
    doc.user_data[_KEY] = {
        "pieces": to_numpy(states.piece_states),
        "tokens": numpy.asarray(states.token_bounds, dtype="int32"),
        "bounds": numpy.asarray(states.span_bounds[rows], dtype="int32").reshape((-1, 2)),
        "entities": to_numpy(states.entity_states[rows]),
    }
    _WRITTEN.add(doc, len(states.piece_states))


def read_passage(doc: Doc, bounds: Ints2d) -> Optional[PassageStates]:
    """Return the states of a document and of mentions in it.

    doc (Doc): The document.
    bounds (Ints2d): Token bounds of the mentions. Shape: (n, 2).
    RETURNS (Optional[PassageStates]): The mentions in the given order. None if the document has no states, was
        retokenized since, or a mention has no state.
    """
    record: Any = doc.user_data.get(_KEY)
    if record is None or len(record["tokens"]) != len(doc):
        return None
    known = {pair: i for i, pair in enumerate(map(tuple, record["bounds"].tolist()))}
    rows = [known.get(pair, -1) for pair in map(tuple, bounds.tolist())]
    if min(rows, default=0) < 0:
        return None
    kept = numpy.ones(len(rows), dtype=bool)
    return PassageStates(record["pieces"], record["tokens"], bounds, record["entities"][rows], kept)


def drop_passage(doc: Doc) -> None:
    """Forget the states of a document.

    doc (Doc): The document.
    """
    doc.user_data.pop(_KEY, None)
