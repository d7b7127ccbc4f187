"""Classes of a text's characters, and the places where words begin and end."""

from __future__ import annotations

import re
import unicodedata

import numpy

from ..types import Ints1d

# Scripts without spaces between words: a name may begin and end between any two of their letters.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc-\u30ff]")
# A letter of a script with spaces, a letter of a script without them, a letter of katakana (a word in katakana is not
# divided), a mark on a letter of a script without spaces.
OTHER, LETTER, FREE, KATAKANA, FREE_MARK = range(5)
_MAX_CACHED = 1 << 16


class _Classes(dict):
    """Class of a character, as a character, for `str.translate`; a cache."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        is_mark = unicodedata.category(char).startswith("M")
        if not (char.isalnum() or is_mark or char == "\u30fc"):
            found = OTHER
        elif _KATAKANA.match(char):
            found = KATAKANA
        elif UNSPACED.match(char):
            found = FREE_MARK if is_mark else FREE
        else:
            found = LETTER
        if len(self) < _MAX_CACHED:
            self[code] = chr(found)
        return chr(found)


_CLASSES = _Classes()


def classify(text: str) -> Ints1d:
    """Return the class of each character of a text.

    text (str): The text.
    RETURNS (Ints1d): Shape: (n,), uint8.
    """
    return numpy.frombuffer(text.translate(_CLASSES).encode("latin-1"), dtype="uint8")


def word_edges(classes: Ints1d) -> Ints1d:
    """Return before which characters a word may begin or end.

    classes (Ints1d): As returned by `classify`. Shape: (n,), uint8.
    RETURNS (Ints1d): The last one is the end of the text. Shape: (n + 1,), bool.
    """
    edges = numpy.ones(len(classes) + 1, dtype=bool)
    if len(classes) > 1:
        before, after = classes[:-1], classes[1:]
        is_inside = (before == LETTER) & (after == LETTER)
        is_inside |= (before == KATAKANA) & (after == KATAKANA)
        is_inside |= (before != OTHER) & (after == FREE_MARK)
        edges[1:-1] = ~is_inside
    return edges


def word_ends(classes: Ints1d) -> Ints1d:
    """Return where the word ends that each character is in, or where the text has no word, the character itself.

    classes (Ints1d): As returned by `classify`. Shape: (n,), uint8.
    RETURNS (Ints1d): Shape: (n + 1,), int64.
    """
    places = numpy.arange(len(classes) + 1)
    stops = numpy.concatenate([classes != LETTER, [True]])
    return numpy.minimum.accumulate(numpy.where(stops, places, len(classes))[::-1])[::-1]
