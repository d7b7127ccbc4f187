"""Spans without tokens, documents without tokens, and ids beyond the tables."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.annotate.relations import Relation
from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import EncoderInput, MentionInput
from tests.pipeline.relation_docs import own_model

SPANS = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "given"}
WORDS = ["Tokyo", "is", "in", "Japan"]


def given_doc(nlp, words=WORDS):
    """Make a document with spans without tokens at its start, inside and at its end, and a span with a token."""
    doc = Doc(nlp.vocab, words=words)
    n = len(doc)
    doc.spans["given"] = [Span(doc, i, i, "X") for i in sorted({0, n // 2, n})]
    if n:
        doc.spans["given"].append(Span(doc, 0, 1, "X"))
    return doc


def span_pipeline(factory, checkpoint, **config):
    nlp = spacy.blank("xx")
    model = {"name": str(checkpoint)} if factory == "mluke" else own_model(checkpoint)
    pipe = nlp.add_pipe(factory, config={"model": model, "suggester": SPANS, **config})
    return nlp, pipe


@pytest.mark.parametrize("span_vectors", ["entity", "both"])
@pytest.mark.parametrize("words", [WORDS, []])
def test_a_span_without_tokens_has_no_vector_and_is_not_listed(tiny_checkpoint, span_vectors, words):
    nlp, _ = span_pipeline("mluke", tiny_checkpoint, span_vectors=span_vectors)
    doc = given_doc(nlp, words)
    if len(doc):
        with pytest.warns(UserWarning, match=r"\[ML101\] 3 of 4"):
            nlp(doc)
        assert [(span.start, span.end) for span in doc._.mluke.spans] == [(0, 1)]
    else:
        with pytest.warns(UserWarning, match=r"\[ML101\] 1 of 1"):
            nlp(doc)
        assert doc._.mluke.spans == []
    assert doc._.mluke.skipped == []
    for span in doc.spans["given"]:
        assert (span._.mluke_vector is None) == (span.start == span.end)


@pytest.mark.parametrize("factory", ["mluke_typing", "mluke_ner"])
def test_components_take_spans_without_tokens(tiny_checkpoint, factory):
    nlp, pipe = span_pipeline(factory, tiny_checkpoint)
    gold = given_doc(nlp)
    gold.ents = [Span(gold, 0, 1, "X")]
    gold.spans[pipe.cfg["spans_key"]] = [Span(gold, 0, 1, "X")]
    example = Example(given_doc(nlp), gold)
    pipe.initialize(lambda: [example], nlp=nlp)
    assert pipe.update([example])[factory] > 0
    with pytest.warns(UserWarning, match=r"\[ML104\] [13] of [24]"):
        doc = nlp(given_doc(nlp))
    assert {(span.start, span.end) for span in doc.spans[pipe.cfg["spans_key"]]} <= {(0, 1)}


def test_questions_take_spans_without_tokens(tiny_checkpoint):
    nlp, pipe = span_pipeline("mluke_qa", tiny_checkpoint)
    gold = given_doc(nlp)
    gold._.mluke_questions = ["Where is Tokyo?"]
    gold._.mluke_answers = [[Span(gold, 3, 4)]]
    example = Example(given_doc(nlp), gold)
    nlp.initialize(lambda: [example])
    for words in (WORDS, []):
        assert isinstance(pipe.answer(given_doc(nlp, words), "Where is Tokyo?"), list)


@pytest.mark.parametrize("at", [0, 4])
def test_relations_and_answers_need_spans_with_tokens(at):
    doc = Doc(spacy.blank("xx").vocab, words=WORDS)
    doc._.mluke_questions = ["Where?"]
    with pytest.raises(ValueError, match=r"\[ML211\].*without tokens"):
        doc._.mluke_answers = [[doc[at:at]]]
    with pytest.raises(ValueError, match=r"\[ML084\].*without tokens"):
        doc._.mluke_relations = [Relation(doc[at:at], doc[0:1], "x")]


def test_a_listener_takes_spans_without_tokens(tiny_checkpoint):
    nlp, _ = span_pipeline("mluke", tiny_checkpoint)
    model = {"encoder": {"@architectures": "spacy-mluke.EncoderListener.v1"}}
    pipe = nlp.add_pipe("mluke_typing", config={"model": model, "suggester": SPANS})
    pipe.add_label("X")
    nlp.get_pipe("mluke").initialize(list, nlp=nlp)
    pipe.initialize_labels([])
    doc = nlp(given_doc(nlp))
    assert list(doc[:1]._.mluke_types) == ["X"] and doc[1:1]._.mluke_types == {}


@pytest.mark.parametrize("which", ["spans", "candidates"])
def test_entity_ids_beyond_the_table_are_refused(tiny_checkpoint, which):
    nlp, pipe = span_pipeline("mluke", tiny_checkpoint)
    load_model(pipe.model)
    doc = Doc(nlp.vocab, words=WORDS)
    doc.spans["given"] = [Span(doc, 0, 1)]
    ids = numpy.asarray([7], dtype="int64")
    given = {"entity_ids": ids} if which == "spans" else {"candidates": ids}
    with pytest.raises(ValueError, match=r"\[ML315\].*7.*6 rows \(0 to 5\)"):
        pipe.model.predict(MentionInput([doc], pipe.suggester([doc]), **given))
    assert isinstance(pipe._input([doc], with_tokens=True), EncoderInput)
