"""Whether the file of a sentencepiece model is whole: the library reads one that ends between two pieces."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

# Parts of the file, a protocol buffer, by the numbers of their fields: the pieces, one by one; how they were trained;
# how text is normalized. They come in this order.
_PIECE, _TRAINER, _NORMALIZER = 1, 2, 3
_TRAINED_SIZE = 4  # of the trainer's fields, the number of pieces
# Kinds of fields: a number, eight bytes, as many bytes as it says, four bytes.
_NUMBER, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
# Places that are tried before the file is read from its beginning, which takes half a second for XLM-R's.
_TRIES = 10_000

Range = Tuple[int, int]


def check_whole(content: bytes, n_pieces: int) -> None:
    """See that a sentencepiece model is not cut short.

    content (bytes): The file.
    n_pieces (int): Pieces that the library found in it.
    RAISES (ValueError): If a part is missing, or if there are fewer pieces than it was trained with.
    """
    parts = _last_parts(content) or _all_parts(content)
    if parts is None or _TRAINER not in parts or _NORMALIZER not in parts:
        raise ValueError(f"it is cut short, after {n_pieces:,} pieces")
    trained = _number(content, parts[_TRAINER], _TRAINED_SIZE)
    if n_pieces < trained:
        raise ValueError(f"it has {n_pieces:,} pieces of {trained:,}")


def _last_parts(content: bytes) -> Optional[Dict[int, Range]]:
    """The parts after the pieces, looked for from the end."""
    at = len(content)
    for _ in range(_TRIES):
        at = content.rfind(bytes([_TRAINER << 3 | _BYTES]), 0, at)
        if at < 0:
            return None
        parts = _parts(content, at, first=_TRAINER)
        if parts is not None and _NORMALIZER in parts:
            return parts
    return None


def _all_parts(content: bytes) -> Optional[Dict[int, Range]]:
    return _parts(content, 0, first=_PIECE)


def _parts(content: bytes, at: int, *, first: int) -> Optional[Dict[int, Range]]:
    """Fields from a place to the end, with where their bytes lie, of each the last; None if there are none of rising
    numbers that begin so and end there."""
    parts: Dict[int, Range] = {}
    latest = first
    while at < len(content):
        head = _varint(content, at)
        size = None if head is None else _varint(content, head[1])
        if head is None or size is None or head[0] & 7 != _BYTES or head[0] >> 3 < latest:
            return None
        latest, at = head[0] >> 3, size[0] + size[1]
        parts[latest] = (size[1], at)
    return parts if at == len(content) else None


def _number(content: bytes, where: Range, field: int) -> int:
    """A number among the fields of a part; 0 if it has none."""
    at, end = where
    while at < end:
        head = _varint(content, at)
        value = None if head is None else _varint(content, head[1])
        if head is None or value is None:
            return 0
        kind = head[0] & 7
        if kind == _NUMBER:
            if head[0] >> 3 == field:
                return value[0]
            at = value[1]
        elif kind in (_EIGHT, _FOUR):
            at = head[1] + (8 if kind == _EIGHT else 4)
        elif kind == _BYTES:
            at = value[0] + value[1]
        else:
            return 0
    return 0


def _varint(content: bytes, at: int) -> Optional[Tuple[int, int]]:
    """A number of as many bytes as it needs, and where the next thing begins; None if there is none."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            return None
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    return None
