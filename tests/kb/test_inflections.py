"""Names with endings, on request: plurals, and cases of Turkish."""

from __future__ import annotations

import pytest
import spacy

from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.inflection import FREE_ENDINGS, MAX_ENDING, declined_keys
from spacy_mluke.kb.store import STORE, EntityStore
from spacy_mluke.kb.store_build import build_store
from spacy_mluke.kb.store_rows import StoreRow
from spacy_mluke.kb.text_language import inflecting_languages


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rows = [StoreRow("p:5", "en", "Fairphone 5"), StoreRow("p:f", "en", "Fairphone"), StoreRow("p:a", "en", "Acme")]
    rows += [StoreRow("p:n", "en", "Ion"), StoreRow("p:u", "en", "USAB")]
    return build_store(rows, tmp_path_factory.mktemp("store") / "own.sqlite").path


def found(path, lang, text, inflections=True):
    nlp = spacy.blank("xx")
    source = {"path": str(path), "lang": lang, "inflections": inflections}
    pipe = nlp.add_pipe("mluke_mentions", config={"candidates": source})
    spans = [text[start:end] for start, end in pipe.finder(lang).find_longest(text)]
    store = pipe.candidates.store
    return [(span, [m.id for m in store.candidates(span, lang, inflections=inflections)]) for span in spans]


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", "Two Fairphones and three Fairphone 5s", [("Fairphones", ["p:f"]), ("Fairphone 5s", ["p:5"])]),
        ("de", "die Fairphones", [("Fairphones", ["p:f"])]),
        ("tr", "Acmeler ve Acme'nin", [("Acmeler", ["p:a"]), ("Acme", ["p:a"])]),
        ("xx", "Fairphones, Acmelere", [("Fairphones", ["p:f"])]),
        ("en", "Acmeler", []),
        ("en", "Ions, USABs, Fairphonesque", []),
    ],
    ids=["english", "german", "turkish", "unknown", "other_language", "short_code_or_no_ending"],
)
def test_names_are_found_with_endings_of_the_text(path, lang, text, expected):
    assert found(path, lang, text) == expected


def test_without_the_option_only_names_as_they_are_are_found(path):
    assert found(path, "en", "Fairphones and a Fairphone", inflections=False) == [("Fairphone", ["p:f"])]


def test_endings_are_short_enough_to_be_found():
    assert {len(ending) <= MAX_ENDING for endings in FREE_ENDINGS.values() for ending in endings} == {True}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A store whose names have no language."""
    rows = [StoreRow("prague", "", "Praha"), StoreRow("berlin", "", "Berlin"), StoreRow("moscow", "", "Москва")]
    return build_store(rows, tmp_path_factory.mktemp("shared") / "own.sqlite").path


@pytest.mark.parametrize(
    ("mention", "lang", "expected"),
    [
        ("Prahe", "cs", ["prague"]),
        ("Berlins", "de", ["berlin"]),
        ("Berlins", "en", []),
        ("Berlins", None, []),
        ("Москве", None, ["moscow"]),
    ],
)
def test_names_without_a_language_are_inflected_as_those_of_the_text(shared, mention, lang, expected):
    assert [match.id for match in EntityStore(shared).candidates(mention, lang)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Je v Prahe", ["prague"]),
        ("Die Stadt und das Prahe", []),
        ("Was there in Prahe", []),
        ("Prahe", []),
    ],
    ids=["its_language", "another_one", "one_without_endings", "unknown"],
)
def test_in_text_of_an_unknown_language_its_words_say_how_names_are_inflected(shared, text, expected):
    doc = spacy.blank("xx")(text)
    assert [match.id for match in StoreCandidates(str(shared))([doc[-1:]])[0]] == expected


def test_words_of_several_languages_make_all_of_them_possible():
    assert set(inflecting_languages("v Prahe")) >= {"cs", "sk"}
    assert inflecting_languages("The president of the republic was not there") == ()


@pytest.mark.parametrize(
    ("mention", "name"),
    [
        ("kalten krieg", "kalter krieg"),
        ("kalten krieges", "kalter krieg"),
        ("der dreissigjahrige krieg", "dreissigjahriger krieg"),
        ("vereinten nationen", "vereinte nationen"),
        ("schwarzen meeres", "schwarzes meer"),
        ("heiligen romischen reich", "heiliges romisches reich"),
    ],
)
def test_german_names_are_declined_with_their_adjectives(mention, name):
    assert name in declined_keys(mention)


@pytest.mark.parametrize("mention", ["krieg", "helmut kohl", "der krieg", "", "bayern munchen"])
def test_names_without_adjectives_are_not_declined(mention):
    assert list(declined_keys(mention)) == []


def test_a_declined_name_is_found_in_german_only(tmp_path):
    store = build_store([StoreRow("Q8683", "de", "Kalter Krieg", "EVENT")], tmp_path / STORE)
    found = [[match.id for match in store.candidates("Kalten Krieges", lang)] for lang in ("de", "en", None)]
    assert found == [["Q8683"], [], []]
