"""Documents as rows of Parquet files."""

from __future__ import annotations

import json

import numpy
import pyarrow
import spacy
from spacy.tokens import SpanGroup

from spacy_mluke.annotate.answers import Answer, set_answers, set_questions
from spacy_mluke.annotate.entity_types import write_types
from spacy_mluke.annotate.fillers import Filler, set_fillers
from spacy_mluke.annotate.links import Candidate, write_links
from spacy_mluke.annotate.relations import Relation, set_relations
from spacy_mluke.bulk.records import Record
from spacy_mluke.bulk.rows import make_row, make_schema
from spacy_mluke.extensions import install_extensions
from tests.bulk.corpora import rows_of, run, save_pipeline, write_corpus
from tests.bulk.test_runs import job_of

install_extensions()


def round_trip(doc, meta=None, width=None):
    row = make_row(Record(0, "a", doc, meta or {}), doc, width is not None)
    table = pyarrow.Table.from_pylist([row], schema=make_schema(width, "xx_pipeline"))
    return table.to_pylist()[0]


def test_a_document_without_annotation_has_empty_columns():
    row = round_trip(spacy.blank("de").make_doc("Nichts."))
    assert row == {
        "id": "a", "text": "Nichts.", "lang": "de", "n_tokens": 2, "entities": [], "relations": [], "answers": [],
        "fillers": [], "spans": [], "cats": [], "meta": None,
    }  # fmt: skip


def test_a_row_has_the_annotation_of_all_components():
    doc = spacy.blank("en").make_doc("Tokyo is in [MASK], 東京")
    doc.ents = [doc.char_span(0, 5, label="LOC")]
    write_links(doc, [(0, 1)], ["Q1490"], [[Candidate("Q1490", 0.5, 1.0)]], overwrite=True)
    write_types(
        doc, numpy.array([[0, 1]]), numpy.array([[0.75, 0.25]], dtype="float32"), ["city", "river"],
        spans_key="types", threshold=0.5, overwrite_label=False,
    )  # fmt: skip
    name = doc.char_span(20, 22, label="LOC")
    doc.spans["names"] = SpanGroup(doc, name="names", spans=[doc.ents[0], name], attrs={"scores": [0.5, 0.25]})
    set_relations(doc, [Relation(name, doc.ents[0], "same", 0.5)])
    set_questions(doc, ["Where?"])
    set_answers(doc, [[Answer(doc[2:3], 0.5)]])
    set_fillers(doc, [[Filler("Japan", "en:Japan", 0.5, "Q17")]])
    doc.cats = {"GEO": 1.0}
    row = round_trip(doc, {"source": "web"}, width=2)
    (entity,) = row["entities"]
    assert (entity["text"], entity["label"], entity["kb_id"], entity["score"]) == ("Tokyo", "LOC", "Q1490", 0.5)
    assert entity["types"] == [{"label": "city", "score": 0.75}, {"label": "river", "score": 0.25}]
    assert entity["candidates"] == [{"entity": "Q1490", "prior": 0.5, "score": 1.0}]
    assert entity["vector"] is None
    (relation,) = row["relations"]
    assert relation == {
        "head_start": 20, "head_end": 22, "tail_start": 0, "tail_end": 5, "label": "same", "score": 0.5
    }  # fmt: skip
    assert [(one["question"], one["text"], one["start"]) for one in row["answers"]] == [("Where?", "in", 9)]
    assert [(one["start"], one["end"], one["kb_id"]) for one in row["fillers"]] == [(12, 18, "Q17")]
    spans = {(one["key"], one["start"], one["label"], one["score"]) for one in row["spans"]}
    assert spans == {("names", 0, "LOC", 0.5), ("names", 20, "LOC", 0.25), ("types", 0, "city", 0.75)}
    assert row["cats"] == [{"label": "GEO", "score": 1.0}]
    assert json.loads(row["meta"]) == {"source": "web"}


def test_vectors_of_entities_are_fixed_size_lists(tmp_path):
    pipeline = save_pipeline(tmp_path / "pipeline", "mluke")
    write_corpus(tmp_path / "in.jsonl", [{"text": "Tokyo and Москва"}, {"text": ""}])
    run(job_of(pipeline, tmp_path))
    nlp = spacy.load(pipeline)
    doc = nlp("Tokyo and Москва")
    first, second = rows_of(tmp_path / "out")
    assert len(first["entities"]) == 2 and not second["entities"]
    for ent, expected in zip(first["entities"], doc.ents, strict=True):
        numpy.testing.assert_allclose(ent["vector"], expected._.mluke_vector, atol=1e-5)
    schema = pyarrow.parquet.read_schema(next((tmp_path / "out").glob("*.parquet")))
    assert schema.field("entities").type.value_type.field("vector").type == pyarrow.list_(pyarrow.float32(), 384)
