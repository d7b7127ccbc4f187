"""Records: how annotations are stored in `doc.user_data`.

The key of a record is that of a Token extension at character 0, and positions in the record are characters relative to
it. spaCy shifts such keys when it joins documents or makes a Doc of a span, and it saves them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy
from spacy.tokens import Doc, Span

from ..align.overlaps import char_token_bounds
from ..types import Ints2d

Record = Dict[str, Any]


def put_record(doc: Doc, name: str, record: Record) -> None:
    """Store a record in a document, replacing earlier records of that name.

    doc (Doc): The document.
    name (str): The record's name.
    record (Record): Values that msgpack can write.
    """
    user_data: Dict[Any, Any] = doc.user_data  # spaCy's annotation allows string keys only
    for key in [key for key in user_data if _has_name(key, name)]:
        del user_data[key]
    user_data[("._.", name, 0, None)] = record


def find_records(doc: Doc, name: str) -> List[Tuple[int, Record]]:
    """Return the records of a document, each with the character to which its positions are relative.

    doc (Doc): The document. If it was joined from several, it has several records.
    name (str): The records' name.
    RETURNS (List[Tuple[int, Record]]): First character and record, in text order.
    """
    user_data: Dict[Any, Any] = doc.user_data
    found = {key[2]: value for key, value in user_data.items() if _has_name(key, name)}
    return sorted(found.items())


def token_bounds(doc: Doc, chars: Any, start: int) -> Ints2d:
    """Return the token bounds of a record's spans.

    doc (Doc): The document.
    chars (Ints2d): First character and end of each span, relative to `start`. Shape: (n, 2).
    start (int): First character of the record.
    RETURNS (Ints2d): Token bounds; -1 for a span outside the document, or not aligned with tokens. Shape: (n, 2).
    """
    shifted = numpy.asarray(chars, dtype="int32").reshape((-1, 2)) + start
    return char_token_bounds(doc, shifted)


def named_spans(doc: Doc, bounds: Ints2d) -> List[Span]:
    """Return the spans with the given token bounds; a span that equals an entity of `doc.ents` is that entity.

    doc (Doc): The document.
    bounds (Ints2d): Token bounds. Shape: (n, 2).
    RETURNS (List[Span]): The spans; entities have their labels.
    """
    ents = {(ent.start, ent.end): ent for ent in doc.ents}
    return [ents.get((start, end)) or Span(doc, start, end) for start, end in bounds.tolist()]


def _has_name(key: Any, name: str) -> bool:
    return isinstance(key, tuple) and len(key) == 4 and key[:2] == ("._.", name)
