"""Languages that a text of an unknown language may be in, by its stop words: for the endings of its names, and for
words that are no names."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Dict, Iterable, List, Tuple

from .inflection import LANGUAGES
from .mention_rules import stop_words

# Also languages whose names have no endings here, so that their texts are recognized.
_OTHERS = ("af", "ca", "en", "es", "fr", "id", "it", "lt", "lv", "mk", "nl", "pt", "ro", "sq", "tl", "tr", "vi")
_COMPARED = (*LANGUAGES, *_OTHERS)
_WORD = re.compile(r"[^\W\d_]+")
_MAX_LENGTH = 2000  # characters of a text that are read
_LEAD = 1.25  # a language with fewer points than the best one by this factor is none of the text's
_MAX_CACHED = 1 << 10  # texts


@lru_cache(maxsize=_MAX_CACHED)
def inflecting_languages(text: str) -> Tuple[str, ...]:
    """Return the languages with endings of names that a text may be in.

    A stop word is a point for its language, or a part of one for each of its languages.

    text (str): The text. Its first 2,000 characters are read.
    RETURNS (Tuple[str, ...]): Codes of `inflection.LANGUAGES`, the most likely first; empty if other languages are
        more likely, or if the text has no stop words.
    """
    return tuple(lang for lang in _likely(_WORD.findall(text[:_MAX_LENGTH].lower())) if lang in LANGUAGES)


def likely_languages(text: str) -> Tuple[str, ...]:
    """Return the languages that a text may be in, by its stop words in small letters.

    text (str): The text. Its first 2,000 characters are read.
    RETURNS (Tuple[str, ...]): Codes, the most likely first; empty if the text has no stop words.
    """
    return _likely(word for word in _WORD.findall(text[:_MAX_LENGTH]) if word.islower())


def _likely(words: Iterable[str]) -> Tuple[str, ...]:
    points: Dict[str, float] = {}
    table = _stop_word_table()
    for word in words:
        own = table.get(word, ())
        for lang in own:
            points[lang] = points.get(lang, 0.0) + 1.0 / len(own)
    least = max(points.values(), default=0.0) / _LEAD
    return tuple(lang for _, lang in sorted((-number, lang) for lang, number in points.items() if number >= least))


@cache
def _stop_word_table() -> Dict[str, List[str]]:
    """The languages that have each stop word."""
    found: Dict[str, List[str]] = {}
    for lang in _COMPARED:
        for word in stop_words(lang):
            found.setdefault(word, []).append(lang)
    return found
