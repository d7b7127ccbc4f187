"""Trim punctuation at the ends of answers. Without spaCy: exported models (`onnx/`) use it, too."""

from __future__ import annotations

from typing import List, Set, Tuple

SEPARATORS = frozenset(",;:，；：、،؛")
FULL_STOPS = frozenset("。！？।؟")
# By what a bracket or quotation mark is closed.
CLOSERS = {
    '"': '"',
    "(": ")",
    "[": "]",
    "{": "}",
    "«": "»",
    "“": "”",
    "„": "“”",
    "「": "」",
    "『": "』",
    "《": "》",
    "（": "）",
}
_ALL_CLOSERS = frozenset("".join(CLOSERS.values()))
# A full stop after a shorter word may be a part of it: "Jr.", "Inc.", German "20.".
LEAST_WORD = 4


def trim(text: str, start: int, end: int) -> Tuple[int, int]:
    """Return the bounds of an answer without punctuation at its ends that does not belong to it: commas, semicolons and
    colons, one of two brackets or quotation marks, the full stop of a sentence. If a bracket inside the answer is
    closed right after it, the closing one is included.

    text (str): The document's text.
    start (int): The answer's first character.
    end (int): Its end.
    RETURNS (Tuple[int, int]): Start and end; the given ones if nothing else is left.
    """
    first, last = start, end
    while first < last:
        own = text[first:last]
        single = _single_marks(own)
        if own[-1].isspace() or own[-1] in SEPARATORS or len(own) - 1 in single or _ends_with_full_stop(own):
            last -= 1
        elif own[0].isspace() or own[0] in SEPARATORS or 0 in single:
            first += 1
        elif single and text[last : last + 1] in [closer for i in single for closer in CLOSERS.get(own[i], "")]:
            return first, last + 1
        else:
            return first, last
    return start, end


def _single_marks(own: str) -> Set[int]:
    """Return the positions of brackets and quotation marks whose other half is missing."""
    opened: List[int] = []
    single = set()
    for i, char in enumerate(own):
        if opened and char in CLOSERS[own[opened[-1]]]:
            opened.pop()
        elif char in CLOSERS:
            opened.append(i)
        elif char in _ALL_CLOSERS:
            single.add(i)
    return single.union(opened)


def _ends_with_full_stop(own: str) -> bool:
    if own[-1] in FULL_STOPS:
        return True
    word = own[:-1].rpartition(" ")[2]
    return own[-1] in ".!?" and len(word) >= LEAST_WORD and "." not in word
