"""Masks of a Doc and their fillers: `doc._.mluke_fillers`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from spacy.tokens import Doc

from ..errors import Errors
from .json_object import JsonObject
from .records import find_records, put_record

RECORD = "mluke_fillers_record"
MARKER = "[MASK]"
Chars = Tuple[int, int]


@dataclass(frozen=True)
class Filler(JsonObject):
    """A prediction for a mask: an entity or a word."""

    text: str  # the text that replaces the mask
    entity: str = ""  # its name in the entity vocabulary, in the text's language if there is one; "" for a word
    score: float = 1.0  # its probability among the fillers compared; 1.0 for a gold filler
    kb_id: str = ""  # the entity's key: the component's label, or the entity's first name; "" for a word

    def to_dict(self) -> Dict[str, Any]:
        """Return the filler as a dictionary of plain Python types.

        RETURNS (Dict[str, Any]): `text`, `entity`, `kb_id`, `score`.
        """
        text, entity, score, kb_id = _plain(self)
        return {"text": text, "entity": entity, "kb_id": kb_id, "score": score}


@dataclass(frozen=True)
class Mask:
    """A mask in a text, and its fillers."""

    start_char: int
    end_char: int
    fillers: List[Filler]  # best first


def find_markers(text: str, marker: str = MARKER) -> List[Chars]:
    """Return the character bounds of the masks in a text.

    text (str): The text.
    marker (str): The string that marks a mask.
    RETURNS (List[Chars]): First character and end of each mask, in order.
    """
    return [match.span() for match in re.finditer(re.escape(marker), text)] if marker else []


def has_fillers(doc: Doc) -> bool:
    """Check whether a document is annotated with fillers; it may have no masks.

    doc (Doc): The document.
    RETURNS (bool): False means "not annotated".
    """
    return bool(find_records(doc, RECORD))


def get_masks(doc: Doc) -> List[Mask]:
    """Return the masks of a document with their fillers.

    doc (Doc): The document.
    RETURNS (List[Mask]): In text order. A part of a document (`Span.as_doc`) has only the masks inside that part.
    """
    masks = []
    length = len(doc.text)
    for start, record in find_records(doc, RECORD):
        for (first, end), fillers in zip(record["masks"], record["fillers"], strict=True):
            if first + start >= 0 and end + start <= length:
                masks.append(Mask(first + start, end + start, [Filler(*filler) for filler in fillers]))
    return masks


def get_fillers(doc: Doc) -> List[List[Filler]]:
    """Return the fillers of each mask of a document.

    doc (Doc): The document.
    RETURNS (List[List[Filler]]): Fillers of each mask, in text order, best first; empty without masks.
    """
    return [mask.fillers for mask in get_masks(doc)]


def set_fillers(
    doc: Doc, fillers: Iterable[Sequence[Union[Filler, Mapping[str, Any]]]], places: Optional[Sequence[Chars]] = None
) -> None:
    """Set the fillers of a document's masks. An empty list means that the document has no masks.

    doc (Doc): The document.
    fillers (Iterable[Sequence[Union[Filler, Mapping[str, Any]]]]): The fillers of each mask; dictionaries as
        returned by `Filler.to_dict` are accepted.
    places (Optional[Sequence[Chars]]): Character bounds of the masks. By default, every "[MASK]" in the text; if the
        text has the masks filled in, every entity that has a kb_id.
    RAISES (ValueError): ML228 for any other value.
    """
    is_many = isinstance(fillers, Iterable) and not isinstance(fillers, Mapping)
    found: List[Any] = list(fillers) if is_many else [fillers]
    if places is None:
        places = find_markers(doc.text)
        if len(places) != len(found):
            places = [(ent.start_char, ent.end_char) for ent in doc.ents if ent.kb_id]
    rows = [list(map(_filler, row)) if isinstance(row, (list, tuple)) else [_filler(row)] for row in found]
    wrong = next((filler for row in rows for filler in row if not isinstance(filler, Filler)), None)
    if wrong is not None or len(places) != len(rows):
        what = repr(wrong) if wrong is not None else f"{len(rows)} lists"
        raise ValueError(Errors.ML228.format(n=len(find_markers(doc.text)), marker=MARKER, found=what))
    record = {
        "masks": [[int(start), int(end)] for start, end in places],
        "fillers": [[_plain(filler) for filler in row] for row in rows],
    }
    put_record(doc, RECORD, record)


@dataclass(frozen=True)
class GoldMask:
    """A mask whose correct fillers are annotated."""

    start_char: int
    end_char: int
    kb_ids: Tuple[str, ...]  # correct entities; training uses the first
    fillers: Tuple[Filler, ...]  # correct fillers
    text: str  # the reference's text at the mask


def gold_masks(doc: Doc) -> Optional[List[GoldMask]]:
    """Return the gold masks of a reference document.

    They come from entities with a kb_id and from `doc._.mluke_fillers`, which may name several correct entities for one
    mask.

    doc (Doc): The reference.
    RETURNS (Optional[List[GoldMask]]): In text order; None if the document is not annotated.
    """
    linked = {(ent.start_char, ent.end_char): ent for ent in doc.ents if ent.kb_id}
    named = {(mask.start_char, mask.end_char): mask.fillers for mask in get_masks(doc)}
    if not linked and not has_fillers(doc):
        return None
    found, text = [], doc.text
    for start, end in sorted({*linked, *named}):
        fillers = named.get((start, end), [])
        keys = [linked[(start, end)].kb_id_] if (start, end) in linked else []
        keys += [filler.kb_id or filler.entity for filler in fillers]
        kb_ids = tuple(dict.fromkeys(key for key in keys if key))
        found.append(GoldMask(start, end, kb_ids, tuple(fillers), text[start:end]))
    return found


def _plain(filler: Filler) -> List[Any]:
    return [str(filler.text), str(filler.entity), float(filler.score), str(filler.kb_id)]


def _filler(value: Any) -> Any:
    """Make a filler from a dictionary; return any other value unchanged."""
    if not isinstance(value, Mapping) or isinstance(value, Filler) or not isinstance(value.get("text"), str):
        return value
    try:
        return Filler(**value)
    except (TypeError, ValueError):
        return dict(value)
