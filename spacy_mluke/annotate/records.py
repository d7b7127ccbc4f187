"""Where annotations of a Doc are kept, so that they outlive it.

A record lies in `doc.user_data` under the key of a Token extension at character 0, and counts its places in characters
from there. spaCy moves such keys along when it joins documents or takes a span out of one, and saves them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy
from spacy.tokens import Doc, Span

from ..align.overlaps import char_token_bounds
from ..types import Ints2d

Record = Dict[str, Any]


def put_record(doc: Doc, name: str, record: Record) -> None:
    """Put a record on a document, in place of earlier ones of that name.

    doc (Doc): The document.
    name (str): Kind of record.
    record (Record): What msgpack can write.
    """
    user_data: Dict[Any, Any] = doc.user_data  # typed as if all keys were strings
    for key in [key for key in user_data if _has_name(key, name)]:
        del user_data[key]
    user_data[("._.", name, 0, None)] = record


def find_records(doc: Doc, name: str) -> List[Tuple[int, Record]]:
    """The records of a document, with the character each counts from.

    doc (Doc): The document. One that was joined from several has several.
    name (str): Kind of record.
    RETURNS (List[Tuple[int, Record]]): In text order.
    """
    user_data: Dict[Any, Any] = doc.user_data
    found = {key[2]: value for key, value in user_data.items() if _has_name(key, name)}
    return sorted(found.items())


def token_bounds(doc: Doc, chars: Any, start: int) -> Ints2d:
    """Tokens of a record's spans.

    doc (Doc): The document.
    chars (Ints2d): First character and end of each, counted from `start`. Shape: (n, 2).
    start (int): The character that the record counts from.
    RETURNS (Ints2d): -1 for a span that is not in the document, or no longer on token bounds. Shape: (n, 2).
    """
    shifted = numpy.asarray(chars, dtype="int32").reshape((-1, 2)) + start
    return char_token_bounds(doc, shifted)


def named_spans(doc: Doc, bounds: Ints2d) -> List[Span]:
    """Spans by their tokens; one with the bounds of an entity of `doc.ents` is that entity, with its label.

    doc (Doc): The document.
    bounds (Ints2d): Shape: (n, 2).
    RETURNS (List[Span]): The spans.
    """
    ents = {(ent.start, ent.end): ent for ent in doc.ents}
    return [ents.get((start, end)) or Span(doc, start, end) for start, end in bounds.tolist()]


def _has_name(key: Any, name: str) -> bool:
    return isinstance(key, tuple) and len(key) == 4 and key[:2] == ("._.", name)
