"""Find names in text: all of them in one pass, in different spellings."""

from __future__ import annotations

import re
from typing import Any, Collection, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Tuple

import numpy

from ..types import Ints1d
from .inflection import LANGUAGES, MAX_ENDING, free_endings, is_free_stem
from .mention_rules import capitalised_words, extend, function_words, is_allowed, is_common_word, is_part, stop_words
from .name_hashes import part_hashes, running_hashes
from .name_index import ANY_ENDING, INFLECTED, MAX_NAME_LENGTH, NAME, ORDINARY, PREFIX, Names
from .name_keys import loose_key
from .text_classes import classify, word_edges, word_ends
from .text_language import likely_languages

_MARKS = re.compile("[\u0300-\u036f]+")
_CLUSTER = re.compile("[^\u0300-\u036f]?[\u0300-\u036f]*", re.DOTALL)
_SPACE = ord(" ")
_CHUNK = 1 << 12  # characters searched at once
_MAX_CACHED = 1 << 16  # foldings in the cache, of a letter with its marks
_CUT_NAME = 1 << 32  # a name that ends within a word of the text
_MAX_CACHED_LENGTH = 4  # characters of a cached letter with its marks


class FoundName(NamedTuple):
    """Character bounds of a name in a text."""

    start: int
    end: int


class MentionFinder:
    """Finds names in text in one pass, ignoring case, accents and punctuation (`loose_key`).

    - A name that begins with an upper-case letter is not found in lower case ("Nice", "nice"), and a code ("US") only
      in upper case. In names of few letters, and in lower case, accents matter ("på" is not "Pa").
    - An apostrophe is found only where a name has one: "Japans" is not found in "Japan's".
    - A stem is found with up to four more letters ("Япони": Японии, Японией). Names of languages that inflect names
      are found with the endings of `inflection`.
    - A stop word is found only where its capital means a name: not at the beginning of a sentence. In text of an
      unknown language, the words in small letters tell whose stop words are used. Pronouns and the like
      (`function_words`) are found in upper case only; common nouns of German, days and months are not found
      (`capitalised_words`).
    - A name whose key has more than 256 characters is not searched.

    names (Names): The names.
    lang (str): Language of the text, whose stop words are used; "xx" for any.
    skip_parts (bool): Whether to skip a name of one word beside another capitalised word ("Paris Hilton").
    inflections (bool): Whether names of all languages are found with the endings of the text's language: plurals, for
        instance (see `inflection.FREE_ENDINGS`).
    """

    def __init__(self, names: Names, lang: str = "xx", *, skip_parts: bool = False, inflections: bool = False):
        self.names = names
        self.lang = lang
        self.skip_parts = skip_parts
        self.endings: FrozenSet[str] = free_endings(lang) if inflections else frozenset()

    def __len__(self) -> int:
        """Number of keys."""
        return len(self.names.hashes)

    def find(self, text: str) -> List[FoundName]:
        """Return all names in a text that begin and end where words do, including overlapping ones.

        text (str): The text.
        RETURNS (List[FoundName]): Sorted by start; with one start, the longest first.
        """
        return sorted({name for name, _ in self._find(text)}, key=_start_and_length)

    def find_longest(self, text: str, edges: Optional[Collection[int]] = None) -> List[FoundName]:
        """Return names that do not overlap: from left to right, the longest name at each start that is still free.

        Keeps one name for each start in memory.

        text (str): The text.
        edges (Optional[Collection[int]]): Character offsets at which a name may begin or end; None for any.
        RETURNS (List[FoundName]): In text order.
        """
        ends: Dict[int, Tuple[int, bool]] = {}
        for (start, end), has_ending in self._find(text):
            if edges is None or (start in edges and end in edges):
                ends[start] = max((end, has_ending), ends.get(start, (0, False)))
        found = longest(FoundName(start, ends[start][0]) for start in sorted(ends))
        if not self.skip_parts:
            return found
        words = stop_words(self.lang)
        return [name for name in found if not is_part(text, *name, words, has_ending=ends[name.start][1])]

    def _find(self, text: str) -> Iterator[Tuple[FoundName, bool]]:
        """Names, and whether they have an ending."""
        if not len(self):
            return
        words, capitalised = stop_words(self.lang), capitalised_words(self.lang)
        functions: FrozenSet[str] = frozenset()
        own: Optional[Tuple[str, ...]] = None  # languages of the text, if it has any name
        for start, last, word_end, flags in self._matches(text):
            for first, end in _forms(text, start, last, word_end, flags, self.endings):
                end = extend(text, first, end)
                if not is_allowed(text, first, end, flags) or text[first:end].lower() in capitalised:
                    continue
                if own is None:
                    own = (self.lang,) if self.lang not in ("", "xx") else likely_languages(text)
                    words = words.union(*map(stop_words, own))
                    functions = frozenset().union(*map(function_words, own))
                if text[first:end].istitle() and text[first:end].lower() in functions:
                    continue
                if not is_common_word(text, first, end, words, is_ordinary=bool(flags & ORDINARY)):
                    yield FoundName(first, end), word_end == end > last

    def _matches(self, text: str) -> Iterator[Tuple[int, int, int, int]]:
        """Names whose keys are in the text: first character, end, end of the word, and bits."""
        # Marks that the key does not contain belong to the letter before them.
        marks = {} if text.isascii() else dict(run.span() for run in _MARKS.finditer(text))
        folded, origins = _fold(text, bool(marks))
        if not folded:
            return
        classes = classify(text)
        stops = word_ends(classes)
        edges = word_edges(classes)
        starts, ends = self._bounds(folded, origins, edges, stops, marks)
        for head in range(0, len(folded), _CHUNK):
            chunk = folded[head : head + _CHUNK + MAX_NAME_LENGTH]
            own_starts = starts[slice(*numpy.searchsorted(starts, (head, head + _CHUNK)))] - head
            own_ends = ends[slice(*numpy.searchsorted(ends, (head, head + len(chunk)), side="right"))] - head
            for first, last, flags in self._search(chunk, own_starts, own_ends):
                begin, end = int(origins[head + first]), int(origins[head + last - 1]) + 1
                end = marks.get(end, marks.get(end - 1, end))
                if edges[end]:
                    yield begin, end, end, flags
                else:
                    cut = _CUT_NAME if self.endings and flags & NAME else 0
                    yield begin, end, int(stops[end]), flags & ~NAME | cut

    def _bounds(
        self, folded: str, origins: Ints1d, edges: Ints1d, stops: Ints1d, marks: Dict[int, int]
    ) -> Tuple[Ints1d, Ints1d]:
        """Characters of a folded text at which names may begin, and end."""
        codes = numpy.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="uint32")
        is_word = codes != _SPACE
        is_new = numpy.ones(len(codes) + 1, dtype=bool)  # a character may be folded to several
        is_new[1:-1] = origins[1:] != origins[:-1]
        starts = numpy.flatnonzero(is_word & is_new[:-1] & edges[origins])
        after = origins + 1
        if marks:
            after = numpy.asarray([marks.get(end, marks.get(end - 1, end)) for end in after.tolist()], dtype="int64")
        is_end = edges[after]
        if self.names.has_stems or self.endings:
            is_end = is_end | (stops[after] - after <= MAX_ENDING)
        return starts, numpy.flatnonzero(is_word & is_new[1:] & is_end) + 1

    def _search(self, chunk: str, starts: Ints1d, ends: Ints1d) -> Iterator[Tuple[int, int, int]]:
        names = self.names
        hashes = running_hashes(chunk)
        reach = numpy.full(len(starts), PREFIX - 1)
        has_prefix = starts + PREFIX <= len(chunk)
        prefixes = part_hashes(hashes, starts[has_prefix], starts[has_prefix] + PREFIX)
        rows, is_found = _look_up(names.prefixes, prefixes)
        reach[numpy.flatnonzero(has_prefix)[is_found]] = names.lengths[rows]
        low = numpy.searchsorted(ends, starts, side="right")
        counts = numpy.searchsorted(ends, starts + reach, side="right") - low
        firsts = starts.repeat(counts)
        places = numpy.arange(counts.sum()) - (numpy.cumsum(counts) - counts).repeat(counts)
        lasts = ends[low.repeat(counts) + places]
        rows, is_found = _look_up(names.hashes, part_hashes(hashes, firsts, lasts))
        yield from zip(firsts[is_found].tolist(), lasts[is_found].tolist(), names.flags[rows].tolist(), strict=True)


def _forms(
    text: str, start: int, last: int, word_end: int, flags: int, endings: FrozenSet[str]
) -> Iterator[Tuple[int, int]]:
    """The mentions that a name is found as: complete, or with an ending."""
    length = word_end - last
    if flags & NAME:
        yield start, last
    if flags & _CUT_NAME and text[last:word_end].lower() in endings and is_free_stem(text[start:last]):
        yield start, word_end
    if flags & ANY_ENDING and length <= MAX_ENDING:
        yield start, word_end
    if 0 < length <= MAX_ENDING and flags & ~_CUT_NAME >= min(INFLECTED.values()):
        ending = text[last:word_end].lower()
        for lang, bit in INFLECTED.items():
            rules = LANGUAGES[lang]
            if flags & bit and ending in rules.endings:
                yield start, last if rules.are_particles else word_end


def _look_up(table: Ints1d, values: Ints1d) -> Tuple[Ints1d, Ints1d]:
    """Rows of a sorted table, for the values that it has; and which values these are."""
    if not len(table):
        return numpy.zeros(0, dtype="int64"), numpy.zeros(len(values), dtype=bool)
    rows = numpy.minimum(numpy.searchsorted(table, values), len(table) - 1)
    is_found = table[rows] == values
    return rows[is_found], is_found


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


def _start_and_length(found: FoundName) -> Tuple[int, int]:
    return found.start, -found.end
