"""Which of the names in a text are mentions: common words, apostrophes, accents, endings, longer names."""

from __future__ import annotations

import importlib
import sys
from typing import List, Optional

import pytest

from spacy_mluke.kb.inflection import LANGUAGES, base_keys, stem_of
from spacy_mluke.kb.mention_finder import MentionFinder
from spacy_mluke.kb.mention_rules import COMMON_LANGUAGES, stop_words
from spacy_mluke.kb.name_index import NameIndex
from spacy_mluke.kb.name_keys import loose_key
from spacy_mluke.kb.store import Entity, EntityName


def found(text: str, *names: str, lang: str = "xx", kind: str = "name", skip_parts: bool = True) -> List[str]:
    """The mentions of names, whose languages may be given as in "de:Paris"."""
    own = []
    for name in names:
        code, _, plain = name.rpartition(":")
        own.append(EntityName(plain, code, kind))
    index = NameIndex.of([Entity("Q1", "T", names=tuple(own))])
    finder = MentionFinder(index.names(None if lang == "xx" else lang), lang, skip_parts=skip_parts)
    return [text[start:end] for start, end in finder.find_longest(text)]


@pytest.mark.parametrize(
    ("lang", "text", "name"),
    [
        ("pt", "Os homens. Para casa.", "Os"),
        ("pt", "Os homens. Para casa.", "Para"),
        ("sv", "På torsdag. Och sedan.", "Pa"),
        ("sv", "Man vet. Och sedan.", "Och"),
        ("de", "Man weiß. „Von hier.“", "Man"),
        ("de", "Man weiß. „Von hier.“", "Von"),
        ("de", "- Dabei war er.", "Dabei"),
        ("xx", "Os homens. Man weiß. Dabei.", "Dabei"),
        ("es", "Sus casas", "Sus"),
        ("en", "THIS AND THAT ARE IT", "AND"),
        ("en", "this and that", "and"),
    ],
)
def test_a_stop_word_is_no_name_where_its_capitals_say_nothing(lang, text, name):
    assert found(text, name, lang=lang) == []


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", "They flew from Nice to Man on Monday", ["Nice", "Man"]),
        ("en", "in the US and the US.", ["US", "US"]),
        ("xx", "Lima. Oman. Nice.", ["Lima", "Oman", "Nice"]),
    ],
)
def test_a_stop_word_is_a_name_where_its_capital_means_one(lang, text, expected):
    assert found(text, "Nice", "Man", "US", "Lima", "Oman", lang=lang) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Jos se on niin, me emme tule.", "Jos"),
        ("Cu toate că este mare, nu a fost aici.", "Cu"),
        ("Tapi dia tidak ada di sini.", "Tapi"),
        ("Minden nap itt van, de nem jön.", "Minden"),
    ],
    ids=["fi", "ro", "id", "hu"],
)
def test_in_an_unknown_language_the_words_in_small_letters_tell_whose_stop_words_are_used(text, name):
    assert found(text, name) == []
    assert found(f"I was in {name} with them.", name) == [name]


def test_words_with_a_capital_say_nothing_about_the_language():
    assert found("Jos. Lima. Oman. Minden.", "Jos", "Lima", "Oman", "Minden") == ["Jos", "Lima", "Oman", "Minden"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("he said ( Nice it is )", []),
        ("he said „ Nice it is “", []),
        ('he said " Nice it is " here', []),
        ("he said “Nice it is”", []),
        ('he said "no" Nice it is', ["Nice"]),
        ("a town (Nice) in the south", ["Nice"]),
        ("a “Nice” in the south", ["Nice"]),
        ("« Promenade » Nice", ["Nice"]),
    ],
)
def test_a_stop_word_that_begins_quoted_words_is_no_name(text, names):
    assert found(text, "Nice", lang="tr") == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@someone Nice and warm", []),
        ("@ someone @ other Nice and warm", []),
        ("http://t.co/lnuyPjr6 Nice and warm", []),
        ("( 3 ) Nice and warm", []),
        ("1980 -- Nice and warm", []),
        ("so good! :) ” Nice and warm", []),
        ("In 1980 Nice was warm", ["Nice"]),
        ("the (old) Nice was warm", ["Nice"]),
    ],
)
def test_a_sentence_may_begin_after_a_user_name_an_address_a_number_or_brackets(text, names):
    assert found(text, "Nice", lang="tr") == names


@pytest.mark.parametrize("lang", ["en", "xx"])
def test_pronouns_and_auxiliaries_are_no_names_if_only_their_first_letter_is_a_capital(lang):
    names = ("She", "The", "Up", "US", "WITH", "BiH")
    assert found("He said She was there, Up on the hill, With or without The US and BiH.", *names, lang=lang) == [
        "US",
        "BiH",
    ]


def test_a_spelling_with_capitals_inside_is_no_stop_word():
    assert found("BiH je tu.", "BiH", lang="hr") == ["BiH"]


def test_parts_of_user_names_are_no_names():
    assert found("@The_Paris_Fan, Paris_News and New_York", "Paris", "New York") == ["New_York"]


def test_text_of_a_language_that_the_names_lack_is_searched_for_all_names():
    assert found("u Parizu i Berlin", "en:Berlin", "de:Paris", lang="hr") == ["Berlin"]
    assert found("Paris und Berlin", "en:Berlin", "de:Paris", lang="de") == ["Paris"]
    many = [f"en:Name {n}" for n in range(30)]
    assert found("Paris und Berlin", "en:Berlin", "de:Paris", *many, lang="de") == ["Paris", "Berlin"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Japan's economy", ["Japan"]),
        ("Japan’s economy", ["Japan"]),
        ("London's parks", ["London"]),
        ("İstanbul'dan geldi", ["İstanbul"]),
        ("St. John's is far", ["St. John's"]),
        ("St Johns is far", ["St Johns"]),
        ("l'Italia e l'euro", ["Italia", "euro"]),
        ("dell'Italia", ["Italia"]),
        ("Dan said", ["Dan"]),
    ],
)
def test_apostrophes_divide_names_from_endings(text, expected):
    names = ["Japan", "Japans", "London", "İstanbul", "dan", "Dan", "St. John's", "Italia", "euro"]
    assert found(text, *names, lang="zxx") == expected


@pytest.mark.parametrize(
    ("text", "name", "is_found"),
    [
        ("il a créé", "cree", False),
        ("le cree", "cree", True),
        ("de dan is", "dán", False),
        ("in Sao Tome", "São Tomé", True),
        ("en Pau", "Paû", False),
        ("in Pau", "Pau", True),
    ],
)
def test_accents_matter_in_lower_case_and_in_short_names(text, name, is_found):
    assert bool(found(text, name, lang="zxx")) == is_found


@pytest.mark.parametrize(
    "text",
    ["Paris Hilton sang", "the writer Jack Paris", "AS Paris won", "Real Paris", "Paris-Hilton", "ein Paris Hilton"],
)
def test_one_word_beside_another_capitalised_word_is_part_of_a_longer_name(text):
    assert found(text, "Paris") == []
    assert found(text, "Paris", skip_parts=False) == ["Paris"]


@pytest.mark.parametrize(
    "text", ["In Paris it rains", "Paris, Texas", "PARIS HILTON", "Paris-based", "the Paris summit", "(Paris) Hilton"]
)
def test_other_neighbours_do_not_matter(text):
    assert [name.title() for name in found(text, "Paris")] == ["Paris"]


def test_a_name_of_several_words_is_found_beside_capitalised_words():
    assert found("President Barack Obama", "Barack Obama") == ["Barack Obama"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("ru:Петербург", "в Петербурге", ["Петербурге"]),
        ("ru:Москва", "из Москвы", ["Москвы"]),
        ("ru:Москва", "Москвич", []),
        ("ko:서울", "서울에서 왔다", ["서울"]),
        ("ko:서울", "서울대학교", []),
        ("de:Großbritannien", "die Regierung Großbritanniens", ["Großbritanniens"]),
        ("de:Paris", "Parisx", []),
        ("sv:Holland", "Hollands kust", ["Hollands"]),
        ("fi:Turku", "kaupunki Turkussa", ["Turkussa"]),
        ("hu:Budapest", "ma Budapesten", ["Budapesten"]),
        ("cs:Praha", "do Prahy", ["Prahy"]),
        ("en:London", "the Londons", []),
    ],
)
def test_names_are_found_with_the_endings_of_their_language(name, text, expected):
    assert found(text, name) == expected
    assert found(text, name, lang=name[:2]) == expected


def test_abbreviations_keep_their_last_full_stop():
    assert found("the U.S. and the U.S.", "US", lang="en") == ["U.S.", "U.S."]


def test_a_word_in_katakana_is_not_divided():
    assert found("ベロシアとロシアの", "ロシア") == ["ロシア"]


def test_a_weak_name_is_not_searched():
    weak = (EntityName("Sun", "en"), EntityName("Sun", "en", "weak"), EntityName("Sun Corp", "en"))
    index = NameIndex.of([Entity("Q1", names=weak), Entity("Q2", names=(EntityName("Q:1", kind="xref"),))])
    finder = MentionFinder(index.names(None))
    assert [finder_text(text, finder) for text in ("the Sun", "the Sun Corp", "in Q:1")] == [None, "Sun Corp", None]


def finder_text(text: str, finder: MentionFinder) -> Optional[str]:
    return next((text[start:end] for start, end in finder.find_longest(text)), None)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_form_of_a_name_leads_back_to_it(lang):
    name = {"ko": "서울"}.get(lang) or ("москва" if lang in ("ru", "uk", "bg", "sr") else "barolina")
    stem = stem_of(name, lang)
    assert stem is not None
    for ending in LANGUAGES[lang].endings:
        assert (name, lang) in set(base_keys(loose_key(stem + ending), lang))


def test_stop_words_of_an_unknown_language_are_those_of_common_languages():
    assert {"man", "para", "os", "och", "dabei"} <= stop_words("xx")
    assert stop_words("zxx") == frozenset()
    assert all(map(stop_words, COMMON_LANGUAGES))


def test_stop_words_are_those_of_spacy_and_do_not_import_its_languages(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("spacy.lang.sv", "spacy.lang.nb"))]:
        monkeypatch.delitem(sys.modules, name)
    stop_words.cache_clear()
    found = {lang: stop_words(lang) for lang in ("sv", "no")}
    assert not {"spacy.lang.sv", "spacy.lang.nb"} & set(sys.modules)
    for lang, words in found.items():
        module = importlib.import_module(f"spacy.lang.{'nb' if lang == 'no' else lang}.stop_words")
        assert words == {word.lower() for word in module.STOP_WORDS}


def test_a_noun_of_german_and_a_day_are_no_names_in_text_of_their_language_or_an_unknown_one():
    for lang, expected in (("xx", ["Turin"]), ("de", ["Wednesday", "Turin"]), ("en", ["Türen", "Turin"])):
        assert found("xyz Türen, xyz Wednesday, xyz Turin", "Türen", "Wednesday", "Turin", lang=lang) == expected, lang
