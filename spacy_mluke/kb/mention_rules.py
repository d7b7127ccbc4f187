"""Which of the names found in a text are mentions: upper case, accents, apostrophes, common words, longer names."""

from __future__ import annotations

import importlib
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import FrozenSet, Iterable

from .name_index import ACCENTED, APOSTROPHE, LOWER, NO_CODE, PLAIN
from .name_keys import APOSTROPHES, has_accents

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
        "min", "mitte", "männer", "neubau", "norden", "pass", "preisen", "prestige", "rathaus", "rest", "runde",
        "sache", "sarg", "senat", "sinn", "stadel", "stadium", "sterne", "strike", "tag", "tage", "tisch", "türen",
        "universität", "waffen", "ware", "westen", "wetter", "wirtshaus", "zentrum",
    }),
    "en": frozenset({"am", "food", "fun", "mon", "pm", "thank you", "the best", "wednesday", "yes"}),
    "id": frozenset({"maret", "mei"}),
    "nl": frozenset({"mei"}),
    "tr": frozenset({"mart"}),
}  # fmt: skip
# Pronouns, articles, auxiliaries, conjunctions and prepositions, which are no names if only their first letter is a
# capital, as in titles: "Up Where We Belong". Other stop words are names, too: "Nice", "Oman", "Seine".
_FUNCTION_WORDS = {
    "da": frozenset({"de", "deres", "dig", "du", "en", "et", "han", "hun", "jeg", "mig", "op", "os", "vi"}),
    "de": frozenset({
        "aber", "am", "an", "bis", "das", "dass", "dem", "den", "der", "des", "dich", "dort", "du", "ein", "eine",
        "er", "es", "hat", "ich", "ihr", "im", "in", "ist", "kann", "mich", "mir", "mit", "oder", "sie", "so", "um",
        "und", "uns", "von", "vom", "war", "was", "wir", "zu", "zum", "zur",
    }),
    "en": frozenset({
        "all", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "do", "does", "did",
        "for", "from", "go", "had", "has", "have", "he", "her", "him", "his", "how", "if", "in", "into", "is", "it",
        "its", "me", "my", "no", "not", "of", "on", "or", "our", "out", "she", "so", "than", "that", "the", "their",
        "them", "then", "there", "these", "they", "this", "those", "to", "too", "up", "was", "we", "were", "what",
        "when", "where", "which", "with", "without", "would", "you", "your",
    }),
    "es": frozenset({
        "al", "con", "de", "del", "el", "ella", "en", "es", "la", "las", "los", "no", "o", "para", "por", "que", "se",
        "su", "sus", "un", "una", "y", "yo",
    }),
    "fr": frozenset({
        "au", "aux", "avec", "ce", "ces", "dans", "de", "des", "du", "elle", "elles", "en", "est", "et", "il", "ils",
        "je", "la", "le", "les", "mais", "ne", "nous", "on", "ou", "par", "pas", "pour", "qui", "sa", "se", "ses",
        "son", "sur", "tu", "un", "une", "vous",
    }),
    "id": frozenset({"anda", "dan", "di", "ia", "ini", "itu", "kami", "kita", "saya", "yang"}),
    "pt": frozenset({
        "ao", "as", "com", "como", "da", "das", "de", "do", "dos", "e", "ela", "ele", "em", "esse", "eu", "na", "no",
        "o", "os", "para", "por", "que", "se", "só", "um", "uma",
    }),
    "ro": frozenset({
        "a", "al", "aș", "ca", "cu", "de", "din", "ea", "el", "este", "eu", "în", "la", "noi", "nu", "o", "pe",
        "pentru", "sa", "să", "se", "și", "un",
    }),
    "sv": frozenset({
        "att", "av", "de", "den", "det", "du", "en", "er", "ert", "ett", "han", "hon", "jag", "med", "mig", "och",
        "om", "oss", "på", "som", "till", "vi",
    }),
}  # fmt: skip
_SENTENCE_ENDS = frozenset(".!?\u2026:;|\u2022\n\r\u3002\uff01\uff1f\u061f\u0964")
_QUOTES = frozenset(
    "\"'\u00ab\u00bb\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a"
    "([{*_#-\u2010\u2011\u2012\u2013\u2014\u2015 \t\u00a0"
)
_CLOSING_BRACKETS = frozenset(")]}")
# Where quoted or bracketed text begins, and where it ends; the last ones of each may be both.
_OPENING, _OPENING_OR_CLOSING = frozenset("([{\u201a\u201e\u00ab\u2039"), frozenset("\"'\u2018\u201c\u00bb\u203a")
_CLOSING = _CLOSING_BRACKETS | _OPENING_OR_CLOSING | frozenset("\u2019\u201d\u00ab\u2039")
# The end of a user name, an address or a number, which the first sentence of a message or a paragraph may follow.
_BEFORE_SENTENCE = re.compile(r"(?:@ ?\w+|\bhttps?://\S+|(?<![\w.,])\d[\d.,]*[\u00ba\u00aa]?)$")
_MAX_BEFORE = 100  # characters of one of these
_MAX_QUOTED = 1000  # characters before a quotation mark in which others are counted
_APOSTROPHES = frozenset(APOSTROPHES)
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


@cache
def function_words(lang: str) -> FrozenSet[str]:
    """Return the stop words of a language that are no names wherever only their first letter is a capital.

    lang (str): The language.
    RETURNS (FrozenSet[str]): The words, in lower case; empty for a language without them.
    """
    return _FUNCTION_WORDS.get(lang, frozenset())


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
    if "_" in (text[start - 1 : start], text[end : end + 1]):  # a part of a user name, or of an address
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
    is_spelled_so = mention[1:] == mention[1:].lower() or mention.isupper()  # "BiH" is no spelling of "bih"
    if not is_ordinary and not (is_spelled_so and mention.lower() in words):
        return False
    if mention.isupper() and mention.lower() != mention and len(mention) > 1:
        return _neighbour(text, start, end, -1).isupper() or _neighbour(text, start, end, 1).isupper()
    return mention == mention.lower() or is_sentence_start(text, start) or _begins_quotation(text, start, end)


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
    while True:
        while place >= 0 and (text[place] in _QUOTES or text[place] in _CLOSING_BRACKETS):
            place -= 1
        if place < 0 or text[place] in _SENTENCE_ENDS:
            return True
        before = _BEFORE_SENTENCE.search(text, max(0, place + 1 - _MAX_BEFORE), place + 1)
        if before is None:
            return False
        place = before.start() - 1


def _begins_quotation(text: str, start: int, end: int) -> bool:
    """Whether a mention is the first of several words in quotation marks or brackets."""
    place = start - 1
    while place >= 0 and text[place].isspace():
        place -= 1
    if place < 0:
        return False
    is_opening = text[place] in _OPENING
    if text[place] in _OPENING_OR_CLOSING and not text[max(0, place - 1)].isalnum():
        # A straight one opens if an even number of them is before it; the others, if no space follows them.
        first = max(text.rfind("\n", 0, place) + 1, place - _MAX_QUOTED)
        is_opening = text.count('"', first, place) % 2 == 0 if text[place] == '"' else place == start - 1
    after = text[end : end + 2].strip()
    return is_opening and after[:1] not in _CLOSING


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
