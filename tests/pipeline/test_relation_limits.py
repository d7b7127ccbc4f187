"""How many tails a head may have, how many heads a tail, and minimum probabilities of single labels."""

from __future__ import annotations

from collections import Counter

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.annotate.relations import Relation
from spacy_mluke.pipeline.relations.decoding import decide
from spacy_mluke.pipeline.relations.limits import Found, count_limits, keep_best
from spacy_mluke.types import Counts, GroupLogits
from tests.pipeline.relation_docs import facts

OPTIONS = {"multi_label": True, "threshold": 0.5, "temperature": 1.0, "bias": 0.0, "no_label": "none"}
MENTIONS = {"Anna": (0, 1, "Anna"), "Bob": (2, 3, "Bob"), "Rome": (4, 5, "Rome"), "Oslo": (6, 7, "Oslo")}
NO_LIMITS = {"max_tails": {}, "max_heads": {}, "inverses": {}}


def found(*relations: tuple) -> list:
    return [Found(MENTIONS[head], MENTIONS[tail], label, score) for head, label, tail, score in relations]


def kept(relations: list, **options: object) -> list:
    holds = keep_best(found(*relations), {**NO_LIMITS, **options})
    return [relation[:3] for relation, is_kept in zip(relations, holds, strict=True) if is_kept]


BORN = [("Anna", "born", "Rome", 0.7), ("Anna", "born", "Oslo", 0.9), ("Bob", "born", "Oslo", 0.8)]


def test_without_limits_everything_is_kept():
    assert kept(BORN) == [relation[:3] for relation in BORN]


def test_only_the_most_probable_tails_of_a_head_are_kept():
    assert kept(BORN, max_tails={"born": 1}) == [("Anna", "born", "Oslo"), ("Bob", "born", "Oslo")]
    assert len(kept(BORN, max_tails={"born": 2})) == 3
    assert len(kept(BORN, max_tails={"other": 1})) == 3


def test_only_the_most_probable_heads_of_a_tail_are_kept():
    assert kept(BORN, max_heads={"born": 1}) == [("Anna", "born", "Rome"), ("Anna", "born", "Oslo")]


def test_a_relation_must_be_among_the_best_on_both_sides():
    # Oslo is the best tail of Bob, but Anna is the better head.
    assert kept(BORN, max_tails={"born": 1}, max_heads={"born": 1}) == [("Anna", "born", "Oslo")]


def test_mentions_of_one_entity_count_once():
    relations = [
        *found(("Anna", "born", "Rome", 0.7), ("Anna", "born", "Oslo", 0.6)),
        Found((10, 11, "ANNA"), (12, 13, "Rome"), "born", 0.55),
    ]
    assert keep_best(relations, {**NO_LIMITS, "max_tails": {"born": 1}}) == [True, False, True]


def test_a_relation_is_dropped_with_its_inverse():
    relations = [
        ("Anna", "child", "Bob", 0.9), ("Bob", "parent", "Anna", 0.9),
        ("Rome", "child", "Bob", 0.8), ("Bob", "parent", "Rome", 0.8),
    ]  # fmt: skip
    inverses = {"child": "parent", "parent": "child"}
    assert kept(relations, max_tails={"parent": 1}, inverses=inverses) == [relation[:3] for relation in relations[:2]]
    assert kept(relations, max_heads={"child": 1}, inverses=inverses) == [relation[:3] for relation in relations[:2]]


def test_a_symmetric_relation_is_limited_on_both_sides():
    pairs = [("Anna", "Bob", 0.9), ("Anna", "Rome", 0.8), ("Rome", "Oslo", 0.7)]
    relations = [(*pair, score) for a, b, score in pairs for pair in ((a, "spouse", b), (b, "spouse", a))]
    alone = kept(relations, max_tails={"spouse": 1}, inverses={"spouse": "spouse"})
    assert alone == [("Anna", "spouse", "Bob"), ("Bob", "spouse", "Anna")]


def test_of_equal_scores_the_first_mention_is_kept():
    relations = [("Anna", "born", "Oslo", 0.8), ("Anna", "born", "Rome", 0.8)]
    assert kept(relations, max_tails={"born": 1}) == [("Anna", "born", "Rome")]


NAMES = st.sampled_from(sorted(MENTIONS))
RELATIONS = st.lists(
    st.tuples(NAMES, st.sampled_from(["a", "b"]), NAMES, st.sampled_from([0.5, 0.6, 0.9])),
    unique_by=lambda relation: relation[:3],
)


@settings(max_examples=60, deadline=None)
@given(RELATIONS, st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_limits_are_never_exceeded(relations, most_tails, most_heads, has_inverse):
    inverses = {"a": "b", "b": "a"} if has_inverse else {}
    remaining = kept(relations, max_tails={"a": most_tails}, max_heads={"a": most_heads}, inverses=inverses)
    of_a = [relation for relation in remaining if relation[1] == "a"]
    assert all(n <= most_tails for n in Counter(head for head, _, _ in of_a).values())
    assert all(n <= most_heads for n in Counter(tail for _, _, tail in of_a).values())


@settings(max_examples=60, deadline=None)
@given(RELATIONS, st.randoms(use_true_random=False))
def test_the_order_of_predictions_does_not_matter(relations, rng):
    options = {"max_tails": {"a": 1, "b": 2}, "max_heads": {"b": 1}, "inverses": {"a": "a"}}
    shuffled = list(relations)
    rng.shuffle(shuffled)
    assert set(kept(relations, **options)) == set(kept(shuffled, **options))


def test_limits_are_learned_from_facts():
    pairs = [(f"h{n}", "born", f"t{n}") for n in range(19)] + [("h0", "born", "x"), ("rare", "seen", "y")]
    assert count_limits(pairs, min_share=0.9, largest=2, least=5) == {"born": 1}
    assert count_limits(pairs, min_share=0.95, largest=2, least=5) == {"born": 2}
    assert count_limits(pairs, min_share=0.95, largest=1, least=5) == {}


def test_a_label_may_need_a_higher_probability_than_others():
    logits = numpy.array([[1.0, 1.0], [2.0, 2.0]], dtype="float32")
    rows, columns, _ = decide(logits, ["a", "b"], {**OPTIONS, "thresholds": {"b": 0.8}})
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (1, 0), (1, 1)]


def test_a_higher_threshold_holds_for_all_labels():
    logits = numpy.array([[1.0, 2.0]], dtype="float32")
    _, columns, _ = decide(logits, ["a", "b"], {**OPTIONS, "threshold": 0.85, "thresholds": {"b": 0.6}})
    assert columns.tolist() == [1]


def test_a_single_label_has_its_threshold_too():
    logits = numpy.array([[0.0, 1.0, -9.0], [0.0, -9.0, 1.0]], dtype="float32")
    options = {**OPTIONS, "multi_label": False, "threshold": 0.0, "thresholds": {"b": 0.8}}
    rows, columns, _ = decide(logits, ["none", "a", "b"], options)
    assert (rows.tolist(), columns.tolist()) == ([0], [1])


def test_options_of_an_earlier_version_have_no_limits():
    assert keep_best(found(*BORN), {"inverses": {}}) == [True] * 3
    assert decide(numpy.array([[1.0]], dtype="float32"), ["a"], OPTIONS)[0].tolist() == [0]


@pytest.fixture
def component():
    pipe = spacy.blank("xx").add_pipe("mluke_relations", config={"multi_label": True})
    pipe.cfg["classes"] = ["born", "lives"]
    return pipe


def annotated(pipe, kb_ids=("", "", "")):
    """Annotate a document: Anna is born in both places, more probably in Oslo, and lives in both."""
    doc = Doc(pipe.vocab, words=["Anna", "Rome", "Oslo"])
    doc.ents = [Span(doc, i, i + 1, label="X", kb_id=kb_id) for i, kb_id in enumerate(kb_ids)]
    pairs = numpy.array([[[0, 1], [1, 2]], [[0, 1], [2, 3]]], dtype="int32")
    logits = numpy.array([[1.0, 1.0], [2.0, 1.0]], dtype="float32")
    output = GroupLogits(logits, numpy.ones(2, dtype=bool), numpy.array([2]), Counts())
    pipe.set_annotations([doc], ([pairs], output))
    return facts(doc)


def test_the_component_keeps_the_best_tail(component):
    assert len(annotated(component)) == 4
    component.max_tails = {"born": 1}
    assert annotated(component) == {
        ("Anna", "Oslo", "born"), ("Anna", "Rome", "lives"), ("Anna", "Oslo", "lives"),
    }  # fmt: skip


def test_linked_mentions_are_one_entity_by_their_id(component):
    component.max_tails = {"born": 1}
    assert len(annotated(component, ("Q1", "Q2", "Q2"))) == 4
    assert len(annotated(component, ("Q1", "NIL", "NIL"))) == 3


def test_limits_and_thresholds_are_saved(component):
    component.max_tails, component.max_heads, component.thresholds = {"born": 1}, {"born": 2}, {"lives": 0.9}
    other = spacy.blank("xx").add_pipe("mluke_relations", config={"multi_label": True})
    other.cfg_from_bytes(component.cfg_to_bytes())
    assert (other.max_tails, other.max_heads, other.thresholds) == ({"born": 1}, {"born": 2}, {"lives": 0.9})
    assert annotated(other) == {("Anna", "Oslo", "born")}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("max_tails", {"born": 0}, "ML071"),
        ("max_heads", {"born": 1.5}, "ML310"),
        ("max_tails", ["born"], "ML310"),
        ("thresholds", {"born": 1.2}, "ML310"),
        ("thresholds", {"bron": 0.5}, "ML076"),
    ],
)
def test_values_that_are_not_allowed_are_refused(component, name, value, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        setattr(component, name, value)


def test_the_component_learns_limits_from_examples(component):
    docs = []
    for _ in range(10):
        doc = Doc(component.vocab, words=["Anna", "Rome", "Oslo"])
        doc.ents = [Span(doc, i, i + 1, label="X") for i in range(3)]
        first, second, third = doc.ents
        doc._.mluke_relations = [
            Relation(first, second, "born"),
            *(Relation(first, x, "lives") for x in (second, third)),
        ]
        docs.append(doc)
    component.learn_limits([Example(doc, doc) for doc in docs], largest=1)
    assert component.max_tails == {"born": 1}
    assert component.max_heads == {"born": 1, "lives": 1}
