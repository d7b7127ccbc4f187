"""Check that the file of a sentencepiece model is complete.

The library reads a file that was truncated between two pieces without an error.
"""

from __future__ import annotations

from typing import Dict, Optional, Tuple

# Field numbers in the file, a protocol buffer: the pieces (one field each), the settings of training, and the rules of
# normalization, in this order.
_PIECE, _TRAINER, _NORMALIZER = 1, 2, 3
_TRAINED_SIZE = 4  # the field of the training settings that holds the number of pieces
# Wire types of fields: a varint, eight bytes, bytes after their number, four bytes.
_NUMBER, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
# Positions to try, from the end, before the file is read from its start, which takes half a second for XLM-R's.
_TRIES = 10_000

Range = Tuple[int, int]


def check_whole(content: bytes, n_pieces: int) -> None:
    """Check that the file of a sentencepiece model is not truncated.

    content (bytes): The content of the file.
    n_pieces (int): Number of pieces that the library read from it.
    RAISES (ValueError): If a part is missing, or if there are fewer pieces than the model was trained with.
    """
    parts = _last_parts(content) or _all_parts(content)
    if parts is None or _TRAINER not in parts or _NORMALIZER not in parts:
        raise ValueError(f"it is truncated after {n_pieces:,} pieces")
    trained = _number(content, parts[_TRAINER], _TRAINED_SIZE)
    if n_pieces < trained:
        raise ValueError(f"it has {n_pieces:,} of {trained:,} pieces")


def _last_parts(content: bytes) -> Optional[Dict[int, Range]]:
    """Find the parts after the pieces, searching from the end."""
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
    """Return the byte range of the last field of each number from a position to the end of the file.

    None if the bytes from there are not fields of rising numbers that end where the file ends.
    """
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
    """Return the value of a varint field of a part; 0 if the part does not have the field."""
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
    """Return the varint at a position, and the position after it; None if there is none."""
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
