"""Selecting predicted entities, and gold classes of candidates."""

from __future__ import annotations

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.annotate.named_entities import write_entities
from spacy_mluke.annotate.selection import pick_flat, pick_nested
from spacy_mluke.pipeline.ner.gold_entities import UNKNOWN, find_gold, find_gold_classes
from spacy_mluke.pipeline.ner.sampling import sample
from spacy_mluke.suggesters.candidates import CandidateSpans
from tests.pipeline.ner_docs import grouped, names, ner_docs

BEST_FIRST = [(2, 4), (0, 3), (3, 4), (0, 6), (4, 6)]
spans = st.tuples(st.integers(0, 8), st.integers(1, 4)).map(lambda span: (span[0], span[0] + span[1]))


def test_flat_entities_do_not_overlap_and_the_best_is_kept():
    assert pick_flat(BEST_FIRST, 6, []) == [0, 4]
    assert pick_flat(BEST_FIRST, 6, [(5, 6)]) == [0]


def test_nested_entities_do_not_cross():
    assert pick_nested(BEST_FIRST) == [0, 2, 3, 4]


@given(st.lists(spans, unique=True))
@settings(max_examples=200, deadline=None)
def test_nested_entities_equal_those_of_a_plain_loop(bounds):
    picked = []
    for i, (start, end) in enumerate(bounds):
        others = [bounds[j] for j in picked]
        if not any(a < start < b < end or start < a < end < b for a, b in others):
            picked.append(i)
    assert pick_nested(bounds) == picked


def test_an_entity_may_be_in_the_group_and_not_in_doc_ents():
    doc = Doc(spacy.blank("xx").vocab, words=list("abcdef"))
    labels = ["A", "B", "C", "D", "E"]
    write_entities(
        doc, BEST_FIRST, labels, [0.9, 0.8, 0.7, 0.6, 0.5], spans_key="x", keep_nested=True, overwrite_ents=False
    )
    assert names(doc) == [(2, 4, "A"), (4, 6, "E")]
    assert grouped(doc, "x") == [(0, 6, "D"), (2, 4, "A"), (3, 4, "C"), (4, 6, "E")]
    assert doc.spans["x"].attrs["scores"].tolist() == pytest.approx([0.6, 0.9, 0.7, 0.5])


def test_annotating_a_document_again_keeps_its_entities_their_ids_and_their_scores():
    doc = Doc(spacy.blank("xx").vocab, words=list("abcdef"))
    doc.ents = [Span(doc, 2, 4, "A", kb_id="Q1"), Span(doc, 4, 5, "OTHER")]
    options = {"spans_key": "x", "keep_nested": False, "overwrite_ents": False}
    write_entities(doc, [(2, 4), (4, 5), (0, 1)], ["A", "B", "C"], [0.9, 0.8, 0.7], **options)
    assert [(ent.label_, ent.kb_id_) for ent in doc.ents] == [("C", ""), ("A", "Q1"), ("OTHER", "")]
    assert grouped(doc, "x") == [(0, 1, "C"), (2, 4, "A")]
    assert doc.spans["x"].attrs["scores"].tolist() == pytest.approx([0.7, 0.9])


def test_candidates_get_gold_classes_and_missed_entities_are_counted():
    nlp = spacy.blank("xx")
    reference = ner_docs(nlp)[1]
    gold = find_gold(Example(reference.copy(), reference), None)
    # "Anna of Tokyo" is not among the candidates, "Paris" is.
    found = CandidateSpans(numpy.array([[0, 1], [5, 6], [0, 1]]), numpy.array([2, 1]))
    truth = find_gold_classes([gold, None], found, {"PER": 1, "LOC": 2}.__getitem__, 0)
    assert truth.class_ids.tolist() == [0, 2, UNKNOWN]
    assert (truth.n_entities, truth.n_missed) == (2, 1)


def test_entities_are_missed_where_nothing_is_suggested():
    nlp = spacy.blank("xx")
    reference = ner_docs(nlp)[0]
    gold = find_gold(Example(reference.copy(), reference), None)
    truth = find_gold_classes(
        [gold], CandidateSpans(numpy.zeros((0, 2), dtype="int64"), numpy.zeros(1, dtype="int64")), len, 0
    )
    assert (len(truth.class_ids), truth.n_entities, truth.n_missed) == (0, 2, 2)


def test_samples_follow_the_seed_of_spacy():
    rows = numpy.zeros(40, dtype="int64")
    rows[[3, 30]] = 1
    rows[7] = UNKNOWN
    found = CandidateSpans(numpy.zeros((40, 2), dtype="int64"), numpy.array([20, 0, 20]))
    drawn = []
    for seed in (1, 1, 2):
        spacy.util.fix_random_seed(seed)
        drawn.append(sample(rows, found, numpy.array([5, 0, 6]), 0, 1.0))
    assert drawn[0].tolist() == drawn[1].tolist() != drawn[2].tolist()
    assert len(drawn[0]) == 2 + 5 + 6 and {3, 30} <= set(drawn[0].tolist()) and 7 not in drawn[0]
    assert sample(rows, found, numpy.array([5, 0, 6]), 0, None).tolist() == list(range(40))
    assert len(sample(rows, found, numpy.array([500, 0, 0]), 0, 1.0)) == 2 + 18
