"""What annotated texts say about the words of names: how often each is a name, begins or ends one, or is in none. NumPy
only: exported models read it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import numpy

from ..types import Floats1d, Floats2d, Ints1d
from .name_keys import loose_key
from .name_words import TYPES, WORD, is_character, look_up, make_table, unpack

# A text, and its names: first character, end and label of each.
AnnotatedText = Tuple[str, Sequence[Tuple[int, int, str]]]
# Types that are told apart: adjectives of countries, too. All others are one more.
LEXICON_TYPES = (*TYPES, "NORP")
_N_TYPES = len(LEXICON_TYPES) + 1
# Where a word is: it is a name; it begins or ends a longer one; it is between these; it is in no name.
_ALONE, _FIRST, _LAST = 0, _N_TYPES, 2 * _N_TYPES
_INSIDE, _OUTSIDE, _N_PLACES = 3 * _N_TYPES, 3 * _N_TYPES + 1, 3 * _N_TYPES + 2
_N_RATIOS = 3 * _N_TYPES + 1  # those of the first three places, and of being in any name
# Ratios are of so many more occurrences that are as those of all words.
_PRIOR_COUNT = 3.0
# Bits of a stored ratio; its code is _ZERO for 0, and one more for each _STEP.
_BITS, _STEP, _ZERO, _MAX_CODE = 4, 0.65, 7, 15
# Logarithm of the ratio of words that are hardly ever in a name: of 40 occurrences, none is.
_COMMON = -2.5
# For a name of one word, for the first word and for the last word of longer names: a ratio for each type, and for being
# in any name. Then the lowest ratio of its words, and whether it is of ordinary words.
N_LEXICON_FEATURES = 3 * (_N_TYPES + 1) + 2
ORDINARY = N_LEXICON_FEATURES - 1


@dataclass(frozen=True)
class NameLexicon:
    """Words of annotated texts, by hashes of 32 bits.

    words (Ints1d): Hashes of words, sorted. Shape: (n_words,), uint32.
    ratios (Ints1d): Logarithms of ratios, 4 bits each: how often the word is a name of each type, begins one, ends one,
        and is in any name, compared with all words. Shape: (n_words,), uint64.
    """

    words: Ints1d
    ratios: Ints1d

    @classmethod
    def of(cls, texts: Iterable[AnnotatedText], *, least_count: int = 2) -> NameLexicon:
        """Count the words of annotated texts.

        texts (Iterable[AnnotatedText]): Texts, each with the first character, the end and the label of all its names.
        least_count (int): Words that occur less often are skipped.
        RETURNS (NameLexicon): The lexicon.
        """
        ids, places = _Words(), []
        for text, spans in texts:
            places += ids.read(text, spans)
        cells = numpy.asarray(ids.read_ids, dtype="int64") * _N_PLACES + numpy.asarray(places, dtype="int64")
        counts = numpy.bincount(cells, minlength=len(ids.of_keys) * _N_PLACES).reshape((-1, _N_PLACES))
        codes = _codes(_log_ratios(counts))
        kept = numpy.flatnonzero(counts.sum(axis=1) >= least_count)
        keys = list(ids.of_keys)
        return cls(*make_table([keys[i] for i in kept.tolist()], codes[kept], _BITS, "uint64"))

    def features(self, names: Sequence[str], parts: Sequence[List[str]]) -> Floats2d:
        """Return what is known about the words of names. A word that is not known has zeros. Of Chinese and Japanese
        characters, only those are known that are ordinary words.

        A name is of ordinary words if all of its words are hardly ever in a name, and it is one word or in small
        letters: "to", "The", "of the", but not "The Who".

        names (Sequence[str]): The names, as in a text.
        parts (Sequence[List[str]]): The words of each, as from `split_name`.
        RETURNS (Floats2d): Shape: (n_names, N_LEXICON_FEATURES).
        """
        found = numpy.zeros((len(parts), N_LEXICON_FEATURES), dtype="float32")
        rows = numpy.asarray([i for i, words in enumerate(parts) if words], dtype="int64")
        if not len(rows):
            return found
        lengths = numpy.asarray([len(parts[i]) for i in rows.tolist()], dtype="int64")
        ratios = self._ratios([word for words in parts for word in words])
        firsts = numpy.cumsum(lengths) - lengths
        lasts = firsts + lengths - 1
        in_name = ratios[:, -1]
        is_one, columns = (lengths == 1)[:, None], []
        for first, words, is_used in ((_ALONE, firsts, is_one), (_FIRST, firsts, ~is_one), (_LAST, lasts, ~is_one)):
            own = numpy.hstack([ratios[words, first : first + _N_TYPES], in_name[words, None]])
            columns.append(own * is_used)
        lowest, highest = numpy.minimum.reduceat(in_name, firsts), numpy.maximum.reduceat(in_name, firsts)
        may_be_ordinary = is_one[:, 0] | [names[i].islower() for i in rows.tolist()]
        is_ordinary = (highest <= _COMMON) & may_be_ordinary
        # The characters of Chinese and Japanese names are no words, but one alone may be ordinary.
        are_words = numpy.asarray([[not is_character(parts[i][0])] for i in rows.tolist()])
        found[rows] = numpy.hstack([are_words * numpy.hstack([*columns, lowest[:, None]]), is_ordinary[:, None]])
        return found

    def _ratios(self, words: List[str]) -> Floats2d:
        """Logarithms of the ratios of words. Shape: (n_words, _N_RATIOS)."""
        unique = {word: i for i, word in enumerate(dict.fromkeys(words))}
        places = look_up(self.words, list(unique), max_ending=0)
        found = numpy.zeros((len(unique), _N_RATIOS), dtype="float32")
        is_known = places >= 0
        codes = unpack(self.ratios[places[is_known]], 0, _BITS, _N_RATIOS).astype("float32")
        found[is_known] = (codes - _ZERO) * _STEP
        return found[[unique[word] for word in words]]


class _Words:
    """Numbers of words, in the order of their first occurrence."""

    def __init__(self) -> None:
        self.of_keys: Dict[str, int] = {}
        self.read_ids: List[int] = []
        self._of_words: Dict[str, int] = {}

    def read(self, text: str, spans: Sequence[Tuple[int, int, str]]) -> List[int]:
        """Read the words of a text, and return where each is."""
        matches = list(WORD.finditer(text))
        self.read_ids += [self._number(match.group()) for match in matches]
        places = [_OUTSIDE] * len(matches)
        for start, end, label in spans:
            own = [i for i, match in enumerate(matches) if match.start() < end and match.end() > start]
            kind = LEXICON_TYPES.index(label) if label in LEXICON_TYPES else len(LEXICON_TYPES)
            for i in own:
                places[i] = _INSIDE
            if len(own) == 1:
                places[own[0]] = _ALONE + kind
            elif own:
                places[own[0]], places[own[-1]] = _FIRST + kind, _LAST + kind
        return places

    def _number(self, word: str) -> int:
        found = self._of_words.get(word)
        if found is None:
            found = self._of_words[word] = self.of_keys.setdefault(loose_key(word), len(self.of_keys))
        return found


def _log_ratios(counts: Ints1d) -> Floats2d:
    """How often words are in each place, compared with all words. Shape: (n_words, _N_RATIOS)."""
    in_name = counts[:, :_OUTSIDE].sum(axis=1, keepdims=True)
    own = numpy.hstack([counts[:, :_INSIDE], in_name])
    totals: Floats1d = own.sum(axis=0) / max(1, counts.sum())
    expected = _PRIOR_COUNT * numpy.maximum(totals, 1e-9)
    return numpy.log((own + expected) / (counts.sum(axis=1, keepdims=True) + _PRIOR_COUNT) * _PRIOR_COUNT / expected)


def _codes(ratios: Floats2d) -> Any:
    return numpy.clip(numpy.rint(ratios / _STEP) + _ZERO, 0, _MAX_CODE)
