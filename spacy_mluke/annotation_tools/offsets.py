"""Positions in texts: UTF-16 code units, and texts that a tool has changed."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Callable, List, Optional, Tuple

Bounds = Tuple[int, int]


def utf16_positions(text: str) -> List[int]:
    """Return the position of each character in UTF-16 code units, as JavaScript and Java count them.

    text (str): The text.
    RETURNS (List[int]): A position for each character, and the length of the text.
    """
    return list(accumulate((1 + (char > "\uffff") for char in text), initial=0))


def from_utf16(text: str, start: int, end: int) -> Optional[Bounds]:
    """Convert bounds in UTF-16 code units to characters.

    text (str): The text.
    start (int): First code unit.
    end (int): End.
    RETURNS (Optional[Bounds]): First character and end; None if a bound is outside the text, or inside a character.
    """
    positions = utf16_positions(text)
    found = [bisect_left(positions, position) for position in (start, end)]
    if any(i > len(text) or positions[i] != position for i, position in zip(found, (start, end), strict=True)):
        return None
    return found[0], found[1]


def match_texts(changed: str, original: str) -> Optional[Callable[[int, int], Bounds]]:
    """Return a function that converts bounds in a text that a tool has changed to bounds in the original.

    Tools convert line ends, collapse or trim whitespace, remove control characters, and compose accents (Unicode NFC).

    changed (str): The text of the tool.
    original (str): The original text.
    RETURNS (Optional[Callable]): From first character and end to those in the original; None if the texts differ in
        other ways.
    """
    if changed == original:
        return lambda start, end: (start, end)
    # A tool that keeps control characters keeps the bounds of entities that begin or end with one.
    for controls in (True, False):
        ours, theirs = _visible_parts(original, controls), _visible_parts(changed, controls)
        if [part for part, _, _ in ours] == [part for part, _, _ in theirs]:
            break
    else:
        return None
    starts = [start for _, start, _ in theirs]
    ends = [end for _, _, end in theirs]

    def convert(start: int, end: int) -> Bounds:
        # The parts that share a character with the bounds.
        first = bisect_right(ends, start)
        last = bisect_left(starts, end) - 1
        if first > last:  # only whitespace
            place = ours[first][1] if first < len(ours) else len(original)
            return place, place
        return ours[first][1], ours[last][2]

    return convert


def _visible_parts(text: str, controls: bool) -> List[Tuple[str, int, int]]:
    """Letters with their accents in composed form, with their bounds; without whitespace. `controls` keeps control
    characters."""
    parts: List[Tuple[str, int, int]] = []
    i = 0
    while i < len(text):
        end = i + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        if not text[i].isspace() and (controls or unicodedata.category(text[i]) != "Cc"):
            parts.append((unicodedata.normalize("NFC", text[i:end]), i, end))
        i = end
    return parts
