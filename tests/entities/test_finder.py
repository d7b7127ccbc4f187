"""Names are found in running text, in every script, and only where they are names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_mluke.entities.finder import Found, NameFinder, fold, longest
from spacy_mluke.entities.keys import loose_key

NAMES = [
    "Tokyo", "Japan", "São Tomé", "Saint-Étienne", "New York", "York", "Nice", "US", "français", "Straßburg", "東京",
    "日本", "กรุงเทพ", "दिल्ली", "Москва", "القاهرة", "Αθήνα", "St. John's",
]  # fmt: skip


@pytest.fixture(scope="module")
def finder() -> NameFinder:
    return NameFinder(NAMES)


def mentions(finder: NameFinder, text: str) -> list:
    return [text[start:end] for start, end in longest(finder.find(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("From Tokyo to TOKYO, Japan.", ["Tokyo", "TOKYO", "Japan"]),
        ("SAO TOME and Sao  Tomé", ["SAO TOME", "Sao  Tomé"]),
        ("Saint Étienne; saint-etienne", ["Saint Étienne"]),
        ("I (New York), you (York)", ["New York", "York"]),
        ("Strassburg, STRASSBURG", ["Strassburg", "STRASSBURG"]),
        ("东京は東京、日本の首都", ["東京", "日本"]),
        ("ในกรุงเทพมีรถ", ["กรุงเทพ"]),
        ("नई दिल्ली में", ["दिल्ली"]),
        ("Москва, МОСКВА, но не москва", ["Москва", "МОСКВА"]),
        ("في القاهرة.", ["القاهرة"]),
        ("η Αθηνα", ["Αθηνα"]),
        ("at St Johns", ["St Johns"]),
        ("parler français ou Français", ["français", "Français"]),
    ],
)
def test_names_are_found_however_they_are_spelt(finder, text, expected):
    assert mentions(finder, text) == expected


@pytest.mark.parametrize("text", ["Tokyoite", "Yorkshire", "a nice day", "give us that", "Us", "Japans", "", " "])
def test_words_that_only_look_like_names_are_not_found(finder, text):
    assert mentions(finder, text) == []


def test_overlapping_names_are_all_found_and_the_longest_first_one_is_chosen(finder):
    found = finder.find("New York")
    assert found == [Found(0, 8), Found(4, 8)]
    assert longest(found) == [Found(0, 8)]


def test_names_are_found_in_decomposed_text(finder):
    text = unicodedata.normalize("NFD", "in São Tomé, Saint-Étienne")
    assert [unicodedata.normalize("NFC", m) for m in mentions(finder, text)] == ["São Tomé", "Saint-Étienne"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("в Японии, с Японией", ["Японии", "Японией"]),
        ("Япония", ["Япония"]),
        ("Японцеведение, японии", []),
        ("서울에서 서울까지", ["서울에서", "서울까지"]),
        ("Helsinki, Helsingissä", ["Helsingissä"]),
    ],
)
def test_a_stem_is_found_with_its_endings(text, expected):
    assert mentions(NameFinder([], ["Япони", "서울", "Helsingi"]), text) == expected


def test_a_finder_without_names_finds_nothing():
    assert NameFinder([]).find("Tokyo") == []
    assert NameFinder(["...", ""]).find("... Tokyo") == []


@given(st.text(max_size=40))
def test_a_folded_text_says_where_its_characters_come_from(text):
    folded, places = fold(text)
    assert len(folded) == len(places)
    assert all(0 <= place < len(text) for place in places)
    assert (places[1:] >= places[:-1]).all()


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Pd"]), min_size=1, max_size=12), st.integers(0, 3))
def test_a_name_is_found_in_the_text_that_it_stands_in(name, n):
    name = unicodedata.normalize("NFC", name)
    finder = NameFinder([name])
    if len(finder) and name == name.strip() and loose_key(name) == fold(name)[0].strip():
        text = f"{'. ' * n}{name} ."
        assert any(text[start:end] in name for start, end in finder.find(text))
