"""States of a forward pass that a component hands to those after it, on a Doc, until they have been read."""

from __future__ import annotations

from typing import Any, Optional

import numpy
from spacy.tokens import Doc
from thinc.util import to_numpy

from ..types import Ints2d, PassageStates

# Arrays, which a Doc can be saved with if no component has read them.
_KEY = "mluke_passage"


def write_passage(doc: Doc, states: PassageStates) -> None:
    """Keep the states of a document and of its entities.

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
