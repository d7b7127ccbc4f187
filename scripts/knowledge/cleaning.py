"""Clean the names of entities: which are dropped, and which are found only in certain places."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from typing import Container, Dict, FrozenSet, List, Optional, Tuple

from spacy_mluke.kb.inflection import LANGUAGES as INFLECTED

from .frequencies import Frequencies, Word
from .label_order import CleanName, english_label, labels_first
from .sources import Item

_PARENTHESES = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")
_ARTICLE = re.compile(r"^the (?=\S)")
_MAX_LENGTH = 80
_BREAKS = " -'’·・.&"  # between the words of a name
# Scripts of languages that are not written in Latin letters.
_GROUPS = {
    "ba be bg kk ky mk mn ru sr tg tt uk": {"CYRILLIC"},
    "ar arz azb fa ps ur": {"ARABIC"},
    "hi mr ne sa": {"DEVANAGARI"},
    "zh zh-hant yue": {"CJK"},
    "he yi": {"HEBREW"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA"},
    "ko": {"HANGUL", "CJK"},
    "bn": {"BENGALI"},
    "el": {"GREEK"},
    "hy": {"ARMENIAN"},
    "ka": {"GEORGIAN"},
    "ml": {"MALAYALAM"},
    "ta": {"TAMIL"},
    "te": {"TELUGU"},
    "th": {"THAI"},
}
SCRIPTS = {lang: scripts for langs, scripts in _GROUPS.items() for lang in langs.split()}
_BOTH = {"sr", "kk", "az", "uz"}  # languages that are written in Latin letters, too
NOT_LATIN = SCRIPTS.keys() - {"az", "uz"}  # languages that are mostly written in other letters
# Some sources have these as aliases of thousands of entities.
_PRONOUNS = {"he", "her", "him", "his", "it", "its", "she", "their", "them", "they"}
_SHARED = 4  # a name in this many languages is stored once, without a language


class Cleaner:
    """Cleans names, and counts what it drops.

    frequencies (Frequencies): How often a word is a name.
    """

    def __init__(self, frequencies: Frequencies):
        self.frequencies = frequencies
        self.counts: Counter = Counter()
        self.samples: Dict[str, List[str]] = defaultdict(list)

    def clean(self, item: Item) -> List[CleanName]:
        """Return the names of an entity that are kept, the labels first."""
        raw: Dict[str, Dict[str, bool]] = {}  # name -> language -> whether it is a label
        for lang, name, is_label in item.names:
            own = raw.setdefault(name, {})
            own[lang] = own.get(lang, False) or is_label
        forms: Dict[str, Dict[str, bool]] = {}
        for name, own in raw.items():
            plain, scripts, reason = self._plain(item, name, raw)
            if reason:
                self._count(reason, item, ",".join(own), name, len(own))
                continue
            kept_langs = forms.setdefault(plain, {})
            for lang, is_label in own.items():
                if _fits(plain, scripts, lang):
                    kept_langs[lang] = kept_langs.get(lang, False) or is_label
                else:
                    self._count("dropped: script of another language", item, lang, name)
            if not kept_langs:
                del forms[plain]
        labels = _main_labels(forms)
        shared = max(labels.values(), key=lambda name: (len(forms[name]), name), default="")
        english = labels.get("en", labels.get("", ""))
        # "village" is a class, not a name.
        is_noun = item.type != "PER" and has_case(english) and english[0].islower()
        kept = []
        for name, own in forms.items():
            is_label = any(labels.get(lang) == name for lang in own)
            langs = tuple(sorted(own))
            # Of the labels, only that of most languages is stored without a language: others must be found by theirs.
            if is_label and name != shared:
                langs = tuple(lang for lang in langs if lang) or ("",)
                is_label = langs != ("",)
            elif "" in own or len(own) >= _SHARED:
                self.counts["merged"] += len(own) - 1
                langs = ("",)
            weak, common = self._restrictions(item, name, own, is_label)
            weak = "weak: common noun" if is_noun and not weak else weak
            kept.append(CleanName(name, langs, is_label, bool(weak), common))
            if weak:
                self._count(weak, item, langs[0], name)
            elif common:
                self._count("common", item, common[0], name)
        kept.sort(key=lambda name: (not name.is_label, name.langs, name.name))
        return labels_first(kept, {**labels, "en": english_label(kept, forms)}, set(INFLECTED))

    def _count(self, reason: str, item: Item, lang: str, name: str, n: int = 1) -> None:
        self.counts[reason] += n
        self.samples[reason].append(f"{item.id}\t{item.type}\t{lang}\t{name}")

    def _plain(self, item: Item, name: str, spellings: Container[str]) -> Tuple[str, FrozenSet[str], str]:
        """The name without additions and its scripts, or the reason to drop it."""
        name = " ".join(unicodedata.normalize("NFC", name).split())
        for pattern in (_PARENTHESES, _ARTICLE):
            short = pattern.sub("", name)
            if short != name and short:
                if short in spellings:
                    return name, frozenset(), "dropped: repeats a name with an addition"
                name = short
        scripts = frozenset(map(script_of, filter(str.isalpha, name)))
        n_letters = sum(map(str.isalpha, name))
        if not n_letters:
            return name, scripts, "dropped: no letter"
        if len(name) > _MAX_LENGTH:
            return name, scripts, "dropped: long"
        if n_letters == 1 and len(name) < 3 and "CJK" not in scripts:
            return name, scripts, "dropped: single letter"
        if name.lower() in _PRONOUNS:
            return name, scripts, "dropped: pronoun"
        if item.type == "PER" and "," in name:
            return name, scripts, "dropped: last name first"
        return name, scripts, ""

    def _restrictions(
        self, item: Item, name: str, own: Dict[str, bool], is_label: bool
    ) -> Tuple[Optional[str], Tuple[str, ...]]:
        """Why a name is not searched, and the languages of which it is an ordinary word."""
        if name in item.surnames:
            return "weak: last name of a person", ()
        if name in item.demonyms:
            return "weak: adjective of a country", ()
        if item.type == "OTHER":
            return "weak: not a person, place, organisation, work or event", ()
        if name[0].islower() and has_case(name) and name == name.lower():
            return "weak: lower case", ()
        if has_case(name):
            if any(char in _BREAKS for char in name):
                return None, ()
            if item.type == "PER" and (not is_label or len(name) < 4):
                return "weak: one word for a person", ()
            if item.type in ("WORK", "EVENT"):
                return "weak: one word for a work or an event", ()
            if name.isupper() and len(name) <= 3 and not (item.type == "LOC" and item.population):
                return "weak: code of up to three letters", ()
        elif len(name) <= self._max_short(item, is_label):
            return "weak: short name without case", ()
        words = {lang: self.frequencies.get((lang, name.lower()), Word(0, 0, 0)) for lang in sorted(own)}
        n_upper, n_named = (sum(getattr(word, field) for word in words.values()) for field in ("upper", "named"))
        if n_upper >= 3 and n_upper > n_named:
            return "weak: more often a word than a name", ()
        common = [lang for lang, word in words.items() if word.lower >= 3 and word.lower > 2 * word.named]
        return None, tuple(common)

    def _max_short(self, item: Item, is_label: bool) -> int:
        """Maximum length of a name in a script without case that is not searched."""
        if item.type == "LOC":
            return 1 if item.prominence >= 50 else 2
        if item.type in ("PER", "ORG"):
            return 2 if is_label else 3
        return 4


def has_case(name: str) -> bool:
    """Whether a name's letters have case in running text. Georgian has capitals for headlines only."""
    letter = next(filter(str.isalpha, name), "")
    return letter.lower() != letter.upper() and script_of(letter) != "GEORGIAN"


@cache
def script_of(char: str) -> str:
    """Return the script of a letter: the first word of its name."""
    return unicodedata.name(char, "").partition(" ")[0].partition("-")[0]


def _fits(name: str, scripts: FrozenSet[str], lang: str) -> bool:
    """Whether a language is written in a name's script. Codes in Latin letters are used in all languages."""
    own = SCRIPTS.get(lang)
    if not lang or lang in _BOTH:
        return True
    if own is None:
        return "LATIN" in scripts
    return bool(scripts & own) or (scripts == {"LATIN"} and name.isupper() and len(name) <= 6)


def _main_labels(forms: Dict[str, Dict[str, bool]]) -> Dict[str, str]:
    """The main label of each language: the label that most languages have, then the longest."""
    n_langs = {name: len(own) for name, own in forms.items()}
    found: Dict[str, str] = {}
    for name, own in forms.items():
        for lang, is_label in own.items():
            if is_label:
                rival = found.get(lang)
                if rival is None or (n_langs[name], len(name), name) > (n_langs[rival], len(rival), rival):
                    found[lang] = name
    return found
