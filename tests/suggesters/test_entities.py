"""Suggesters of entities and span groups, and spaCy's suggesters."""

from __future__ import annotations

import pickle

import numpy
import pytest
import spacy
from spacy import registry
from spacy.tokens import Span
from spacy.util import registry as util_registry

from spacy_mluke.align import align
from spacy_mluke.suggesters.entities import build_ents_suggester_v1, build_spans_suggester_v1
from tests.align.helpers import char_doc, check_batch, word_doc

NAMES = {
    "spacy-mluke.ents_suggester.v1": build_ents_suggester_v1,
    "spacy-mluke.spans_suggester.v1": build_spans_suggester_v1,
}


@pytest.fixture
def registered():
    """Register the names of setup.cfg's entry points, in case the package is not installed."""
    for name, function in NAMES.items():
        if name not in util_registry.misc:
            registry.misc.register(name, func=function)


@pytest.fixture
def docs():
    first = word_doc("New", "York", "City", "Hall")
    first.ents = [Span(first, 0, 3, label="GPE")]
    first.spans["all"] = [Span(first, 2, 4), Span(first, 0, 3), Span(first, 0, 2), Span(first, 0, 3)]
    second = word_doc("empty")
    second.spans["all"] = []
    return [first, second, word_doc()]


def rows(found):
    return found.dataXd.tolist(), found.lengths.tolist()


def test_entities_are_suggested(docs):
    assert rows(build_ents_suggester_v1()(docs)) == ([[0, 3]], [1, 0, 0])


def test_spans_of_a_group_keep_their_order(docs):
    found = build_spans_suggester_v1("all")(docs)
    assert rows(found) == ([[2, 4], [0, 3], [0, 2], [0, 3]], [4, 0, 0])


def test_a_document_without_the_group_has_no_spans(docs):
    found = build_spans_suggester_v1("other")(docs)
    assert found.dataXd.shape == (0, 2) and found.lengths.tolist() == [0, 0, 0]


def test_suggesters_accept_an_empty_list():
    found = build_ents_suggester_v1()([])
    assert found.dataXd.shape == (0, 2) and len(found.lengths) == 0


def test_suggesters_can_be_pickled(docs):
    found = pickle.loads(pickle.dumps(build_spans_suggester_v1("all")))
    assert len(found(docs).dataXd) == 4


@pytest.mark.parametrize(
    "config, n_spans",
    [
        ({"@misc": "spacy-mluke.ents_suggester.v1"}, 1),
        ({"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "all"}, 4),
        ({"@misc": "spacy.ngram_suggester.v1", "sizes": [1, 2]}, 8),
        ({"@misc": "spacy.ngram_range_suggester.v1", "min_size": 3, "max_size": 4}, 3),
    ],
)
def test_alignment_accepts_every_suggester(registered, wordpieces, docs, config, n_spans):
    suggester = registry.resolve({"suggester": config})["suggester"]
    batch = align(docs, suggester(docs), wordpieces, default_entity_id=0)
    check_batch(batch)
    assert len(batch.entity_ids) == n_spans


def test_alignment_accepts_the_preset_suggester_of_spacy(wordpieces, docs):
    suggester = registry.resolve({"suggester": {"@misc": "spacy.preset_spans_suggester.v1", "spans_key": "all"}})[
        "suggester"
    ]
    batch = align(docs[:2], suggester(docs[:2]), wordpieces, default_entity_id=0)
    assert len(batch.entity_ids) == 4
    batch = align(docs[1:2], suggester(docs[1:2]), wordpieces, default_entity_id=0)
    assert len(batch.entity_ids) == 0


def test_the_span_categorizer_of_spacy_accepts_our_suggesters(registered):
    nlp = spacy.blank("xx")
    config = {"suggester": {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "all"}, "spans_key": "sc"}
    pipe = nlp.add_pipe("spancat", config=config)
    pipe.add_label("X")
    doc = nlp.make_doc("New York City Hall")
    doc.spans["all"] = [doc[0:2]]
    doc.spans["sc"] = [Span(doc, 0, 2, label="X")]
    nlp.initialize(lambda: [spacy.training.Example(doc.copy(), doc)])
    pipe.predict([doc])


def test_arrays_have_the_types_that_spacy_expects(docs):
    found = build_ents_suggester_v1()([char_doc("x")])
    assert found.dataXd.dtype == found.lengths.dtype == numpy.dtype("int32")
