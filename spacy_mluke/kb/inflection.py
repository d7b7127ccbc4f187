"""Endings of names in languages that inflect them: Москва, Москвы; Großbritannien, Großbritanniens; 서울, 서울에서."""

from __future__ import annotations

import re
from functools import cache
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

from .name_keys import loose_key

MAX_ENDING = 4  # maximum number of letters after a stem


class Endings(NamedTuple):
    """How a language inflects names."""

    endings: FrozenSet[str]  # what may follow a stem, in lower case
    dropped: str = ""  # final letters of names that endings replace
    min_stem: int = 4  # minimum number of letters of a stem
    are_particles: bool = False  # whether the endings are words of their own, and no part of the mention


def _of(endings: str, dropped: str = "", min_stem: int = 4, are_particles: bool = False) -> Endings:
    return Endings(frozenset(endings.split()), dropped, min_stem, are_particles)


_GENITIVE = _of("s")
_SERBO_CROATIAN = "a e u i o om em ama ima ov ova"
LANGUAGES: Dict[str, Endings] = {
    "bg": _of("а та то ят ът те", "", 5),
    "cs": _of("a y i u e ě o ou em ům ám ami ách ích ech ovi ů é", "aoe"),
    "da": _GENITIVE,
    "de": _GENITIVE,
    "et": _of("s st sse l lt le ga ni na ks i e a u t d is es as isse"),
    "fi": _of("n a ä ssa ssä sta stä lla llä lta ltä lle in an än on en iin ksi na nä hin hun hyn"),
    "hr": _of(_SERBO_CROATIAN, "aeo"),
    "hu": _of(
        "ban ben ba be ból ből ra re ról ről on en ön n tól től nak nek hoz hez höz t ot et öt at i ért ig ként ja"
    ),
    "ko": _of(
        "은 는 이 가 을 를 의 에 에서 에게 로 으로 와 과 도 만 까지 부터 께서 보다 처럼 라고 인 나 "
        "이다 이며 이고 였다 라는 입니다 이라는 이었다 에서는 에서도 에는",
        "",
        2,
        True,
    ),
    "nb": _GENITIVE,
    "no": _GENITIVE,
    "pl": _of("a y i u e ę ą o em om ie owi ów ami ach ze iem ią ii", "aoy"),
    "ru": _of("а я у ю ы и е о ой ей ою ею ом ем ам ям ами ями ах ях ов ев ым ью ь й", "аяьй"),
    "sk": _of("a y i u e o ou em om ám ami ách och ov ovi ej mi é", "aoe"),
    "sl": _of(_SERBO_CROATIAN, "aeo"),
    "sr": _of("а е у и о ом ем ама има ов ова", "аео"),
    "sv": _GENITIVE,
    "uk": _of("а я у ю и і ї е о ою ею єю ом ем єм ові еві єві ам ям ами ями ах ях ів їв ь й", "аяьй"),
}

# Endings of names of any language, on request (`inflections`): of plurals, genitives, and cases of Turkish. Those of
# text of an unknown language ("xx") are few, because the endings of one language are parts of names in another.
FREE_ENDINGS: Dict[str, FrozenSet[str]] = {
    lang: frozenset(endings.split())
    for lang, endings in {
        "xx": "s es",
        "de": "s es n en",
        "en": "s es",
        "es": "s es",
        "fr": "s x",
        "nl": "s en",
        "pt": "s es",
        "tr": "lar ler ları leri ı i u ü yı yi yu yü a e ya ye da de ta te dan den tan ten ın in un ün nın nin nun nün",
    }.items()
}
_MIN_FREE_STEM = 4  # letters and digits


def free_endings(lang: Optional[str]) -> FrozenSet[str]:
    """Return what may follow a name in text of a language, if names of all languages are inflected.

    lang (Optional[str]): The language; None, "" or "xx" for an unknown one.
    RETURNS (FrozenSet[str]): Endings in lower case; empty for a language without them.
    """
    if lang in (None, "", "xx"):
        return FREE_ENDINGS["xx"]
    own = LANGUAGES[lang].endings if lang in LANGUAGES else frozenset()
    return FREE_ENDINGS.get(lang or "", frozenset()) | own


def is_free_stem(stem: str) -> bool:
    """Return whether a name is long enough to be found with the endings of `free_endings`.

    stem (str): The name.
    RETURNS (bool): Whether it is.
    """
    return sum(map(str.isalnum, stem)) >= _MIN_FREE_STEM


def free_stems(key: str, lang: Optional[str]) -> Iterator[str]:
    """Return the keys of names that a mention may be an inflected form of, the longest first.

    key (str): The mention's `loose_key`.
    lang (Optional[str]): Its language.
    YIELDS (str): A key.
    """
    endings = {loose_key(ending) for ending in free_endings(lang)}
    for length in range(1, MAX_ENDING + 1):
        if key[len(key) - length :] in endings and is_free_stem(key[: len(key) - length]):
            yield key[: len(key) - length]


def is_inflecting_script(key: str) -> bool:
    """Return whether all languages of a text's script have endings here: those in Cyrillic letters and in Hangul.

    key (str): The text.
    RETURNS (bool): Whether they do.
    """
    return bool(key) and all(_INFLECTING.fullmatch(char) for char in key if char.isalpha())


_INFLECTING = re.compile("[\u0400-\u04ff\u1100-\u11ff\uac00-\ud7af]")


def stem_of(key: str, lang: str) -> Optional[str]:
    """Return the part of a name that its inflected forms begin with.

    key (str): The name's `loose_key`.
    lang (str): The name's language.
    RETURNS (Optional[str]): The stem; None if the language is not inflected here, or the last word is too short.
    """
    rules = LANGUAGES.get(lang)
    if rules is None:
        return None
    stem = key[:-1] if rules.dropped and key[-1] in rules.dropped else key
    word = stem.rpartition(" ")[2]
    if len(word) < rules.min_stem or not word.isalpha() or (rules is _GENITIVE and word[-1] in "sxzß"):
        return None
    return stem


def base_keys(key: str, lang: Optional[str]) -> Iterator[Tuple[str, str]]:
    """Return the keys of names that a mention may be an inflected form of, the longest stems first.

    key (str): The mention's `loose_key`.
    lang (Optional[str]): Its language; None for all languages.
    YIELDS (Tuple[str, str]): A key, and the language of the names.
    """
    languages = LANGUAGES if lang is None else [lang] if lang in LANGUAGES else []
    found: List[Tuple[int, str, str]] = []
    for code in languages:
        rules = LANGUAGES[code]
        for length in range(MAX_ENDING + 1):
            stem, ending = key[: len(key) - length], key[len(key) - length :]
            if (not length or ending in _folded(code)) and len(stem) >= rules.min_stem:
                finals = rules.dropped if not length else ("", *rules.dropped)
                found += [(length, stem + final, code) for final in finals]
    for _, name, code in sorted(found):
        if stem_of(name, code) is not None:
            yield name, code


def declined_keys(key: str) -> Iterator[str]:
    """Return the keys of German names that a mention may be a form of: "Kalten Krieges" of "Kalter Krieg".

    key (str): The mention's `loose_key`.
    YIELDS (str): A key in which the adjectives before the last word have other endings, and the last word perhaps none.
    """
    *words, noun = key.split(" ")
    if words and words[0] in _ARTICLES:
        words = words[1:]
    stems = [found.group(1) for word in words if (found := _ADJECTIVE.match(word))]
    if not words or len(stems) < len(words):
        return
    nouns = [noun, *(noun.removesuffix(end) for end in ("s", "es") if noun.endswith(end) and words[0].endswith("en"))]
    for last in nouns:
        for ending in ("er", "e", "es", "en"):
            name = " ".join([*(stem + ending for stem in stems), last])
            if name != key:
                yield name


_ARTICLES = frozenset({"der", "die", "das", "des", "dem", "den"})
_ADJECTIVE = re.compile(r"(\w{3,}?)(?:e|en|em|er|es)$")


@cache
def _folded(lang: str) -> FrozenSet[str]:
    return frozenset(map(loose_key, LANGUAGES[lang].endings))
