"""Exported pipelines find what the pipelines find, and their states are those of PyTorch."""

from __future__ import annotations

import numpy
import pytest
import spacy

from spacy_mluke import OnnxPipeline, export_onnx
from spacy_mluke.annotate.answers import Question
from spacy_mluke.encoder.inputs import EncoderInput
from spacy_mluke.suggesters.entities import build_ents_suggester_v1
from tests.checkpoint.checkpoints import make_checkpoint
from tests.onnx.conftest import TEXTS, close, mentions_of, read, with_ents


def flat(lists):
    return [own for found in lists for own in found]


QUESTIONS = ["Where is Tokyo?", "東京は?", "What is the capital of France , and where is it ?"]


@pytest.fixture
def docs(nlp):
    return [with_ents(nlp.make_doc(text)) for text in TEXTS]


def assert_same_states(pipeline, docs, encoder, component, **options):
    output = encoder.predict(EncoderInput(docs, build_ents_suggester_v1()(docs)))
    found = pipeline.states([read(doc) for doc in docs], list(map(mentions_of, docs)), component=component, **options)
    close(numpy.concatenate([own.piece_states for own in found]), output.piece_states)
    states = numpy.concatenate([own.mention_states for own in found])
    close(states[~numpy.isnan(states[:, 0])], output.entity_states)
    ids = [output.batch.piece_ids[doc.piece_rows] for doc in output.batch.docs]
    assert [own.pieces for own in found] == [
        tuple(pipeline._component(None, component)[1].wordpieces.pieces(own)) for own in ids
    ]


def test_states_are_those_of_pytorch_with_entity_aware_attention(nlp, pipeline, docs):
    assert_same_states(pipeline, docs, nlp.get_pipe("mluke").model, "mluke")


def test_states_are_those_of_pytorch_with_isolated_visibility(nlp, pipeline, docs):
    assert_same_states(pipeline, docs, nlp.get_pipe("mluke_ner").model.get_ref("encoder"), "mluke_ner")


def test_states_are_those_of_pytorch_with_one_kind_of_query(tiny_sentencepiece, tmp_path):
    name = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, entity_emb_size=16)
    for visibility in ("joint", "isolated"):
        model = {"name": str(name), "visibility": visibility, "window": 40}
        nlp = spacy.blank("xx")
        nlp.add_pipe("mluke", config={"model": model})
        export_onnx(nlp, tmp_path / visibility)
        docs = [with_ents(nlp.make_doc(text)) for text in TEXTS[:4]]
        assert_same_states(OnnxPipeline(tmp_path / visibility), docs, nlp.get_pipe("mluke").model, "mluke")


def test_known_entities_have_the_states_of_pytorch(nlp, pipeline, docs):
    doc = nlp.make_doc("Tokyo is big")
    doc.ents = [doc.char_span(0, 5, label="LOC", kb_id="en:Tokyo")]
    encoder = nlp.get_pipe("mluke").model
    encoder.attrs["entity_input"] = "kb_id"
    try:
        output = encoder.predict(EncoderInput([doc], build_ents_suggester_v1()([doc])))
    finally:
        encoder.attrs["entity_input"] = "mask"
    (found,) = pipeline.states([read(doc)], [[(0, 5)]], component="mluke", entity_ids=[3])
    close(found.mention_states, output.entity_states)


def found_names(doc, key="mluke_ner"):
    group = doc.spans[key]
    return [(span.start_char, span.end_char, span.label_) for span in group], group.attrs["scores"]


def assert_same_names(nlp, pipeline):
    docs = [nlp.make_doc(text) for text in TEXTS]
    found = pipeline.names(list(map(read, docs)))
    with nlp.select_pipes(enable="mluke_ner"):
        expected = [found_names(doc) for doc in nlp.pipe(docs)]
    assert [[(name.start, name.end, name.label) for name in own] for own in found] == [names for names, _ in expected]
    assert sum(map(len, found)) > 10
    close([name.score for own in found for name in own], numpy.concatenate([scores for _, scores in expected]))
    assert all(
        name.text == doc.text[name.start : name.end] for doc, own in zip(docs, found, strict=True) for name in own
    )


def test_names_are_those_of_the_component_after_pruning(nlp, pipeline):
    assert_same_names(nlp, pipeline)


def test_names_are_those_of_the_component_without_pruning(nlp, pipeline, monkeypatch):
    monkeypatch.setitem(nlp.get_pipe("mluke_ner").cfg, "max_candidates_per_piece", None)
    options = pipeline.manifest["components"]["mluke_ner"]["options"]
    monkeypatch.setitem(options, "max_candidates_per_piece", None)
    assert_same_names(nlp, pipeline)


def test_given_candidates_are_classified_in_place_of_all_spans(pipeline):
    (all_names,), (found,) = (pipeline.names(["Tokyo is big"], candidates=given) for given in (None, [[(0, 5)]]))
    assert {(name.start, name.end) for name in found} <= {(0, 5)}
    assert len(all_names) >= len(found)


@pytest.mark.parametrize("component", ["mluke_relations", "listening"])
def test_relations_are_those_of_the_component(nlp, pipeline, docs, component):
    found = pipeline.relations(list(map(read, docs)), list(map(mentions_of, docs)), component=component)
    with nlp.select_pipes(enable=component):
        expected = [doc._.mluke_relations for doc in nlp.pipe(docs)]
    assert [[(own.head, own.tail, own.label) for own in relations] for relations in found] == [
        [
            ((own.head.start_char, own.head.end_char), (own.tail.start_char, own.tail.end_char), own.label)
            for own in relations
        ]
        for relations in expected
    ]
    assert sum(map(len, found)) > 10
    close([own.score for own in flat(found)], [own.score for own in flat(expected)])


def test_types_are_those_of_the_component(nlp, pipeline, docs):
    found = pipeline.types(list(map(read, docs)), list(map(mentions_of, docs)))
    with nlp.select_pipes(enable="mluke_typing"):
        expected = [span._.mluke_types for doc in nlp.pipe(docs) for span in doc.ents]
    scores = [dict(own.types) for types in found for own in types]
    assert len(scores) > 10
    for own, other in zip(scores, expected, strict=True):
        assert all(abs(own[label] - other[label]) < 1e-4 for label in own)
        assert set(own) == {label for label, score in other.items() if score >= 0.2}


def test_answers_are_those_of_the_component(nlp, pipeline):
    texts = [*TEXTS[::4], TEXTS[-1]]
    docs = [nlp.make_doc(text) for text in texts]
    expected = nlp.get_pipe("mluke_qa").answer_all(docs, [[Question(question) for question in QUESTIONS] for _ in docs])
    found = [pipeline.answers(read(doc), QUESTIONS) for doc in docs]
    assert [[(own.start, own.end) for own in answers] for answers in flat(found)] == [
        [own.chars for own in answers] for answers in flat(expected)
    ]
    assert len(flat(flat(found))) > 10
    close(
        [(own.score, own.null_score) for own in flat(flat(found))],
        [(own.score, own.null_score) for own in flat(flat(expected))],
    )


def test_texts_without_words_have_no_results(pipeline):
    assert pipeline.names(["", " \n"]) == [[], []]
    assert pipeline.relations([""], [[]]) == [[]]
    assert pipeline.answers("", ["Where?"]) == [[]]
    assert len(pipeline.states([""])[0].pieces) == 0


def test_eight_bits_give_nearly_the_same_states(nlp, pipeline, tmp_path):
    export_onnx(nlp, tmp_path / "int8", components=["mluke"], precision="int8")
    found, expected = (
        other.states(["Tokyo is the capital of Japan"], [[(0, 5)]], component="mluke")[0].mention_states
        for other in (OnnxPipeline(tmp_path / "int8"), pipeline)
    )
    assert 0 < numpy.abs(found - expected).max() < 0.5
