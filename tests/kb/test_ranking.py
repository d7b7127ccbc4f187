"""Candidates ranked by priors, types and facts."""

from __future__ import annotations

import pytest

from spacy_mluke.kb.ranking import DISAGREEMENT, agreement, fitting, is_no_person, likely, rank
from spacy_mluke.kb.store import Fact, Match

SPRINGFIELDS = [Match("us", 0.6, "LOC"), Match("au", 0.3, "LOC"), Match("band", 0.1, "ORG")]


@pytest.mark.parametrize(
    ("label", "kind", "expected"),
    [
        ("PER", "PER", 1.0),
        ("GPE", "CITY", 1.0),
        ("PER", "LOC", DISAGREEMENT),
        ("X", "LOC", 1.0),
        ("LOC", "planet", 1.0),
        ("MISC", "WORK", 0.5),
        ("NORP", "LOC", 1.0),
        ("NORP", "OTHER", 0.5),
        ("FOO", "PER", 1.0),
    ],
)
def test_types_agree_with_labels_of_their_kind(label, kind, expected):
    assert agreement(label, kind) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("NORP", {"germany": 1.0}),
        ("LANGUAGE", {"language": 1.0}),
        ("X", {"language": 0.75, "germany": 0.25}),
    ],
)
def test_a_nation_is_no_language(label, expected):
    matches = [Match("language", 0.75, "OTHER"), Match("germany", 0.25, "LOC")]
    found = fitting(matches, label, lambda entity_id: ["modern language"] if entity_id == "language" else ["country"])
    assert {match.id: match.prior for match in found} == expected


def test_a_language_that_is_no_candidate_leaves_the_others():
    matches = [Match("germany", 1.0, "LOC")]
    assert fitting(matches, "LANGUAGE", lambda entity_id: []) == matches
    assert fitting([Match("language", 1.0, "LANGUAGE")], "NORP", lambda entity_id: []) == []


def test_a_candidate_whose_type_agrees_with_the_label_comes_first():
    ranking = rank(SPRINGFIELDS, "ORG")
    assert [match.id for match in ranking.matches] == ["band", "us", "au"]
    assert sum(match.prior for match in ranking.matches) == pytest.approx(1.0)


def test_support_is_small_if_no_type_agrees():
    assert rank(SPRINGFIELDS[:2], "PER").support == pytest.approx(DISAGREEMENT)
    assert rank([Match("us", 1.0, "LOC")], "LOC").support == 1.0


def test_a_candidate_is_preferred_if_the_text_names_what_it_is_connected_with():
    facts = {"au": [Fact("P17", "Australia")], "us": [Fact("P17", "USA")]}

    def facts_of(entity_id):
        return facts.get(entity_id, [])

    for context, expected in (({"Australia"}, "au"), ({"USA"}, "us"), (set(), "us"), ({"au"}, "us")):
        assert rank(SPRINGFIELDS, "LOC", context, facts_of).matches[0].id == expected


def test_priors_of_0_keep_their_order():
    matches = [Match("a", 0.0), Match("b", 0.0)]
    assert rank(matches, "LOC").matches == matches
    assert rank([], "LOC").matches == []


def test_the_context_has_entities_that_are_probable():
    assert likely([SPRINGFIELDS, SPRINGFIELDS[1:], []]) == {"us"}


@pytest.mark.parametrize(
    ("label", "kind", "expected"),
    [
        ("PER", "LOC", True),
        ("PERSON", "WORK", True),
        ("PER", "PER", False),
        ("PER", "OTHER", False),
        ("ORG", "LOC", False),
    ],
)
def test_what_is_labelled_as_a_person_is_no_place_organisation_work_or_event(label, kind, expected):
    assert is_no_person(label, kind) is expected
