"""Queries in words: mentions in brackets, and names."""

from __future__ import annotations

import pytest
import spacy

from spacy_mluke import EntityIndex
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.search.query import all_ids, encode_mention, find_ids, split_brackets
from tests.bulk.corpora import run, write_corpus
from tests.bulk.test_runs import job_of
from tests.pipeline.conftest import save_tiny_checkpoint

TEXT = "Tokyo is the capital of Japan."


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, tiny_sentencepiece):
    nlp = spacy.blank("xx")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "LOC", "pattern": name, "id": name} for name in ("Tokyo", "Japan")])
    checkpoint = save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"), tiny_sentencepiece)
    nlp.add_pipe("mluke", config={"model": {"name": str(checkpoint)}})
    path = tmp_path_factory.mktemp("pipeline")
    nlp.to_disk(path)
    return path


def test_brackets_mark_the_mention_of_a_sentence():
    assert split_brackets("[Tokyo] is far.") == ("Tokyo is far.", 0, 5)
    assert split_brackets("Das ist [東京].") == ("Das ist 東京.", 8, 10)
    assert split_brackets("Tokyo is far.") is None


@pytest.mark.parametrize("query", ["[", "a]", "[] b", "[ ] b", "[a] [b]", "]a["])
def test_other_brackets_have_a_coded_error(query):
    with pytest.raises(ValueError, match="ML434"):
        split_brackets(query)


def test_an_encoded_mention_has_the_vector_that_the_corpus_has(pipeline):
    nlp = spacy.load(pipeline)
    expected = nlp(TEXT).ents[0]
    found = encode_mention(nlp, TEXT, 0, 5)
    assert (found.text, found.label_) == ("Tokyo", "LOC")
    assert found._.mluke_vector == pytest.approx(expected._.mluke_vector, abs=1e-5)


def test_a_mention_that_the_pipeline_does_not_find_is_encoded(pipeline):
    found = encode_mention(spacy.load(pipeline), TEXT, 10, 20)
    assert found.text == "the capital" and found._.mluke_vector is not None


def test_a_mention_must_be_in_the_text(pipeline):
    nlp = spacy.load(pipeline)
    for bounds in ((0, 0), (5, 500), (-1, 3)):
        with pytest.raises(ValueError, match="ML434"):
            encode_mention(nlp, TEXT, *bounds)
    with pytest.raises(ValueError, match="ML434"):
        encode_mention(spacy.blank("xx"), TEXT, 0, 5)


def test_an_annotated_corpus_names_its_encoder(pipeline, tmp_path):
    write_corpus(tmp_path / "in.jsonl", [{"text": TEXT, "lang": "en"}, {"text": "Tokyo", "lang": "de"}])
    run(job_of(pipeline, tmp_path))
    index = EntityIndex.build(tmp_path / "out")
    nlp = spacy.load(pipeline)
    index.check_encoder(nlp)
    hits = index.like(encode_mention(nlp, TEXT, 0, 5))
    assert {(hit.text, hit.lang) for hit in hits} == {("Tokyo", "en"), ("Japan", "en"), ("Tokyo", "de")}
    assert [hit.similarity for hit in hits if (hit.text, hit.lang) == ("Tokyo", "en")] == pytest.approx([1], abs=0.01)
    nlp.get_pipe("mluke").cfg["span_vectors"] = "both"
    with pytest.raises(ValueError, match="ML432"):
        index.check_encoder(nlp)


def test_a_name_has_the_ids_of_all_registers(tmp_path):
    names = [
        StoreRow("Q17", "en", "Japan", prior=0.9),
        StoreRow("Q17", "", "iso3166:JP", kind="xref"),
        StoreRow("Q2", "en", "Japan", prior=0.1),
    ]
    store = build_store(names, tmp_path / "store.sqlite")
    assert find_ids(store, "japan") == [["Q17", "iso3166:JP"], ["Q2"]]
    assert find_ids(store, "iso3166:JP") == [["Q17", "iso3166:JP"]] == [all_ids(store, "Q17")]
    assert all_ids(store, "Q5") == ["Q5"]
    with pytest.raises(ValueError, match="ML434"):
        find_ids(store, "Nowhere")
