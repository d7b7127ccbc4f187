"""Names of properties."""

from __future__ import annotations

import lzma

import pytest

from spacy_mluke.kb.bundled import ASSETS, KNOWLEDGE
from spacy_mluke.kb.packed import FACTS
from spacy_mluke.kb.property_names import property_name, property_rank


@pytest.mark.parametrize(
    ("lang", "name"), [("de", "Hauptstadt"), ("ar", "العاصمة"), ("sw", "capital"), (None, "capital"), ("", "capital")]
)
def test_a_property_has_a_name_in_the_language_else_in_english(lang, name):
    assert property_name("P36", lang) == name


def test_an_unknown_property_has_no_name_and_comes_last():
    assert property_name("P0") is None
    assert sorted(["P0", "P190", "P19"], key=property_rank) == ["P19", "P190", "P0"]


def test_all_properties_of_the_bundled_facts_have_names():
    with lzma.open(ASSETS / KNOWLEDGE / FACTS, "rt", encoding="utf8") as lines:
        properties = {line.partition("\t")[0] for line in lines}
    assert {one for one in properties if property_name(one) is None} == set()
