"""Which ranges of tokens can be names, judging by punctuation and particles."""

from __future__ import annotations

import re
from typing import Dict, Sequence

import numpy

from ..ragged import row_offsets
from ..types import Bools1d, Ints1d

# A name neither begins nor ends with these; and it does not begin with a full stop, or end with an ideographic one.
_SEPARATORS = ",;:/|·…-–—،؛、，；：‧"
_STOPS, _LAST_STOPS = ".!?。！？", "。"
_OPENING, _CLOSING = "([{（［｛【", ")]}）］｝】"
_QUOTES = '"“”„‟«»‘’‚‹›「」『』《》〈〉'
# Particles that are no name by themselves: Japanese, Chinese ("of", "in", "is", "to", "from"), Korean and Thai. Some
# others are names, too: 中 is China, 이 a surname.
_PARTICLES = "[のがはをにでとも的在是对對从從與는을를의에]|から|まで|ใน|ที่"
# A letter or a digit; but not in a particle, or in an ending after an apostrophe, such as 's.
_WORD = re.compile(rf"^(?!['’]\w{{1,2}}$)(?!(?:{_PARTICLES})$).*\w", re.DOTALL)
_N_KINDS = 6


def are_names(words: Sequence[str], starts: Ints1d, ends: Ints1d) -> Bools1d:
    """Return which ranges can be names.

    A range has a letter or a digit outside particles and endings such as 's. It neither begins nor ends with a comma, a
    colon, a dash or the like. It may end with a full stop ("Henry VIII."), and does not begin with one. If it begins or
    ends with a bracket, brackets are closed inside; if with a quotation mark, there is an even number of them inside.

    words (Sequence[str]): Texts of the tokens.
    starts (Ints1d): First token of each range. Shape: (n,).
    ends (Ints1d): End of each range. Shape: (n,).
    RETURNS (Bools1d): Shape: (n,).
    """
    kinds: Dict[str, Sequence[bool]] = {word: _kinds(word) for word in set(words)}
    found = numpy.asarray([kinds[word] for word in words], dtype=bool).reshape((-1, _N_KINDS)).T
    is_word, never_first, never_last, opens, closes, is_quote = found
    n_words, n_opening, n_closing, n_quotes = (row_offsets(kind) for kind in (is_word, opens, closes, is_quote))
    lasts = ends - 1
    can = n_words[ends] > n_words[starts]
    can &= ~(never_first[starts] | never_last[lasts])
    is_closed = n_opening[ends] - n_opening[starts] == n_closing[ends] - n_closing[starts]
    can &= is_closed | ~(opens[starts] | closes[lasts])
    return can & (((n_quotes[ends] - n_quotes[starts]) % 2 == 0) | ~(is_quote[starts] | is_quote[lasts]))


def _kinds(word: str) -> Sequence[bool]:
    """Whether a token has a letter or digit, can never be first, never last; opens or closes a bracket; is a quote."""
    if _WORD.match(word):
        return True, False, False, False, False, False
    first, last = word[:1], word[-1:]
    return (
        False,
        first in _SEPARATORS + _STOPS + _CLOSING,
        last in _SEPARATORS + _LAST_STOPS + _OPENING,
        first in _OPENING,
        last in _CLOSING,
        first in _QUOTES,
    )
