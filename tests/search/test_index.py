"""`EntityIndex` finds mentions by id and by vector, in any language."""

from __future__ import annotations

import json

import numpy
import pytest
import spacy
from spacy.tokens import DocBin, SpanGroup

from spacy_mluke import EntityIndex
from spacy_mluke.annotate.links import Candidate, write_links
from spacy_mluke.search.index_files import FILES, MENTION, MENTIONS, VECTORS
from tests.search.corpora import DOCS, write

EAST = [1, 0, 0, 0]


def places(hits):
    return [(hit.doc_id, hit.text) for hit in hits]


def test_mentions_of_an_id_are_found_in_every_language_those_with_the_best_links_first(index):
    hits = index.find("Q1490")
    assert [(hit.lang, hit.text, round(hit.link_score, 2)) for hit in hits] == [
        ("de", "Tokio", 0.9),
        ("en", "Tokyo", 0.8),
        ("ja", "東京", 0.5),
    ]
    assert {hit.similarity for hit in hits} == {None}


def test_an_unknown_id_has_no_mentions(index):
    assert index.find("Q0") == index.find("") == index.find("NIL") == []
    assert (index.count("Q1490"), index.count("Q0"), index.count("")) == (3, 0, 0)


def test_several_ids_that_mean_one_entity_are_searched_together(index):
    assert places(index.find(["Q17", "Q90", "Q0"])) == [("d0", "Paris"), ("d1", "Japan")]


def test_the_nearest_mentions_come_in_the_order_of_their_cosines(index):
    hits = index.nearest(numpy.asarray(EAST), limit=4)
    assert places(hits) == [("d0", "Tokyo"), ("d4", "Tokyo"), ("d1", "Tokio"), ("d3", "東京")]
    cosines = [1, 10 / 101**0.5, 3 / 10**0.5, 0.5**0.5]
    assert [hit.similarity for hit in hits] == pytest.approx(cosines, abs=0.01)


def test_mentions_with_the_id_come_before_those_with_more_similar_vectors(index):
    hits = index.nearest(EAST, kb_id="Q1490")
    assert places(hits)[:4] == [("d0", "Tokyo"), ("d1", "Tokio"), ("d3", "東京"), ("d4", "Tokyo")]


def test_a_mention_without_a_vector_is_never_near(index):
    assert "マリー" not in [hit.text for hit in index.nearest(EAST, limit=100)]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"langs": ["ja"]}, ["東京"]),
        ({"langs": ["ja", "de"]}, ["Tokio", "東京", "Japan"]),
        ({"types": ["ORG"]}, ["Tokyo"]),
        ({"types": ["city"]}, ["Tokyo", "Tokio", "Paris"]),
        ({"types": ["river"]}, []),
        ({"min_score": 0.75}, ["Tokyo", "Tokyo", "Tokio"]),
        ({"min_link_score": 0.45}, ["Tokyo", "Tokio", "東京"]),
        ({"per_lang": 1}, ["Tokyo", "Tokio", "東京"]),
        ({"per_lang": 1, "limit": 2}, ["Tokyo", "Tokio"]),
    ],
)
def test_conditions_select_mentions(index, options, found):
    assert [hit.text for hit in index.nearest(EAST, **options)] == found


def test_a_hit_has_its_document_offsets_types_and_context(index):
    (hit,) = index.find("Q90", context=5)
    assert DOCS[0][0][hit.start : hit.end] == hit.text == "Paris"
    assert (hit.before, hit.after, hit.label, hit.types, hit.kb_id) == ("from ", ".", "LOC", ("city",), "Q90")
    assert json.loads(json.dumps(hit.to_dict()))["types"] == ["city"]
    assert index.find("Q17")[0].score is None


def test_the_language_is_that_of_the_meta_data_else_that_of_the_pipeline(index, corpus):
    assert index.languages == {"en": 3, "de": 2, "ja": 2}
    other = EntityIndex.build(corpus, lang_key="language")
    assert other.languages == {"xx": 3, "de": 2, "ja": 2}


def test_a_saved_index_finds_the_same(index, tmp_path):
    index.to_disk(tmp_path / "copy")
    found = EntityIndex(tmp_path / "copy")
    assert found.nearest(EAST) == index.nearest(EAST) and len(found) == len(index) == 7
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == sorted(FILES)
    assert (found.most_frequent(1), found.n_docs, found.encoder) == ([("Q1490", 3)], 5, "tiny")


def test_building_in_a_folder_with_other_files_keeps_them(corpus, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for _ in range(2):
        assert len(EntityIndex.build(corpus, tmp_path)) == 7
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_docbins_make_the_same_index_without_vectors(tmp_path):
    nlp = spacy.blank("de")
    doc = nlp("Tokio liegt in Japan.")
    doc.ents = [doc.char_span(0, 5, label="LOC")]
    write_links(doc, [(0, 1)], ["Q1490"], [[Candidate("Q1490", 0.5, 0.75)]], overwrite=True)
    doc.spans["names"] = SpanGroup(doc, name="names", spans=list(doc.ents), attrs={"scores": [0.5]})
    doc.user_data.update({"id": "a", "meta": {"lang": "de"}})
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "part-000000.spacy")
    index = EntityIndex.build(tmp_path)
    (hit,) = index.find("Q1490")
    assert (hit.doc_id, hit.lang, hit.text, hit.score, hit.link_score) == ("a", "de", "Tokio", 0.5, 0.75)
    with pytest.raises(ValueError, match="ML429"):
        index.nearest(EAST)


def test_vectors_may_begin_after_documents_without_any(tmp_path):
    write(tmp_path / "a.parquet", DOCS[:1], width=None, encoder="")
    write(tmp_path / "b.parquet", DOCS[1:])
    index = EntityIndex.build(tmp_path)
    assert len(index) == 7 and [hit.doc_id for hit in index.nearest(EAST, limit=1)] == ["d3"]


def test_a_corpus_without_documents_has_an_index(tmp_path):
    index = EntityIndex.build(write(tmp_path / "empty.parquet", []))
    assert len(index) == 0 and index.find("Q1") == [] and index.most_frequent() == []


def test_wrong_queries_have_coded_errors(index):
    for vector, options, code in (
        ([1, 0], {}, "ML433"),
        (EAST, {"limit": 0}, "ML071"),
        (EAST, {"min_score": 2}, "ML310"),
    ):
        with pytest.raises(ValueError, match=code):
            index.nearest(vector, **options)
    doc = spacy.blank("xx")("Tokyo")
    with pytest.raises(ValueError, match="ML434"):
        index.like(doc[:1])


def test_a_pipeline_must_have_the_encoder_of_the_index(index):
    with pytest.raises(ValueError, match="ML434"):
        index.check_encoder(spacy.blank("xx"))


@pytest.mark.parametrize(
    ("options", "code"), [({"encoder": "other"}, "ML432"), ({"encoder": "", "width": 2}, "ML433")], ids=str
)
def test_files_with_vectors_of_other_encoders_are_not_mixed(corpus, tmp_path, options, code):
    write(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet", [("Tokyo", "en", [("Tokyo", "LOC", "", None, None, None, [])])], **options)
    with pytest.raises(ValueError, match=code):
        EntityIndex.build(tmp_path, tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_what_is_no_annotated_corpus_has_a_coded_error(tmp_path):
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "empty").mkdir()
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "raw.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    for name in ("missing", "empty", "raw.parquet", "damaged.parquet"):
        with pytest.raises(ValueError, match="ML430"):
            EntityIndex.build(tmp_path / name)


def test_a_damaged_index_has_a_coded_error(index, tmp_path):
    index.to_disk(tmp_path / "a")
    (tmp_path / "a" / VECTORS).write_bytes(b"1")
    with pytest.raises(ValueError, match="ML431"):
        EntityIndex(tmp_path / "a")
    with pytest.raises(ValueError, match="ML431"):
        EntityIndex(tmp_path / "missing")
    index.to_disk(tmp_path / "b")
    rows = numpy.fromfile(tmp_path / "b" / MENTIONS, dtype=MENTION)
    rows["end"] = 1_000
    rows.tofile(tmp_path / "b" / MENTIONS)
    with pytest.raises(ValueError, match="ML431"):
        EntityIndex(tmp_path / "b").find("Q90")
