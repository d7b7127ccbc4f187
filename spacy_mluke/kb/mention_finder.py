"""Find names in text: all of them in one pass, in different spellings."""

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

# Scripts without spaces between words: a name may begin and end between any two of their letters.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_MARKS = re.compile("[\u0300-\u036f]+")
_CLUSTER = re.compile("[^\u0300-\u036f]?[\u0300-\u036f]*", re.DOTALL)
_SPACE = ord(" ")
# A name of at most this many letters, all upper case, is a code (US, USA). Found in upper case only: "us" is a word.
_MAX_CODE_LENGTH = 4
# Longer names are not searched: the automaton's memory grows with the square of a name's length, and up to this many
# matches may end at one character.
MAX_NAME_LENGTH = 256
_CHUNK = 1 << 12  # characters searched at once; their matches are in memory
_MAX_CACHED = 1 << 16  # foldings in the cache, of a letter with its marks
_MAX_CACHED_LENGTH = 4  # characters of a cached letter with its marks


class FoundName(NamedTuple):
    """Character bounds of a name in a text."""

    start: int
    end: int


class _Spelling(NamedTuple):
    """Properties of the names that have one key."""

    may_be_lowercase: bool  # whether one of them may begin with a lower-case letter
    is_code: bool  # whether all of them are codes in upper case
    is_name: bool  # whether one of them is a complete name
    is_stem: bool  # whether one of them is a stem


class MentionFinder:
    """Finds names in text in one pass, ignoring case, accents and punctuation (`loose_key`).

    A name that begins with an upper-case letter is not found in lower case ("Nice", "nice"), and a code ("US") only in
    upper case. A stem is found with up to four more letters, to the end of the word ("Япони": Японии, Японией). A
    name whose key has more than 256 characters is not searched.

    names (Iterable[str]): The names.
    stems (Iterable[str]): Beginnings of names whose endings change.
    """

    def __init__(self, names: Iterable[str], stems: Iterable[str] = ()):
        spellings: Dict[str, _Spelling] = {}
        for name, is_stem in chain(zip(names, repeat(False)), zip(stems, repeat(True))):
            key = loose_key(name)
            if len(key) > MAX_NAME_LENGTH or not any(char.isalnum() for char in key):
                continue
            new = _spelling(name, is_stem)
            old = spellings.get(key)
            spellings[key] = new if old is None else _join(old, new)
        self._spellings = list(spellings.values())
        self._longest = max(map(len, spellings), default=1)
        self._automaton = ahocorasick_rs.AhoCorasick(list(spellings), matchkind=ahocorasick_rs.MatchKind.Standard)

    def __len__(self) -> int:
        """Number of keys."""
        return len(self._spellings)

    def find(self, text: str) -> List[FoundName]:
        """Return all names in a text that begin and end where words do, including overlapping ones.

        text (str): The text.
        RETURNS (List[FoundName]): Sorted by start; with one start, the longest first.
        """
        return sorted(set(self._find(text)), key=_start_and_length)

    def find_longest(self, text: str, edges: Optional[Collection[int]] = None) -> List[FoundName]:
        """Return names that do not overlap: from left to right, the longest name at each start that is still free.

        Keeps one name for each start in memory.

        text (str): The text.
        edges (Optional[Collection[int]]): Character offsets at which a name may begin or end; None for any.
        RETURNS (List[FoundName]): In text order.
        """
        ends: Dict[int, int] = {}
        for start, end in self._find(text):
            if edges is None or (start in edges and end in edges):
                ends[start] = max(end, ends.get(start, 0))
        return longest(FoundName(start, ends[start]) for start in sorted(ends))

    def _find(self, text: str) -> Iterator[FoundName]:
        # Marks that the key does not contain belong to the letter before them.
        marks = {} if text.isascii() else dict(run.span() for run in _MARKS.finditer(text))
        folded, origins = _fold(text, bool(marks))
        for head in range(0, len(folded), _CHUNK):
            chunk = folded[head : head + _CHUNK + self._longest - 1]
            for row, start, end in self._automaton.find_matches_as_indexes(chunk, overlapping=True):
                if start >= _CHUNK:
                    continue  # found again in the next chunk
                first, last = int(origins[head + start]), int(origins[head + end - 1]) + 1
                last = marks.get(last, marks.get(last - 1, last))
                spelling = self._spellings[row]
                if not _is_word_edge(text, first) or not _has_allowed_case(text[first:last], spelling):
                    continue
                if spelling.is_name and _is_word_edge(text, last):
                    yield FoundName(first, last)
                if spelling.is_stem:
                    word_end = _word_end(text, last)
                    if word_end - last <= MAX_ENDING:
                        yield FoundName(first, word_end)


def longest(found: Iterable[FoundName]) -> List[FoundName]:
    """Choose names that do not overlap: from left to right, each that begins at or after the end of the last one.

    found (Iterable[FoundName]): As from `MentionFinder.find`.
    RETURNS (List[FoundName]): In text order.
    """
    chosen: List[FoundName] = []
    for name in found:
        if not chosen or name.start >= chosen[-1].end:
            chosen.append(name)
    return chosen


def fold(text: str) -> Tuple[str, Ints1d]:
    """Return a text folded as by `loose_key`, and the origin of its characters.

    text (str): The text.
    RETURNS (Tuple[str, Ints1d]): The folded text, and for each of its characters the index in the text. Shape: (n,),
        int64.
    """
    return _fold(text, _MARKS.search(text) is not None)


def _fold(text: str, has_marks: bool) -> Tuple[str, Ints1d]:
    if has_marks:
        clusters = _CLUSTER.findall(text)
        parts = [_FOLDS[cluster] for cluster in clusters]
        heads = numpy.cumsum([0, *map(len, clusters)])[:-1]
        lengths = numpy.fromiter(map(len, parts), dtype="int64", count=len(parts))
        folded, origins = "".join(parts), heads.repeat(lengths)
    else:
        folded = text.translate(_FOLDS)
        if text.isascii() and len(folded) == len(text):
            origins = numpy.arange(len(text))
        else:
            sizes = text.translate(_SIZES).encode("latin-1")
            origins = numpy.arange(len(text)).repeat(numpy.frombuffer(sizes, dtype="uint8"))
    if "  " not in folded:
        return folded, origins
    codes = numpy.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="uint32")
    kept: Any = numpy.ones(len(codes), dtype=bool)
    kept[1:] = (codes[1:] != _SPACE) | (codes[:-1] != _SPACE)
    return codes[kept].tobytes().decode("utf-32-le", "surrogatepass"), origins[kept]


class _Folds(dict):
    """Folded form of a character (by code point, for `str.translate`) or of a letter with its marks; a cache."""

    def __missing__(self, char: Any) -> str:
        letter = chr(char) if isinstance(char, int) else char
        # Fold it between letters, as `loose_key` strips spaces at the edges; Cyrillic letters keep their marks.
        folded = loose_key(f"я{letter}я")[1:-1]
        if len(self) < _MAX_CACHED and len(letter) <= _MAX_CACHED_LENGTH:
            self[char] = folded
        return folded


class _Sizes(dict):
    """Length of a character's folded form, as a character; a cache."""

    def __missing__(self, char: int) -> str:
        size = chr(len(_FOLDS[char]))
        if len(self) < _MAX_CACHED:
            self[char] = size
        return size


_FOLDS = _Folds()
_SIZES = _Sizes()


def _spelling(name: str, is_stem: bool) -> _Spelling:
    letters = [char for char in name if char.isalpha()]
    first = letters[0] if letters else ""
    is_code = name.isupper() and name.isalnum() and len(name) <= _MAX_CODE_LENGTH and first.lower() != first
    return _Spelling(first == first.lower(), is_code and not is_stem, not is_stem, is_stem)


def _join(one: _Spelling, other: _Spelling) -> _Spelling:
    return _Spelling(
        one.may_be_lowercase or other.may_be_lowercase,
        one.is_code and other.is_code,
        one.is_name or other.is_name,
        one.is_stem or other.is_stem,
    )


def _has_allowed_case(mention: str, spelling: _Spelling) -> bool:
    """Whether the upper-case letters of a mention are allowed for its names."""
    if spelling.is_code:
        return mention.isupper()
    if spelling.may_be_lowercase:
        return True
    first = next((char for char in mention if char.isalpha()), "")
    return first != first.lower()


def _word_end(text: str, start: int) -> int:
    """End of the word that continues at a character, or a character further than an ending may reach."""
    end = start
    while end < min(len(text), start + MAX_ENDING + 1) and _is_letter(text[end]):
        end += 1
    return end


def _is_word_edge(text: str, index: int) -> bool:
    """Whether a word may begin or end before a character."""
    if index in (0, len(text)):
        return True
    before, after = text[index - 1], text[index]
    if not (_is_letter(before) and _is_letter(after)):
        return True
    return bool(UNSPACED.match(before) or UNSPACED.match(after))


def _is_letter(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def _start_and_length(found: FoundName) -> Tuple[int, int]:
    return found.start, -found.end
