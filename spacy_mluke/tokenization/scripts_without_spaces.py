"""Split text in scripts without spaces at wordpieces."""

from __future__ import annotations

import re

import numpy

from ..types import Ints1d
from .interface import Wordpieces
from .particles import find_particles

# Han, Hiragana, Katakana, Bopomofo, Hangul, Thai, Lao, Tibetan, Myanmar, Khmer, fullwidth punctuation. Korean has
# spaces, but its particles are attached to the named entity before them.
_RANGES = (
    (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xA960, 0xA97F),
    (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40),
    (0xFF5B, 0xFFDC), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip
_WITHOUT_SPACES = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _RANGES) + "]")


def has_no_spaces(text: str) -> bool:
    """Return whether a text has characters of a script without spaces.

    text (str): The text.
    RETURNS (bool): Whether it has any.
    """
    return _WITHOUT_SPACES.search(text) is not None


def split_points(text: str, wordpieces: Wordpieces, *, split_particles: bool = False) -> Ints1d:
    """Return the bounds of wordpieces and particles with a character of a script without spaces on either side.

    text (str): The text.
    wordpieces (Wordpieces): The vocabulary.
    split_particles (bool): Whether particles inside wordpieces are split off.
    RETURNS (Ints1d): Character positions, rising.
    """
    (pieces,) = wordpieces.encode([text])
    bounds = numpy.unique(pieces.offsets[pieces.offsets[:, 0] < pieces.offsets[:, 1]])
    if split_particles:
        bounds = numpy.union1d(bounds, find_particles(text, pieces.offsets))
    marked = numpy.zeros(len(text) + 2, dtype=bool)
    marked[[match.start() + 1 for match in _WITHOUT_SPACES.finditer(text)]] = True
    return bounds[marked[bounds] | marked[bounds + 1]]
