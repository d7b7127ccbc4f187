"""Graphs in every format are read by other libraries, with every text as it was."""

from __future__ import annotations

import csv
import json
import re

import pytest

from spacy_mluke import build_graph
from spacy_mluke.graph.rdf import Double, compact
from tests.graph.documents import corpus, make_doc, read_table

# Names with quotes, lines, emoji, letters from right to left, and characters that XML cannot contain.
NAMES = [
    'Sam "Q" O\'Hara',
    "two\nlines",
    "a\ttab",
    "back\\slash",
    "a;b,c|d",
    "Zoë 👩\u200d👧",
    "القاهرة",
    "<b>&amp;",
    "cr\rx",
]
CONTROL = "bell\x07 and\x1fother"
GRAPHML = "http://graphml.graphdrawing.org/xmlns"


def odd_docs(names=NAMES):
    return [make_doc(f'id "{i}"\n', f"x {name}", [(name, "PER", "", 0.5)]) for i, name in enumerate(names)]


def rdf(path):
    rdflib = pytest.importorskip("rdflib", reason="pip install rdflib")
    return rdflib.Graph().parse(path)


def test_turtle_and_json_ld_are_the_same_triples(tmp_path):
    docs = [*corpus(), *odd_docs([*NAMES, CONTROL])]
    graphs = []
    for name in ("g.ttl", "g.jsonld"):
        build_graph(docs, tmp_path / name)
        graphs.append(set(rdf(tmp_path / name)))
    assert graphs[0] == graphs[1]
    assert len(graphs[0]) > 150


def test_rdf_has_wikidata_iris_and_properties(tmp_path):
    build_graph(corpus(), tmp_path / "g.ttl", base="https://my.org/")
    graph = rdf(tmp_path / "g.ttl")
    rows = graph.query("""
        SELECT ?name ?tail ?confidence WHERE {
            wd:Q1490 wdt:P17 ?tail ; schema:name ?name .
            ?statement rdf:subject wd:Q1490 ; rdf:predicate wdt:P17 ; mluke:confidence ?confidence .
        }""")
    assert [(str(name), str(tail), float(p)) for name, tail, p in rows] == [
        ("Tokyo", "https://my.org/entity/iso3166:JP", 0.9)
    ]


def test_rdf_leads_from_a_relation_to_the_words_of_its_documents(tmp_path):
    build_graph(corpus(), tmp_path / "g.ttl")
    rows = rdf(tmp_path / "g.ttl").query("""
        SELECT ?id ?words ?start ?p WHERE {
            ?statement rdf:predicate wdt:P17 ; prov:qualifiedDerivation ?evidence .
            ?evidence mluke:head ?mention ; itsrdf:taConfidence ?p .
            ?mention nif:anchorOf ?words ; nif:beginIndex ?start ; nif:referenceContext/schema:identifier ?id .
        } ORDER BY ?id""")
    assert [(str(i), str(words), int(start), float(p)) for i, words, start, p in rows] == [
        ("a", "Tokyo", 0, 0.5), ("b", "東京", 0, 0.8)
    ]  # fmt: skip


def test_rdf_keeps_every_text(tmp_path):
    build_graph(odd_docs([*NAMES, CONTROL]), tmp_path / "g.ttl")
    rows = rdf(tmp_path / "g.ttl").query("SELECT ?name WHERE { ?entity a schema:Person ; schema:name ?name }")
    assert {str(name) for (name,) in rows} == {*NAMES, CONTROL}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.93, "9.3E-1"), (1.0, "1.0E0"), (0.0, "0.0E0"), (0.000012, "1.2E-5"), (0.5, "5.0E-1"), (-12.5, "-1.25E1")],
)
def test_numbers_have_their_canonical_form(value, text):
    assert Double(value).text == text


def test_iris_are_abbreviated_only_if_the_rest_is_a_name():
    assert compact("http://www.wikidata.org/entity/Q1") == "wd:Q1"
    assert compact("https://schema.org/a/b") == "https://schema.org/a/b"
    assert compact("https://schema.org/") == "https://schema.org/"


def test_documents_whose_ids_are_addresses_keep_them(tmp_path):
    docs = [make_doc("https://news.org/1?a=b", "Bo", [("Bo", "PER", "", 0.5)]), make_doc("http://a b", "x")]
    build_graph(docs, tmp_path / "g.ttl")
    subjects = set(map(str, rdf(tmp_path / "g.ttl").subjects()))
    assert {"https://news.org/1?a=b", "https://news.org/1?a=b#char=0,2"} <= subjects
    assert "https://example.org/graph/document/http:%2F%2Fa%20b" in subjects


def test_networkx_reads_graphml(tmp_path):
    networkx = pytest.importorskip("networkx", reason="pip install networkx")
    build_graph([*corpus(), *odd_docs()], tmp_path / "g.graphml")
    graph = networkx.read_graphml(tmp_path / "g.graphml", force_multigraph=True)
    assert graph.nodes["entity:Q1490"]["names"] == '["Tokyo", "東京"]'
    edge = graph.get_edge_data("entity:Q1490", "entity:iso3166:JP")[0]
    assert (edge["kind"], edge["property"], edge["n_documents"], edge["confidence"]) == ("relation", "P17", 2, 0.9)
    assert {data["name"] for _, data in graph.nodes(data=True) if data.get("type") == "PER"} >= set(NAMES)
    kinds = [data["kind"] for *_, data in graph.edges(data=True)]
    assert (kinds.count("relation"), kinds.count("mention"), kinds.count("evidence")) == (2, 6 + len(NAMES), 3)


def test_characters_that_xml_cannot_contain_are_replaced_and_reported(tmp_path):
    from xml.etree import ElementTree

    with pytest.warns(UserWarning, match=r"ML139"):
        summary = build_graph(odd_docs([CONTROL]), tmp_path / "g.graphml")
    # In the entity's key, and in the ends of its edge; in its name, in its IRI not, in the mention's text.
    assert summary.n_replaced > 0
    names = [data.text for data in ElementTree.parse(tmp_path / "g.graphml").iter(f"{{{GRAPHML}}}data")]
    assert "bell\ufffd and\ufffdother" in names


def test_neo4j_headers_have_the_documented_form(tmp_path):
    build_graph(corpus(), tmp_path / "neo", format="neo4j")
    arguments = (tmp_path / "neo" / "import.args").read_text().split()
    types = r"(int|long|float|double|boolean|byte|short|char|string)(\[\])?"
    spaces = set()
    for option, required in (("--nodes", {"ID", "LABEL"}), ("--relationships", {"START_ID", "END_ID", "TYPE"})):
        for file in [one.partition("=")[2] for one in arguments if one.startswith(option)]:
            header = (tmp_path / "neo" / file).read_text(encoding="utf8").partition("\n")[0].split(",")
            special = [re.fullmatch(r"(\w*):([A-Z_]+)(?:\((\w+)\))?", field) for field in header]
            assert {found[2] for found in special if found} == required
            assert all(
                found or re.fullmatch(rf"\w+:{types}", field) for found, field in zip(special, header, strict=True)
            )
            spaces |= {(found[2], found[3]) for found in special if found and found[3]}
    assert spaces == {
        ("ID", "Entity"),
        ("ID", "Document"),
        ("START_ID", "Entity"),
        ("START_ID", "Document"),
        ("END_ID", "Entity"),
    }


def read_csv(path):
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_neo4j_files_have_all_texts_and_edges_between_nodes_that_exist(tmp_path):
    build_graph([*corpus(), *odd_docs()], tmp_path / "neo", format="neo4j")
    entities = read_csv(tmp_path / "neo" / "entities.csv")
    assert {row["name:string"] for row in entities} >= set(NAMES)
    by_key = {row["key:ID(Entity)"]: row for row in entities}
    assert by_key["Q1490"]["names:string[]"].split("\x1f") == ["Tokyo", "東京"]
    assert by_key["Q1490"][":LABEL"].split("\x1f") == ["Entity", "LOC"]
    documents = {row["key:ID(Document)"] for row in read_csv(tmp_path / "neo" / "documents.csv")}
    for name, starts in (("relations", set(by_key)), ("mentions", documents), ("evidence", documents)):
        for row in read_csv(tmp_path / "neo" / f"{name}.csv"):
            start, end = list(row.values())[:2]
            assert start in starts
            assert end in by_key
    types = {row[":TYPE"] for row in read_csv(tmp_path / "neo" / "relations.csv")}
    assert types == {"COUNTRY", "PER_TITLE"}


def test_a_name_with_the_delimiter_of_neo4js_lists_is_reported(tmp_path):
    with pytest.warns(UserWarning, match="ML139"):
        build_graph(odd_docs([CONTROL]), tmp_path / "neo", format="neo4j")
    (row,) = read_csv(tmp_path / "neo" / "entities.csv")
    assert (row["name:string"], row["names:string[]"]) == (CONTROL, "bell\x07 and\ufffdother")


def test_parquet_keeps_every_text(tmp_path):
    build_graph(odd_docs([*NAMES, CONTROL]), tmp_path / "out", format="parquet")
    assert {row["name"] for row in read_table(tmp_path / "out", "entities")} == {*NAMES, CONTROL}


def test_duckdb_joins_the_tables(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="pip install duckdb")
    build_graph(corpus(), tmp_path / "out", format="parquet")
    found = duckdb.sql(f"""
        SELECT h.name, r.name, t.name FROM '{tmp_path}/out/relations.parquet' r
        JOIN '{tmp_path}/out/entities.parquet' h ON h.key = r.head
        JOIN '{tmp_path}/out/entities.parquet' t ON t.key = r.tail WHERE r.property = 'P17'""").fetchall()
    assert found == [("Tokyo", "country", "Japan")]


def test_a_graph_without_documents_is_valid_in_every_format(tmp_path):
    for name in ("g.ttl", "g.jsonld", "g.graphml"):
        build_graph([], tmp_path / name)
    build_graph([], tmp_path / "neo", format="neo4j")
    assert json.loads((tmp_path / "g.jsonld").read_text(encoding="utf8"))["@graph"] == []
    assert read_csv(tmp_path / "neo" / "relations.csv") == []
