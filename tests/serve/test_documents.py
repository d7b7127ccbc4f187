"""Annotated documents as JSON of the API."""

from __future__ import annotations

import json

import numpy
import pytest
import spacy
from spacy.tokens import SpanGroup

from spacy_mluke.annotate.entity_types import write_types
from spacy_mluke.annotate.links import Candidate, write_links
from spacy_mluke.annotate.relations import Relation, set_relations
from spacy_mluke.extensions import install_extensions
from spacy_mluke.serve.documents import make_document, similarities
from spacy_mluke.serve.entities import Entities, find_store
from tests.pipeline.link_docs import link_store

install_extensions()


@pytest.fixture(scope="module")
def entities(tmp_path_factory):
    return Entities(link_store(tmp_path_factory.mktemp("store")))


def annotated_doc():
    doc = spacy.blank("en").make_doc("👩‍👧 Tokyo, Paris and 東京")
    start = doc.text.index("Tokyo")
    spans = [doc.char_span(start, start + 5, label="LOC"), doc.char_span(start + 7, start + 12, label="PER")]
    doc.ents = spans
    doc.spans["names"] = SpanGroup(doc, name="names", spans=[spans[0]], attrs={"scores": [0.5]})
    found = [Candidate("Q1490", 0.5, 0.75)]
    bounds = [(span.start, span.end) for span in spans]
    write_links(doc, bounds, ["Q1490", "NIL"], [found, []], overwrite=True)
    write_types(
        doc, numpy.array(bounds), numpy.array([[0.75, 0.25], [0.5, 0.0]], dtype="float32"), ["city", "river"],
        spans_key="types", threshold=0.5, overwrite_label=False,
    )  # fmt: skip
    other = doc[len(doc) - 1 :]
    set_relations(doc, [Relation(doc.ents[0], doc.ents[1], "capital (P36)", 0.5), Relation(other, doc.ents[0], "same")])
    return doc


def test_a_document_has_names_types_candidates_and_relations_between_ids(entities):
    doc = annotated_doc()
    found = make_document(doc, entities, lang="ja", type_threshold=0.5, with_vectors=False)
    first, second, third = found["entities"]
    assert first == {
        "id": 0, "start": 4, "end": 9, "text": "Tokyo", "label": "LOC", "score": 0.5, "kb_id": "Q1490", "name": "東京",
        "types": ["city"], "candidates": [{"kb_id": "Q1490", "name": "東京", "score": 0.75, "prior": 0.5}],
    }  # fmt: skip
    assert (second["text"], second["score"], second["kb_id"], second["name"]) == ("Paris", None, None, None)
    assert (third["id"], third["text"], third["label"]) == (2, "東京", "")
    assert found["relations"] == [
        {"head": 0, "tail": 1, "label": "capital (P36)", "property": "P36", "score": 0.5},
        {"head": 2, "tail": 0, "label": "same", "property": None, "score": 1.0},
    ]
    assert "similarity" not in found
    json.dumps(found, allow_nan=False)


def test_offsets_are_code_points(entities):
    doc = annotated_doc()
    found = make_document(doc, entities, lang=None, type_threshold=0.5, with_vectors=False)
    assert all(found["text"][one["start"] : one["end"]] == one["text"] for one in found["entities"])


def test_without_a_store_names_are_null():
    found = make_document(annotated_doc(), None, lang="de", type_threshold=0.5, with_vectors=False)
    assert found["entities"][0]["kb_id"] == "Q1490"
    assert found["entities"][0]["name"] is None


def test_similarities_are_cosines_and_null_where_a_vector_is_missing():
    table = similarities([[1.0, 0.0], None, [1.0, 1.0], [0.0, 0.0]])
    assert table[0] == [pytest.approx(1.0), None, pytest.approx(0.5**0.5), 0.0]
    assert table[1] == [None] * 4
    assert similarities([]) == []


def test_an_entity_has_all_its_names_and_one_in_the_language(entities):
    found = entities.get("Q1490", "ja")
    assert (found["id"], found["name"], found["type"]) == ("Q1490", "東京", "city")
    assert [(name["name"], name["lang"]) for name in found["names"]] == [("Tokyo", "en"), ("東京", "ja")]
    assert entities.get("Q0") is None


def test_entities_are_found_by_name_like_candidates_of_the_store(entities):
    found = entities.find("paris", "en")
    assert [(one["id"], one["prior"]) for one in found] == [
        (match.id, match.prior) for match in entities.store.candidates("paris")
    ]
    assert entities.find("Paris", limit=1) == found[:1]


def test_the_store_of_a_pipeline_is_that_of_its_linker(served_nlp):
    assert find_store(served_nlp) is served_nlp.get_pipe("mluke_linker").candidates.store
    assert find_store(spacy.blank("en")) is None
