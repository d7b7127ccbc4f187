"""The scorer of named entities: as spaCy's, and partially annotated gold documents."""

from __future__ import annotations

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.extensions import install_extensions
from spacy_mluke.report.counting import count_entities
from spacy_mluke.scorers.ner import score_entities

install_extensions()
VOCAB = spacy.blank("xx").vocab
LABELS = ["PER", "LOC", "ORG"]
# One entity at most for each token, with a label; None for none, "?" for a token without annotation.
TOKENS = st.lists(st.sampled_from([None, "?", *LABELS]), min_size=6, max_size=6)


def annotated(labels, annotated_labels=None):
    doc = Doc(VOCAB, words=["a", "b", "c", "d", "e", "f"])
    spans = [Span(doc, i, i + 1, label) for i, label in enumerate(labels) if label in LABELS]
    missing = [doc[i : i + 1] for i, label in enumerate(labels) if label == "?"]
    doc.set_ents(spans, missing=missing, default="outside")
    doc._.mluke_annotated_labels = annotated_labels
    return doc


def example(predicted, gold, annotated_labels=None):
    return Example(annotated(predicted), annotated(gold, annotated_labels))


@given(st.lists(st.tuples(TOKENS, TOKENS), max_size=4))
@settings(max_examples=50, deadline=None)
def test_scores_are_those_of_spacy_where_all_labels_are_annotated(pairs):
    wanted = get_ner_prf([example(*pair) for pair in pairs])
    assert score_entities([example(*pair) for pair in pairs]) == wanted
    assert score_entities([example(*pair, LABELS) for pair in pairs]) == wanted


def test_scores_of_another_tokenization_are_those_of_spacy():
    gold = Doc(VOCAB, words=["New", "York", "is", "far"])
    gold.ents = [Span(gold, 0, 2, "LOC")]
    predicted = Doc(VOCAB, words=["New York", "is", "far"])
    predicted.ents = [Span(predicted, 0, 1, "LOC"), Span(predicted, 2, 3, "PER")]
    eg = Example(predicted, gold)
    assert score_entities([eg]) == get_ner_prf([eg])
    gold._.mluke_annotated_labels = ["LOC"]
    assert score_entities([eg])["ents_p"] == 1.0


def test_a_predicted_label_that_was_not_annotated_is_neither_right_nor_wrong():
    eg = example(["PER", "LOC", None, "LOC", None, None], [None, "LOC", None, None, None, "LOC"], ["LOC"])
    scores = score_entities([eg])
    assert (scores["ents_p"], scores["ents_r"]) == (0.5, 0.5)
    assert set(scores["ents_per_type"]) == {"LOC"}
    assert len(eg.predicted.ents) == 3
    assert dict(zip(["right", "predicted", "gold"], count_entities([eg]).counts[0], strict=True)) == {
        "right": 1.0, "predicted": 2.0, "gold": 2.0,
    }  # fmt: skip


def test_other_documents_count_all_labels():
    eg = example(["PER", None, None, None, None, None], [None] * 6)
    partial = example(["PER", None, None, None, None, None], [None] * 6, ["LOC"])
    assert score_entities([eg, partial])["ents_per_type"]["PER"] == get_ner_prf([eg])["ents_per_type"]["PER"]


def test_a_gold_entity_counts_whatever_labels_are_listed():
    eg = example(["PER", None, None, None, None, None], ["PER", None, None, None, None, None], ["LOC"])
    assert score_entities([eg])["ents_f"] == 1.0


def test_without_annotation_there_are_no_scores():
    doc = Doc(VOCAB, words=["a"])
    assert score_entities([Example(doc, doc.copy())]) == get_ner_prf([Example(doc, doc.copy())])


@pytest.mark.parametrize("name", ["spacy-mluke.ner_scorer.v1"])
def test_the_scorer_is_registered(name):
    assert spacy.registry.scorers.get(name)() is score_entities
