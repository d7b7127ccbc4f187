"""Annotation as JSON: writing and reading it."""

from __future__ import annotations

import json
import pickle

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span

import spacy_mluke
from spacy_mluke.annotate.answers import Answer, Question
from spacy_mluke.annotate.fillers import Filler
from spacy_mluke.annotate.links import Candidate, write_links
from spacy_mluke.annotate.relations import Relation
from spacy_mluke.annotate.states import EntityStates, put_record
from spacy_mluke.extensions import install_extensions

install_extensions()
OURS = ["mluke_questions", "mluke_answers", "mluke_fillers", "mluke_relations"]


@pytest.fixture
def doc():
    doc = spacy.blank("xx")("Tokyo is in Japan, near [MASK].")
    doc.ents = [Span(doc, 0, 1, "CITY", kb_id="Q1490"), Span(doc, 3, 4, "LAND")]
    doc._.mluke_relations = [Relation(doc.ents[0], doc.ents[1], "in", 0.5)]
    doc._.mluke_questions = ["Where is Tokyo?", Question("Is it?", "2", ((0, 2, "en:Is"),))]
    doc._.mluke_answers = [[Answer(doc[3:4], 0.75, null_score=0.25)], []]
    doc._.mluke_fillers = [[Filler("Korea", "en:Korea", 0.5, "Q884")]]
    write_links(doc, [(0, 1)], ["Q1490"], [[Candidate("Q1490", 1.0, 1.0)]], overwrite=True)
    record = {"spans": numpy.array([[0, 5]], "int32"), "left_out": numpy.zeros((0, 2), "int32")}
    put_record(doc, "mluke_states", {**record, "vectors": numpy.ones((1, 2), "float32")})
    return doc


def test_to_json_writes_our_extensions_and_from_json_restores_them(doc):
    written = json.loads(json.dumps(doc.to_json(underscore=OURS)))
    assert written["_"]["mluke_relations"] == [
        {"head_start": 0, "head_end": 5, "tail_start": 12, "tail_end": 17, "label": "in", "score": 0.5}
    ]
    assert written["_"]["mluke_answers"][0][0]["text"] == "Japan"
    other = Doc(doc.vocab).from_json(written)
    assert other._.mluke_questions == doc._.mluke_questions
    assert other._.mluke_fillers == doc._.mluke_fillers
    assert [len(answers) for answers in other._.mluke_answers] == [1, 0]
    assert other._.mluke_answers[0][0].to_dict() == doc._.mluke_answers[0][0].to_dict()
    assert [relation.to_dict() for relation in other._.mluke_relations] == written["_"]["mluke_relations"]
    assert other._.mluke_relations[0].head.text == "Tokyo"


def test_values_that_to_json_does_not_write_have_to_dict(doc):
    assert json.loads(json.dumps(doc._.mluke.to_dict())) == {
        "width": 2,
        "spans": [{"start": 0, "end": 5, "label": "CITY", "vector": [1.0, 1.0]}],
    }
    assert isinstance(doc._.mluke, EntityStates)
    (candidate,) = doc.ents[0]._.mluke_candidates
    assert json.loads(json.dumps(candidate.to_dict())) == {"entity": "Q1490", "prior": 1.0, "score": 1.0}
    assert json.dumps(doc.ents[0]._.mluke_types) == "{}"


def test_doc_to_record_returns_all_annotation_in_plain_types(doc):
    record = spacy_mluke.doc_to_record(doc, with_vectors=True)
    assert json.loads(json.dumps(record)) == record
    first, second = record["entities"]
    assert (first["kb_id"], first["vector"], second["vector"]) == ("Q1490", [1.0, 1.0], None)
    assert first["candidates"] == [{"entity": "Q1490", "prior": 1.0, "score": 1.0}]
    assert record["relations"][0]["label"] == "in" and record["fillers"][0]["text"] == "Korea"
    assert "vector" not in spacy_mluke.doc_to_record(doc)["entities"][0]
    assert json.dumps(spacy_mluke.doc_to_record(spacy.blank("xx")("")))


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("mluke_relations", [{"head_start": 1, "head_end": 2}], "ML084"),
        ("mluke_relations", [{"head_start": 1, "head_end": 2, "tail_start": 0, "tail_end": 5, "label": "x"}], "ML084"),
        ("mluke_relations", [{**dict.fromkeys(["head_start", "head_end"], "a"), "label": "x"}], "ML084"),
        ("mluke_questions", [{"question": "x"}], "ML210"),
        ("mluke_questions", [{"text": "x", "entities": [3]}], "ML210"),
        ("mluke_questions", {"text": "x"}, "ML210"),
        ("mluke_answers", [[{"start": 0}], []], "ML211"),
        ("mluke_answers", [{"start": 0, "end": 5}, []], "ML211"),
        ("mluke_fillers", [[{"txt": "x"}]], "ML228"),
        ("mluke_fillers", [[{"text": "x", "colour": "y"}]], "ML228"),
    ],
)
def test_json_that_is_not_a_value_is_refused(doc, name, value, code):
    with pytest.raises(ValueError, match=rf"\[{code}\]"):
        doc._.set(name, value)


def test_a_single_value_is_accepted_instead_of_a_list(doc):
    relation = doc._.mluke_relations[0]
    doc._.mluke_relations = relation
    doc._.mluke_fillers = doc._.mluke_fillers[0][0]
    assert doc._.mluke_relations == [relation] and len(doc._.mluke_fillers[0]) == 1
    assert relation and hash(relation) and "label='in'" in repr(relation)
    filler = doc._.mluke_fillers[0][0]
    assert pickle.loads(pickle.dumps(filler)) == filler
