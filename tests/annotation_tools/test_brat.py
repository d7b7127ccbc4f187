"""Standoff files as brat writes them."""

from __future__ import annotations

import pytest

from spacy_mluke import export_annotations, import_annotations
from spacy_mluke.annotate.relations import get_relations
from tests.annotation_tools.samples import NLP, facts, make

TEXT = "😀 Marie Curie was born in Warsaw"
ANN = """T1\tPerson 2 13\tMarie Curie
T2\tCity 26 32\tWarsaw
N1\tReference T2 Wikidata:Q270\tWarsaw
R1\tborn_in Arg1:T1 Arg2:T2
#1\tAnnotatorNotes R1\tscore 0.5
"""


@pytest.fixture
def read(tmp_path):
    def read(ann, text=TEXT, **options):
        folder = tmp_path / "brat"
        folder.mkdir(exist_ok=True)
        (folder / "doc.txt").write_bytes(text.encode("utf8"))
        (folder / "doc.ann").write_bytes(ann.encode("utf8"))
        return import_annotations(NLP, folder, "brat", **options)

    return read


def ents(doc):
    return [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents]


def test_entities_links_and_relations_are_read(read):
    (doc,) = read(ANN)
    assert ents(doc) == [("Marie Curie", "Person", ""), ("Warsaw", "City", "Q270")]
    assert [(one.head.text, one.tail.text, one.label, one.score) for one in get_relations(doc)] == [
        ("Marie Curie", "Warsaw", "born_in", 0.5)
    ]
    assert doc.user_data["id"] == "doc"


def test_pieces_of_lines_are_joined_and_other_pieces_counted(read):
    (doc,) = read("T1\tX 0 3;4 8\tNew York\n", text="New\nYork is")
    assert ents(doc) == [("New\nYork", "X", "")]
    with pytest.warns(UserWarning, match=r"\[ML478\].*several pieces, which a Doc cannot have: 1"):
        (doc,) = read("T1\tX 0 3;9 11\tNew is\nR1\tr Arg1:T1 Arg2:T1\n", text="New York is")
    assert ents(doc) == [] and get_relations(doc) == []


def test_line_ends_that_brat_counts_as_one_character_are_converted(read):
    with pytest.warns(UserWarning, match="positions that count a line end as one character: 1"):
        (doc,) = read("T1\tX 2 7\tParis\n", text="a\r\nParis\r\n")
    assert (doc.text, ents(doc)) == ("a\r\nParis\r\n", [("Paris", "X", "")])


def test_other_annotations_are_counted(read):
    more = (
        "E1\tBirth:T1 Place:T2\nA1\tNegated T1\n*\tEquiv T1 T2\n#2\tAnnotatorNotes T1\tunsure\nR2\tx Arg1:T1 Arg2:E1\n"
    )
    with pytest.warns(UserWarning) as caught:
        read(ANN + more + "N2\tReference T2 Wikidata:Q1\tWarsaw\nT3\tX 0 1\tother\n")
    assert len(caught) == 1
    for part in (
        "kind 'E': 1",
        "kind 'A': 1",
        "kind '*': 1",
        "notes: 1",
        "skipped with their head or tail: 1",
        "further links of an entity, and links of others: 1",
        "text is not the one at their position: 1",
    ):
        assert part in str(caught[0].message)


@pytest.mark.parametrize(
    "ann",
    [
        "T1 X 0 1",
        "T1\tX 0\tM",
        "T1\tX 0 99\tM",
        "T1\tX a b\tM",
        "R1\tx Arg1:T1",
        "N1\tReference T1",
        "#1\tAnnotatorNotes",
    ],
    ids=["no_tab", "no_end", "outside", "no_numbers", "one_end", "no_id", "no_target"],
)
def test_lines_that_are_no_annotation_have_a_coded_error(read, ann):
    with pytest.raises(ValueError, match=r"\[ML470\]"):
        read(ann)


def test_a_folder_needs_documents(tmp_path):
    with pytest.raises(ValueError, match=r"\[ML470\]"):
        import_annotations(NLP, tmp_path, "brat")
    (tmp_path / "a.txt").write_text("a")
    with pytest.warns(UserWarning, match="texts without an .ann file: 1"):
        assert import_annotations(NLP, tmp_path, "brat") == []


def test_types_and_files_have_plain_names_and_the_originals_come_back(tmp_path):
    labels = ["a b", "a-b", "A_b", "東京", "東亰"]
    docs = [
        make(["x"], [False], [(0, 1, label, "en:New York 100%")], (), [((0, 1), (0, 1), "a b", 1.0)])
        for label in labels
    ]
    for doc in docs:
        doc.user_data["id"] = "file:1/ü"
    folder = tmp_path / "brat"
    export_annotations(docs, folder, "brat")
    names = {path.stem for path in folder.glob("*.ann")}
    assert len(names) == len(docs) and all(name.isascii() and not set(name) & set(":/") for name in names)
    conf = (folder / "annotation.conf").read_text(encoding="utf8")
    assert "東" not in conf and "<OVERLAP>" in conf
    assert "東京" in (folder / "visual.conf").read_text(encoding="utf8")
    again = import_annotations(NLP, folder, "brat")
    key = sorted(str(facts(doc)) for doc in docs)
    assert sorted(str(facts(doc)) for doc in again) == key
    assert {doc.user_data["id"] for doc in again} == {"file:1/ü", *(f"file:1/ü-{i}" for i in range(1, 5))}


def test_what_brat_cannot_hold_is_counted(tmp_path):
    doc = make(
        ["a", "\r\n", "b", "\n", "\n"],
        [False] * 5,
        [(0, 4, "X", ""), (4, 5, "Y", "")],
        (),
        [((0, 1), (4, 5), "r", 1.0)],
    )
    with pytest.warns(UserWarning) as caught:
        export_annotations([doc], tmp_path / "brat", "brat")
    assert len(caught) == 1
    for part in (
        "[ML477]",
        "carriage returns, written as spaces: 1",
        "without the whitespace at their ends: 1",
        "entities without text: 1",
        "relations of entities without text: 1",
    ):
        assert part in str(caught[0].message)
    with pytest.warns(UserWarning, match="texts that the tool changed"):
        (again,) = import_annotations(NLP, tmp_path / "brat", "brat", references=[doc])
    assert [ent.text for ent in again.ents] == ["a\r\nb"]
