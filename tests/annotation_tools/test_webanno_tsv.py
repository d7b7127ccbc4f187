"""WebAnno TSV 3.3, as INCEpTION's user guide describes it."""

from __future__ import annotations

import zipfile

import pytest

from spacy_mluke import export_annotations, import_annotations
from spacy_mluke.annotate.relations import get_relations
from tests.annotation_tools.samples import NLP, make

ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
HEADER = f"#FORMAT=WebAnno TSV 3.3\n#T_SP={ENTITY}|value\n"
RELATION = f"#T_RL=webanno.custom.Relation|value|BT_{ENTITY}\n"


def read(tmp_path, content, **options):
    path = tmp_path / "doc.tsv"
    path.write_text(content, encoding="utf8")
    (doc,) = import_annotations(NLP, path, "webanno-tsv", **options)
    return doc


def entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def relations(doc):
    return [(one.head.text, one.tail.text, one.label) for one in get_relations(doc)]


def test_a_document_is_written_as_the_format_describes(tmp_path):
    words = ["😊", "Ms.", "Haag", "plays", "Elianti", ".", "\n", "She", "sings", "."]
    spaces = [True, True, True, True, False, False, False, True, False, False]
    nested = [(1, 3, "PER", "Q1", 1.0), (2, 3, "a|b", "", 1.0), (4, 5, "WORK", "x_y", 1.0)]
    ents = [(1, 3, "PER", "Q1"), (4, 5, "WORK", "x_y")]
    doc = make(words, spaces, ents, nested, [((1, 3), (4, 5), "plays in", 1.0), ((7, 8), (1, 3), "is", 1.0)])
    doc.user_data["id"] = "a:1"
    with pytest.warns(UserWarning, match=r"\[ML477\].*probabilities, which this format does not have: 3"):
        export_annotations([doc], tmp_path / "tsv", "webanno-tsv")
    lines = (tmp_path / "tsv" / "a_1.tsv").read_text(encoding="utf8").split("\n")
    assert lines == [
        "#FORMAT=WebAnno TSV 3.3",
        f"#T_SP={ENTITY}|identifier|value",
        f"#T_RL=webanno.custom.Relation|label|BT_{ENTITY}",
        "",
        "",
        "#Text=😊 Ms. Haag plays Elianti.",
        "#Text=",
        "1-1\t0-2\t😊\t_\t_\t_\t_\t",
        "1-2\t3-6\tMs.\tQ1[1]\tPER[1]\tis\t2-1[0_1]\t",
        "1-3\t7-11\tHaag\tQ1[1]|*[2]\tPER[1]|a\\|b[2]\t_\t_\t",
        "1-4\t12-17\tplays\t_\t_\t_\t_\t",
        "1-5\t18-25\tElianti\tx\\_y\tWORK\tplays in\t1-2[1_0]\t",
        "1-6\t25-26\t.\t_\t_\t_\t_\t",
        "",
        "#Text=She sings.",
        "2-1\t27-30\tShe\t*\tMENTION\t_\t_\t",
        "2-2\t31-36\tsings\t_\t_\t_\t_\t",
        "2-3\t36-37\t.\t_\t_\t_\t_\t",
        "",
    ]


def test_sentence_boundaries_of_the_document_are_written(tmp_path):
    doc = make(["One", ".", "Two", "."], [False, True, False, False], [(0, 1, "X", "")])
    for token in doc:
        token.is_sent_start = token.i in (0, 2)
    export_annotations([doc], tmp_path / "tsv", "webanno-tsv")
    content = (tmp_path / "tsv" / "0.tsv").read_text(encoding="utf8")
    assert "#Text=One. \n" in content and "#Text=Two.\n2-1\t5-8\tTwo\t" in content


def test_positions_are_utf16_code_units(tmp_path):
    rows = "1-1\t0-1\tI\t_\n1-2\t2-6\tlike\t_\n1-3\t7-9\t😊\t*\n1-4\t10-12\tit\tX\n"
    with pytest.warns(UserWarning, match="entities without a label: 1"):
        doc = read(tmp_path, f"{HEADER}\n\n#Text=I like 😊 it\n{rows}")
    assert entities(doc) == [("it", "X")]
    assert [token.text for token in doc] == ["I", "like", "😊", "it"]


def test_numbers_say_which_entity_a_relation_leads_to(tmp_path):
    text = f"{HEADER}{RELATION}\n\n#Text=This is a test\n"
    rows = [
        "1-1\t0-4\tThis\tA\t_\t_",
        "1-2\t5-7\tis\t_\t_\t_",
        "1-3\t8-9\ta\tB[1]\t_\t_",
        "1-4\t10-14\ttest\tB[1]|C[2]\tr|*|r\t1-1[0_2]|1-1[0_1]|1-3[1_2]",
    ]
    with pytest.warns(UserWarning, match="relations without a label: 1"):
        doc = read(tmp_path, text + "\n".join(rows))
    assert relations(doc) == [("This", "test", "r"), ("a test", "test", "r")]


def test_sentences_lines_and_gaps_become_text_as_in_inception(tmp_path):
    rows = "#Text=B\\tc\\\\\n#Text= d\n1-1\t2-3\tB\tX\n1-2\t4-6\tc\\\\\t_\n1-3\t8-9\td\t_\n"
    # A gap of two characters, none, and one.
    more = "\n#Sentence.id=s2\n#Text=E\n2-1\t11-12\tE\tX\n\n#Text=F\n3-1\t12-13\tF\tX\n\n#Text=G\n4-1\t14-15\tG\tX\n"
    doc = read(tmp_path, f"{HEADER}\n\n{rows}{more}")
    assert doc.text == "  B\tc\\\n d\n EF\nG"
    assert entities(doc) == [("B", "X"), ("E", "X"), ("F", "X"), ("G", "X")]


def test_parts_of_tokens_become_tokens_and_can_be_refused(tmp_path):
    content = f"{HEADER}\n\n#Text=plays\n1-1\t0-5\tplays\t_\n1-1.1\t0-4\tplay\tX\n"
    with pytest.warns(UserWarning, match="entities moved to tokens"):
        assert entities(read(tmp_path, content)) == [("plays", "X")]
    with pytest.raises(ValueError, match=r"\[ML471\]"):
        read(tmp_path, content, alignment="raise")


def test_annotation_of_other_layers_and_features_is_counted(tmp_path):
    header = (
        f"#FORMAT=WebAnno TSV 3.2\n#T_SP=custom.Note|\n#T_SP={ENTITY}|identifier|kind|value\n"
        f"#T_CH=Coref|referenceType|referenceRelation\n#T_RL=custom.In|BT_{ENTITY}\n"
    )
    row = "1-1\t0-5\tParis\t*\tQ90\tcity\tLOC\tpr[1]\tcoref->1-1\t1-1\n"
    with pytest.warns(UserWarning) as caught:
        doc = read(tmp_path, f"{header}\n\n#Text=Paris\n{row}")
    assert [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents] == [("Paris", "LOC", "Q90")]
    assert relations(doc) == [("Paris", "Paris", "In")]
    for part in ("another layer (custom.Note): 1", "another layer (Coref): 1", "features of entities (kind): 1"):
        assert part in str(caught[0].message)


def test_an_archive_is_read_at_any_depth(tmp_path):
    export_annotations([make(["a"], [False], [(0, 1, "X", "")])], tmp_path / "tsv", "webanno-tsv")
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(tmp_path / "tsv" / "0.tsv", "annotation/0.tsv")
        archive.writestr("annotation/notes.txt", "no document")
    (doc,) = import_annotations(NLP, tmp_path / "export.zip", "webanno-tsv")
    assert entities(doc) == [("a", "X")]


ROW = "1-1\t0-1\ta\tX\n"


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "does not begin with #FORMAT=WebAnno TSV 3.3"),
        (HEADER.replace("3.3", "2.0"), 1, "does not begin with"),
        (f"{HEADER}#T_XX=a\n", 3, "declares no layer"),
        (f"{HEADER}\n\n{ROW}", 5, "0 to 1 is not a part of its sentence"),
        (f"{HEADER}\n\n#Text=a\n", 6, "a sentence has no tokens"),
        (f"{HEADER}\n\n#Text=a\n1-1\t0-1\ta\n", 6, "3 columns, and the header declares 4"),
        (f"{HEADER}\n\n#Text=a\nx\t0-1\ta\tX\n", 6, "number of a token"),
        (f"{HEADER}\n\n#Text=a\n1-1\t0-2\ta\tX\n", 6, "0 to 2 is not a part"),
        (f"{HEADER}\n\n#Text=😊\n1-1\t0-1\t😊\tX\n", 6, "0 to 1 is not a part"),
        (f"{HEADER}\n\n#Text=b\n{ROW}", 6, "its text at 0 to 1"),
        (f"{HEADER}\n\n#Text=a\n{ROW}{ROW}", 7, "overlaps the one before"),
        (f"{HEADER}\n\n#Text=aa\n1-1\t0-2\taa\tX\n\n#Text=a\n2-1\t1-2\ta\tX\n", 9, "begins at 1, before the end"),
        (f"{HEADER}\n\n#Text=a\n1-1\t0-1\ta\tX[y]\n", 6, r"'X\[y\]' is no value"),
        (f"{HEADER}{RELATION}\n\n#Text=a\n1-1\t0-1\ta\tX\tr\t1-2\n", 7, "leads to '1-2', where no such entity is"),
        (f"{HEADER}{RELATION}\n\n#Text=a\n1-1\t0-1\ta\tX\tr\ty\n", 7, "'y' is no reference"),
        (f"{HEADER}{RELATION}\n\n#Text=a\n1-1\t0-1\ta\tX\tr|s\t1-1\n", 7, "columns of relations"),
        (f"{HEADER.replace('|value', '|kind|value')}\n\n#Text=a\n1-1\t0-1\ta\tQ\tX|Y\n", 6, "columns of entities"),
    ],
)  # fmt: skip
def test_a_damaged_file_has_a_coded_error_with_the_line(tmp_path, content, line, reason):
    with pytest.raises(ValueError, match=rf"\[ML470\].*doc.tsv', line {line} cannot be read: .*{reason}"):
        read(tmp_path, content)


def test_files_of_other_kinds_have_a_coded_error(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"\[ML470\].*UnicodeDecodeError"):
        import_annotations(NLP, tmp_path, "webanno-tsv")
    (tmp_path / "a.tsv").unlink()
    with pytest.raises(ValueError, match=r"\[ML470\].*has no .tsv file"):
        import_annotations(NLP, tmp_path, "webanno-tsv")
