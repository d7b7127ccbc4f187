"""Merging annotated documents into a graph."""

from __future__ import annotations

import random
import warnings

import pyarrow
import pyarrow.parquet
import pytest

from spacy_mluke import build_graph
from spacy_mluke.graph.build import FORMATS
from tests.graph.documents import corpus, make_doc, read_table, write_docbin, write_parquet

TARGETS = {"turtle": "g.ttl", "jsonld": "g.jsonld", "graphml": "g.graphml", "neo4j": "neo4j", "parquet": "parquet"}


def tables(docs, folder, **options):
    """Build a graph, and return its entities and relations by name."""
    summary = build_graph(docs, folder / "out", format="parquet", **options)
    entities = {row["key"]: row for row in read_table(folder / "out", "entities")}
    relations = {(row["head"], row["name"], row["tail"]): row for row in read_table(folder / "out", "relations")}
    return summary, entities, relations


def bytes_of(path):
    files = [path] if path.is_file() else sorted(path.iterdir())
    return [(file.name, file.read_bytes()) for file in files]


def test_linked_mentions_merge_by_id_and_others_by_name_and_type(tmp_path):
    _, entities, _ = tables(corpus(), tmp_path)
    assert set(entities) == {"Q1490", "iso3166:JP", "name:PER:ann lee"}
    tokyo = entities["Q1490"]
    assert (tokyo["name"], tokyo["names"], tokyo["n_mentions"], tokyo["n_documents"]) == (
        "Tokyo",
        ["Tokyo", "東京"],
        2,
        2,
    )
    assert tokyo["mean_probability"] == 0.75
    assert entities["name:PER:ann lee"]["kb_id"] == ""


def test_a_relation_has_its_support_and_the_combined_probability_of_its_texts(tmp_path):
    _, _, relations = tables(corpus(), tmp_path)
    found = relations["Q1490", "country", "iso3166:JP"]
    assert (found["property"], found["n_mentions"], found["n_documents"], found["n_texts"]) == ("P17", 2, 2, 2)
    assert found["confidence"] == pytest.approx(1 - 0.5 * 0.2)
    assert (found["max_probability"], found["mean_probability"]) == (0.8, 0.65)
    assert relations["name:PER:ann lee", "per:title", "iso3166:JP"]["property"] == ""


def test_a_text_counts_with_its_most_probable_mention_and_copies_count_once(tmp_path):
    ents = [("A", "LOC", "Q1", 0.9), ("B", "LOC", "Q2", 0.9)]
    twice = [(0, "P17", 1, 0.5), (0, "P17", 1, 0.75)]
    docs = [make_doc("a", "A B", ents, twice), make_doc("copy", "A B", ents, twice[:1])]
    _, _, relations = tables(docs, tmp_path)
    found = relations["Q1", "P17", "Q2"]
    assert (found["n_mentions"], found["n_documents"], found["n_texts"], found["confidence"]) == (3, 2, 1, 0.75)


def test_the_counts_equal_those_of_the_documents(tmp_path):
    summary, _, _ = tables(corpus(), tmp_path)
    assert (summary.n_documents, summary.n_mentions, summary.n_relation_mentions) == (3, 6, 3)
    assert (summary.n_entities, summary.n_linked, summary.n_relations, summary.skipped) == (3, 2, 2, {})
    counts = {name: len(read_table(tmp_path / "out", name)) for name in ("documents", "mentions", "evidence")}
    assert counts == {"documents": 3, "mentions": 6, "evidence": 3}


def test_mentions_and_evidence_say_where_they_are(tmp_path):
    tables(corpus(), tmp_path)
    texts = {doc.user_data["id"]: doc.text for doc in corpus()}
    for row in read_table(tmp_path / "out", "mentions"):
        assert texts[row["document"]][row["start"] : row["end"]] == row["text"]
    ids = {row["id"] for row in read_table(tmp_path / "out", "relations")}
    for row in read_table(tmp_path / "out", "evidence"):
        assert row["relation"] in ids
        assert texts[row["document"]][row["tail_start"] : row["tail_end"]] == "Japan"


@pytest.mark.parametrize("format", FORMATS)
def test_order_and_files_of_the_documents_do_not_change_a_byte(tmp_path, format):
    docs = [*corpus(), make_doc("a", "Another a.", [("Another", "ORG", "", 0.5)])]
    write_parquet(tmp_path / "one" / "part-0.parquet", docs)
    shuffled = random.Random(3).sample(docs, len(docs))
    write_parquet(tmp_path / "two" / "x.parquet", shuffled[:1])
    write_docbin(tmp_path / "two" / "deep.spacy", shuffled[1:])
    found = []
    for source in ("one", "two"):
        target = tmp_path / f"{source}-{TARGETS[format]}"
        with pytest.warns(UserWarning, match="ML138"):
            build_graph(tmp_path / source, target, format=format)
        found.append([content for _, content in bytes_of(target)])
    assert found[0] == found[1]


def test_a_document_that_is_read_twice_counts_once(tmp_path):
    summary, _, relations = tables([*corpus(), *corpus()], tmp_path)
    assert summary.n_documents == 3
    assert summary.skipped == {"documents that were read before": 3}
    assert relations["Q1490", "country", "iso3166:JP"]["n_mentions"] == 2


def test_documents_with_one_id_and_other_content_stay_apart_and_are_reported(tmp_path):
    docs = [make_doc("x", text, [("Bo", "PER", "", 0.5)]) for text in ("Bo sings", "Bo runs")]
    with pytest.warns(UserWarning, match=r"ML138.*1 of 2"):
        build_graph(docs, tmp_path / "out", format="parquet")
    first, second = (row["key"] for row in read_table(tmp_path / "out", "documents"))
    assert first == "x"
    assert second.startswith("x#")


@pytest.mark.parametrize(
    ("options", "entities", "relations", "skipped"),
    [
        ({"min_probability": 0.45}, 3, 1, {"relations below the minimum probability": 1}),
        ({"min_mention_probability": 0.75}, 2, 1, None),
        ({"min_support": 2}, 3, 1, {"relations in too few documents": 1}),
        ({"min_entity_support": 3}, 0, 0, None),
        ({"types": ["PER"]}, 1, 0, None),
        ({"relations": ["P17"]}, 3, 1, {"relations with other labels": 1}),
        ({"relations": ["country"], "only_related": True}, 2, 1, None),
        ({"unlinked": "skip"}, 2, 1, None),
        ({"unlinked": "document"}, 4, 2, {}),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_filters_leave_out_and_count(tmp_path, options, entities, relations, skipped):
    summary, found, edges = tables(corpus(), tmp_path, **options)
    assert (len(found), len(edges)) == (entities, relations)
    if skipped is not None:
        assert summary.skipped == skipped
    assert summary.n_mentions == len(read_table(tmp_path / "out", "mentions"))


def test_ends_of_relations_that_are_no_entities_become_entities_without_a_type(tmp_path):
    doc = make_doc("a", "Ann sings in Rome", [("Rome", "LOC", "Q220", 0.9)], [("Ann", "residence (P551)", 0, 0.9)])
    summary, entities, relations = tables([doc], tmp_path)
    assert summary.n_added_mentions == 1
    assert entities["name::ann"]["type"] == ""
    assert set(relations) == {("name::ann", "residence", "Q220")}


def test_mentions_that_are_only_punctuation_are_left_out(tmp_path):
    summary, entities, _ = tables([make_doc("a", "Well , no", [(",", "DATE", "NIL", 0.5)])], tmp_path)
    assert (entities, summary.skipped) == ({}, {"mentions without a letter or digit": 1})


def test_without_provenance_only_entities_and_relations_are_written(tmp_path):
    build_graph(corpus(), tmp_path / "out", format="parquet")
    summary = build_graph(corpus(), tmp_path / "out", format="parquet", provenance=False)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["entities.parquet", "relations.parquet"]
    assert summary.n_mentions == 6


def test_vectors_and_candidates_are_not_read(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", corpus(), width=4)
    from spacy_mluke.graph.documents import _columns

    with pyarrow.parquet.ParquetFile(path) as file:
        leaves = [name.rpartition(".")[2] for name in _columns(file, path)]
    assert not {"vector", "prior", "question"} & set(leaves)
    assert {"text", "kb_id", "head_start"} <= set(leaves)


def test_a_target_among_the_documents_is_refused(tmp_path):
    write_parquet(tmp_path / "in" / "a.parquet", corpus())
    for target in ("in", "in/graph", "."):
        with pytest.raises(ValueError, match="ML463"):
            build_graph(tmp_path / "in", tmp_path / target, format="parquet")


def test_files_that_cannot_be_read_are_reported_and_the_others_are_used(tmp_path):
    write_parquet(tmp_path / "in" / "a.parquet", corpus())
    (tmp_path / "in" / "b.parquet").write_bytes(b"PAR1")
    (tmp_path / "in" / "c.jsonl").write_text("{}\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        summary = build_graph(tmp_path / "in", tmp_path / "g.ttl")
    codes = [str(warning.message)[1:6] for warning in caught if issubclass(warning.category, UserWarning)]
    assert codes == ["ML136", "ML137"]
    assert (summary.n_documents, len(summary.unread_files)) == (3, 1)


def test_inputs_without_annotated_documents_are_errors(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "plain.parquet")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "b.parquet").write_bytes(b"PAR1")
    (tmp_path / "empty").mkdir()
    for source, code in (("plain.parquet", "ML461"), ("bad", "ML467"), ("empty", "ML462"), ("missing", "ML462")):
        with pytest.raises(ValueError, match=code):
            build_graph(tmp_path / source, tmp_path / "g.ttl")
    with pytest.raises(ValueError, match="ML466"):
        build_graph(["text"], tmp_path / "g.ttl")
    assert not list(tmp_path.glob("*g.ttl*"))


def test_options_are_checked(tmp_path):
    for options, code in (
        ({"unlinked": "all"}, "ML070"),
        ({"min_probability": 2}, "ML310"),
        ({"min_support": 0}, "ML071"),
        ({"types": "PER"}, "ML310"),
        ({"base": "graph/"}, "ML464"),
        ({"format": "xml"}, "ML070"),
        ({"format": None}, "ML460"),
    ):
        with pytest.raises(ValueError, match=code):
            build_graph([], tmp_path / "out", **{"format": "parquet", **options})
