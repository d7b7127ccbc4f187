"""Finding names in running text: all of them at once, however they are spelt."""

from __future__ import annotations

import re
import unicodedata
from itertools import chain, repeat
from typing import Any, Collection, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

import ahocorasick_rs
import numpy

from ..types import Ints1d
from .name_keys import loose_key
from .store import MAX_ENDING

# Scripts that write no spaces between words: a name may begin and end inside a run of their letters.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_MARKS = re.compile("[\u0300-\u036f]+")
_CLUSTER = re.compile("[^\u0300-\u036f]?[\u0300-\u036f]*", re.DOTALL)
_SPACE = ord(" ")
# Capital letters alone, this many at most, are a code (US, USA): as small letters they are other words.
_CODE_LENGTH = 4
# Longer names are not looked for in text: the automaton's memory grows with the square of a name's length, and as many
# names as that may end at one character.
MAX_NAME = 256
_PART = 1 << 12  # characters that are searched at once: what is found in them is in memory
_REMEMBERED = 1 << 16  # foldings that are kept, of a letter with its marks
_FEW = 4  # that have this many characters


class Found(NamedTuple):
    """A place where a name stands."""

    start: int  # character
    end: int


class _Spelling(NamedTuple):
    """What the names with one key have in common."""

    small: bool  # whether one of them may begin with a small letter
    code: bool  # whether all of them are codes in capitals
    name: bool  # whether one of them is a whole name
    stem: bool  # whether one of them is a stem


class NameFinder:
    """Finds names in text, but for case, accents and punctuation (`loose_key`), in one pass over it.

    A name that begins with a capital letter is not found in small letters ("Nice", "nice"), and a code in capitals
    ("US") only as it stands. A stem is found with up to four more letters, to the end of the word ("Япони": Японии,
    Японией). A name of more than 256 characters (folded) is not looked for.

    names (Iterable[str]): The names.
    stems (Iterable[str]): Beginnings of names whose ends change.
    """

    def __init__(self, names: Iterable[str], stems: Iterable[str] = ()):
        spellings: Dict[str, _Spelling] = {}
        for name, is_stem in chain(zip(names, repeat(False)), zip(stems, repeat(True))):
            key = loose_key(name)
            if len(key) > MAX_NAME or not any(char.isalnum() for char in key):
                continue
            new = _spelling(name, is_stem)
            old = spellings.get(key)
            spellings[key] = new if old is None else _join(old, new)
        self._spellings = list(spellings.values())
        self._longest = max(map(len, spellings), default=1)
        self._automaton = ahocorasick_rs.AhoCorasick(list(spellings), matchkind=ahocorasick_rs.MatchKind.Standard)

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._spellings)

    def find(self, text: str) -> List[Found]:
        """Find all names in a text that begin and end where words do, overlapping ones, too.

        text (str): The text.
        RETURNS (List[Found]): By their beginnings; of one beginning, the longest first.
        """
        return sorted(set(self._find(text)), key=_by_place)

    def find_longest(self, text: str, edges: Optional[Collection[int]] = None) -> List[Found]:
        """Find names that do not overlap: from left to right, the longest that begins first. Takes memory for these
        alone.

        text (str): The text.
        edges (Optional[Collection[int]]): Characters where a name may begin and end; None for any.
        RETURNS (List[Found]): In text order.
        """
        ends: Dict[int, int] = {}
        for start, end in self._find(text):
            if edges is None or (start in edges and end in edges):
                ends[start] = max(end, ends.get(start, 0))
        return longest(Found(start, ends[start]) for start in sorted(ends))

    def _find(self, text: str) -> Iterator[Found]:
        # Marks that the key leaves out belong to the letter before them.
        marks = {} if text.isascii() else dict(run.span() for run in _MARKS.finditer(text))
        folded, places = _fold(text, bool(marks))
        for head in range(0, len(folded), _PART):
            part = folded[head : head + _PART + self._longest - 1]
            for row, start, end in self._automaton.find_matches_as_indexes(part, overlapping=True):
                if start >= _PART:
                    continue  # the next part's
                first, last = int(places[head + start]), int(places[head + end - 1]) + 1
                last = marks.get(last, marks.get(last - 1, last))
                spelling = self._spellings[row]
                if not _may_part(text, first) or not _is_cased(text[first:last], spelling):
                    continue
                if spelling.name and _may_part(text, last):
                    yield Found(first, last)
                if spelling.stem:
                    word_end = _word_end(text, last)
                    if word_end - last <= MAX_ENDING:
                        yield Found(first, word_end)


def longest(found: Iterable[Found]) -> List[Found]:
    """Choose places that do not overlap: from left to right, the longest that begins first.

    found (Iterable[Found]): As from `NameFinder.find`.
    RETURNS (List[Found]): In text order.
    """
    chosen: List[Found] = []
    for place in found:
        if not chosen or place.start >= chosen[-1].end:
            chosen.append(place)
    return chosen


def fold(text: str) -> Tuple[str, Ints1d]:
    """Reduce a text as `loose_key` reduces a name, and say where its characters come from.

    text (str): The text.
    RETURNS (Tuple[str, Ints1d]): The reduced text, and for each of its characters the character of the text. Shape:
        (n,), int64.
    """
    return _fold(text, _MARKS.search(text) is not None)


def _fold(text: str, has_marks: bool) -> Tuple[str, Ints1d]:
    if has_marks:
        clusters = _CLUSTER.findall(text)
        parts = [_FOLDS[cluster] for cluster in clusters]
        heads = numpy.cumsum([0, *map(len, clusters)])[:-1]
        lengths = numpy.fromiter(map(len, parts), dtype="int64", count=len(parts))
        folded, places = "".join(parts), heads.repeat(lengths)
    else:
        folded = text.translate(_FOLDS)
        if text.isascii() and len(folded) == len(text):
            places = numpy.arange(len(text))
        else:
            sizes = text.translate(_SIZES).encode("latin-1")
            places = numpy.arange(len(text)).repeat(numpy.frombuffer(sizes, dtype="uint8"))
    if "  " not in folded:
        return folded, places
    codes = numpy.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="uint32")
    kept: Any = numpy.ones(len(codes), dtype=bool)
    kept[1:] = (codes[1:] != _SPACE) | (codes[:-1] != _SPACE)
    return codes[kept].tobytes().decode("utf-32-le", "surrogatepass"), places[kept]


class _Folds(dict):
    """What becomes of a character (by number, for `str.translate`) or of a letter with its marks; the first ones that
    are met are remembered."""

    def __missing__(self, char: Any) -> str:
        letter = chr(char) if isinstance(char, int) else char
        # Between two letters, so that spaces and what is dropped are not at an edge; of a script that keeps its marks.
        folded = loose_key(f"я{letter}я")[1:-1]
        if len(self) < _REMEMBERED and len(letter) <= _FEW:
            self[char] = folded
        return folded


class _Sizes(dict):
    """How many characters a character becomes, as a character."""

    def __missing__(self, char: int) -> str:
        size = chr(len(_FOLDS[char]))
        if len(self) < _REMEMBERED:
            self[char] = size
        return size


_FOLDS = _Folds()
_SIZES = _Sizes()


def _spelling(name: str, is_stem: bool) -> _Spelling:
    letters = [char for char in name if char.isalpha()]
    first = letters[0] if letters else ""
    code = name.isupper() and name.isalnum() and len(name) <= _CODE_LENGTH and first.lower() != first
    return _Spelling(first == first.lower(), code and not is_stem, not is_stem, is_stem)


def _join(one: _Spelling, other: _Spelling) -> _Spelling:
    return _Spelling(one.small or other.small, one.code and other.code, one.name or other.name, one.stem or other.stem)


def _is_cased(mention: str, spelling: _Spelling) -> bool:
    """Whether a mention is written as its names allow."""
    if spelling.code:
        return mention.isupper()
    if spelling.small:
        return True
    first = next((char for char in mention if char.isalpha()), "")
    return first != first.lower()


def _word_end(text: str, place: int) -> int:
    """Where the word around a place ends, as far as an ending goes."""
    end = place
    while end < min(len(text), place + MAX_ENDING + 1) and _is_letter(text[end]):
        end += 1
    return end


def _may_part(text: str, place: int) -> bool:
    """Whether a word may begin or end at a place."""
    if place in (0, len(text)):
        return True
    before, after = text[place - 1], text[place]
    if not (_is_letter(before) and _is_letter(after)):
        return True
    return bool(UNSPACED.match(before) or UNSPACED.match(after))


def _is_letter(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def _by_place(found: Found) -> Tuple[int, int]:
    return found.start, -found.end
