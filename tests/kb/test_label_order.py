"""The order of the names in the bundled knowledge base."""

from __future__ import annotations

from scripts.knowledge.label_order import CleanName, english_label, labels_first
from spacy_mluke.kb.entities import Entity, EntityName


def label(name, *langs, weak=False):
    return CleanName(name, langs, True, weak, ())


def shown(names, lang):
    rows = tuple(EntityName(name.name, own) for name in names for own in name.langs)
    return Entity("Q1", names=rows).name(lang)


def test_the_first_name_in_a_language_is_its_label():
    names = [label("Warszawa", ""), label("Varšava", "cs", "en", weak=True), label("Warsaw", "cy", "en")]
    labels = {"": "Warszawa", "cs": "Varšava", "en": "Warsaw", "cy": "Warsaw", "pl": "Warszawa"}
    found = labels_first(names, labels, {"cs"})
    assert [(name.name, name.langs, name.is_weak) for name in found] == [
        ("Warszawa", ("",), False),
        ("Varšava", ("cs",), True),
        ("Warsaw", ("cy", "en"), False),
        ("Varšava", ("en",), True),
    ]
    assert [shown(found, lang) for lang in ("en", "cs", "pl")] == ["Warsaw", "Varšava", "Warszawa"]


def test_a_label_without_a_language_gets_those_in_which_an_alias_would_precede_it():
    names = [label("Marie Curie", ""), label("Maria Skłodowska-Curie", "en", "fr", "pl")]
    labels = {"en": "Marie Curie", "fr": "Marie Curie", "pl": "Maria Skłodowska-Curie"}
    found = labels_first(names, labels, {"fr"})
    assert found[0] == label("Marie Curie", "", "en")
    assert [shown(found, lang) for lang in ("en", "pl", None)] == [
        "Marie Curie", "Maria Skłodowska-Curie", "Marie Curie"
    ]  # fmt: skip


def test_of_several_english_labels_that_of_languages_like_english_is_chosen():
    forms = {"Warszawa": dict.fromkeys(("da", "en", "pl"), True), "Warsaw": {"cy": True, "en": True}}
    names = [label("Warszawa", ""), label("Warsaw", "cy", "en"), CleanName("W-wa", ("en",), False, False, ())]
    assert english_label(names, {**forms, "W-wa": {"en": True}}) == "Warsaw"
    assert english_label([], {}) == ""
