"""Names in training texts that are replaced by others of their class."""

from __future__ import annotations

import random

import pytest

from scripts.xx_mluke_small import name_swaps
from scripts.xx_mluke_small.name_swaps import NameSwaps, is_plain, script_of
from scripts.xx_mluke_small.sentences import NamedText
from tests.xx_mluke_small.tiny_data import PEOPLE, PLACES

TEXT = NamedText("In Paris, Ada Lovelace saw Paris.", [(3, 8, "LOC"), (10, 22, "PER"), (27, 32, "LOC")])


@pytest.fixture
def swaps(tiny_folder, monkeypatch):
    monkeypatch.setattr(name_swaps, "LEAST_NAMES", 2)
    return NameSwaps(tiny_folder, {"en", "de"})


def drawn(swaps, item, lang="en", n=40):
    rng = random.Random(0)
    return [swaps.swap(item, lang, rng) for _ in range(n)]


def names_of(item):
    return [item.text[start:end] for start, end, _ in item.spans]


def test_names_get_another_name_of_their_class_with_as_many_words(swaps):
    found = drawn(swaps, TEXT)
    assert {names_of(item)[0] for item in found} == set(PLACES)
    assert {names_of(item)[1] for item in found} == set(PEOPLE)
    assert [label for _, _, label in found[0].spans] == ["LOC", "PER", "LOC"]


def test_a_name_that_stands_twice_gets_the_same_name(swaps):
    assert all(names_of(item)[0] == names_of(item)[2] for item in drawn(swaps, TEXT))


def test_words_around_names_stay(swaps):
    for item in drawn(swaps, TEXT):
        place, person, _ = names_of(item)
        assert item.text == f"In {place}, {person} saw {place}."


@pytest.mark.parametrize(
    "item",
    [
        NamedText("Paris won.", [(0, 5, "ORG")]),
        NamedText("In Atlantis.", [(3, 11, "LOC")]),
        NamedText("Paris Paris", [(0, 11, "LOC"), (0, 5, "LOC")]),
    ],
    ids=["another label", "unknown", "nested"],
)
def test_other_names_stay(swaps, item):
    assert all(found == item for found in drawn(swaps, item))


def test_names_of_other_languages_stay(swaps):
    assert all(item == TEXT for item in drawn(swaps, TEXT, "fi"))


def test_classes_with_few_names_keep_theirs(tiny_folder):
    assert all(item == TEXT for item in drawn(NameSwaps(tiny_folder, {"en"}), TEXT))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Ada Lovelace", True), ("Ada (1815)", False), ("ada", False), ("He", False), ("東京", True), ("a, b", False)],
)
def test_plain_names_are_letters_and_not_too_short(name, expected):
    assert is_plain(name) == expected


def test_a_script_is_that_of_the_first_letter():
    assert [script_of(name) for name in ("Ada", "Ада", "東京")] == ["LATIN", "CYRILLIC", "CJK"]
