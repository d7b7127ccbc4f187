"""Which of the names found in a text are mentions: upper case, accents, apostrophes, common words, longer names."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import FrozenSet, Iterable

from .name_index import ACCENTED, APOSTROPHE, LOWER, NO_CODE, PLAIN
from .name_keys import has_accents

# In text of an unknown language, the stop words of these languages are not names at the beginning of a sentence. Those
# of other languages would exclude well-known names: "Lima" is a stop word of Indonesian, "Oman" of Finnish.
COMMON_LANGUAGES = ("da", "de", "en", "es", "fr", "it", "nb", "nl", "pl", "pt", "ru", "sv")
# Words that are written with a capital in running text, and are also names, mostly of other languages: "Türen" (doors)
# is Turin, "Tisch" (table) a company, "Mart" (March) the planet. They were found in the training sets of the ready-made
# pipeline, and in development sets: words with a capital within a sentence that are hardly ever in a name.
_CAPITALISED = {
    "de": frozenset({
        "arm", "armee", "band", "bass", "brocken", "buch", "damen", "front", "garten", "gold", "hand", "heer", "hit",
        "hof", "kilo", "köchin", "landes", "licht", "mann", "manner", "mannschaft", "mannschaften", "mark", "meilen",
        "mitte", "männer", "neubau", "norden", "pass", "preisen", "prestige", "rathaus", "rest", "runde", "sache",
        "sarg", "senat", "sinn", "stadel", "stadium", "sterne", "strike", "tag", "tage", "tisch", "türen",
        "universität", "waffen", "ware", "westen", "wetter", "wirtshaus", "zentrum",
    }),
    "en": frozenset({"am", "food", "fun", "mon", "pm", "thank you", "the best", "wednesday", "yes"}),
    "id": frozenset({"maret", "mei"}),
    "nl": frozenset({"mei"}),
    "tr": frozenset({"mart"}),
}  # fmt: skip
_SENTENCE_ENDS = frozenset(".!?\u2026:;|\u2022\n\r\u3002\uff01\uff1f\u061f\u0964")
_QUOTES = frozenset(
    "\"'\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"
    "([{*_#-\u2010\u2011\u2012\u2013\u2014\u2015 \t\u00a0"
)
_APOSTROPHES = frozenset("'\u2019\u02bc")
_LINKS = frozenset(" \u00a0-\u2010\u2011")
# In names of up to this many letters, accents distinguish words: "på" is not "Pa".
_SHORT = 4
# Maximum number of letters of an elided word: l'Italia, dell'Italia.
_MAX_ELISION = 5


@cache
def stop_words(lang: str) -> FrozenSet[str]:
    """Return spaCy's stop words of a language, in lower case.

    lang (str): The language; "" or "xx" for common languages.
    RETURNS (FrozenSet[str]): The words; empty for a language without them.
    """
    if lang in ("", "xx"):
        return frozenset().union(*map(stop_words, COMMON_LANGUAGES))
    try:
        found = _spacy_stop_words("nb" if lang == "no" else lang)
    except ImportError:
        return frozenset()
    return frozenset(word.lower() for word in found)


@cache
def capitalised_words(lang: str) -> FrozenSet[str]:
    """Return words of a language that are written with a capital and are no names, in lower case.

    lang (str): The language; "" or "xx" for all.
    RETURNS (FrozenSet[str]): The words; empty for a language without them.
    """
    if lang in ("", "xx"):
        return frozenset().union(*_CAPITALISED.values())
    return _CAPITALISED.get(lang, frozenset())


def _spacy_stop_words(lang: str) -> Iterable[str]:
    """Read the stop words of a language without its package: that of French alone compiles regular expressions for
    seconds."""
    name = f"spacy.lang.{lang}.stop_words"
    languages = importlib.util.find_spec("spacy.lang")
    folders = (languages and languages.submodule_search_locations) or ()
    for path in (Path(folder) / lang / "stop_words.py" for folder in folders if lang.isidentifier()):
        spec = importlib.util.spec_from_file_location(name, path)
        if path.is_file() and spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.STOP_WORDS
    return importlib.import_module(name).STOP_WORDS


def is_allowed(text: str, start: int, end: int, flags: int) -> bool:
    """Whether the spelling of a mention is allowed for the names of its key.

    text (str): The text.
    start (int): First character of the mention.
    end (int): Its end.
    flags (int): The bits of its names, as in `name_index`.
    RETURNS (bool): Whether it is.
    """
    mention = text[start:end]
    if not flags & NO_CODE and not mention.isupper():
        return False
    first = next((char for char in mention if char.isalpha()), "")
    is_lower = first == first.lower()
    if is_lower and not flags & LOWER:
        return False
    if not _APOSTROPHES.isdisjoint(mention) and not flags & APOSTROPHE:
        return False
    is_cased = first.lower() != first.upper()
    has_accent = ACCENTED if has_accents(mention) else PLAIN
    if is_cased and (is_lower or len(mention) <= _SHORT) and not flags & has_accent:
        return False
    # "İstanbul'dan": what follows an apostrophe in lower case is an ending, but not in "l'euro".
    return not (is_lower and is_cased and _follows_apostrophe(text, start))


def _follows_apostrophe(text: str, start: int) -> bool:
    if start < 2 or text[start - 1] not in _APOSTROPHES or not text[start - 2].isalpha():
        return False
    head = start - 1
    while head and text[head - 1].isalpha():
        head -= 1
    word = text[head : start - 1]
    return len(word) > _MAX_ELISION or (len(word) > 2 and word[0].isupper())


def is_common_word(text: str, start: int, end: int, words: FrozenSet[str], *, is_ordinary: bool = False) -> bool:
    """Whether a mention is a stop word, or another ordinary word, whose upper-case letters say nothing, as at the
    beginning of a sentence.

    text (str): The text.
    start (int): First character of the mention.
    end (int): Its end.
    words (FrozenSet[str]): The stop words.
    is_ordinary (bool): Whether the knowledge base says that it is an ordinary word.
    RETURNS (bool): Whether it is.
    """
    mention = text[start:end]
    if not is_ordinary and mention.lower() not in words:
        return False
    if mention.isupper() and mention.lower() != mention and len(mention) > 1:
        return _neighbour(text, start, end, -1).isupper() or _neighbour(text, start, end, 1).isupper()
    return mention == mention.lower() or is_sentence_start(text, start)


def is_part(text: str, start: int, end: int, words: FrozenSet[str], *, has_ending: bool = False) -> bool:
    """Whether a name of one word is beside another capitalised word, and so probably part of a longer name: "Paris
    Hilton", "Real Madrid".

    text (str): The text.
    start (int): First character of the mention.
    end (int): Its end.
    words (FrozenSet[str]): Stop words, which are no parts of names.
    has_ending (bool): Whether the mention is inflected. The word before it may then be a noun of German: "die Regierung
        Großbritanniens".
    RETURNS (bool): Whether it is.
    """
    mention = text[start:end]
    if mention[0].lower() == mention[0] or not _is_one_word(mention):
        return False
    neighbours = "" if has_ending else _neighbour(text, start, end, -1), _neighbour(text, start, end, 1)
    if mention.isupper() and any(word.isupper() and len(word) > 1 for word in neighbours):
        return False  # a headline in upper case
    return any(_is_part_of_name(word, words) for word in neighbours)


def is_sentence_start(text: str, start: int) -> bool:
    """Whether a sentence begins at a character, or something that may be one.

    text (str): The text.
    start (int): The character.
    RETURNS (bool): Whether it does.
    """
    place = start - 1
    while place >= 0 and text[place] in _QUOTES:
        place -= 1
    return place < 0 or text[place] in _SENTENCE_ENDS


def extend(text: str, start: int, end: int) -> int:
    """Return the end of an abbreviation with its last full stop: "U.S.".

    text (str): The text.
    start (int): First character of the mention.
    end (int): Its end.
    RETURNS (int): The end.
    """
    is_abbreviation = end < len(text) and text[end] == "." and "." in text[start:end] and text[end - 1].isupper()
    return end + 1 if is_abbreviation else end


def _neighbour(text: str, start: int, end: int, step: int) -> str:
    """The word beside a mention, if only one space or dash is between them."""
    if step > 0:
        if end >= len(text) or text[end] not in _LINKS:
            return ""
        head = last = end + 1
        while last < len(text) and text[last].isalnum():
            last += 1
        return text[head:last]
    if start < 1 or text[start - 1] not in _LINKS:
        return ""
    head = last = start - 1
    while head and text[head - 1].isalnum():
        head -= 1
    return text[head:last]


def _is_part_of_name(word: str, words: FrozenSet[str]) -> bool:
    if not word or word[0].lower() == word[0]:
        return False
    return word.lower() not in words or (word.isupper() and len(word) > 1)


def _is_one_word(mention: str) -> bool:
    return all(char.isalnum() for char in mention)
