"""UIMA CAS XMI, as INCEpTION writes it."""

from __future__ import annotations

import zipfile

import pytest

from spacy_mluke import export_annotations, import_annotations
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.annotation_tools import xmi
from tests.annotation_tools.samples import NLP, make

cassis = pytest.importorskip("cassis", reason="XMI needs dkpro-cassis: pip install dkpro-cassis")
LINKED = "custom.Relation"


@pytest.fixture
def folder(tmp_path):
    """A folder with a document in which every character before the entity is two UTF-16 code units."""
    doc = make(
        ["😀𠮷", "Paris", "in", "France"],
        [True, True, True, False],
        [(1, 2, "LOC", "Q90")],
        (),
        [((1, 2), (3, 4), "P17", 1.0)],
    )
    doc.user_data["id"] = "a:1"
    export_annotations([doc], tmp_path / "xmi", "xmi")
    return tmp_path / "xmi"


def test_positions_are_utf16_code_units(folder):
    (path,) = folder.glob("*.xmi")
    content = path.read_text(encoding="utf8")
    assert 'begin="5" end="10" value="LOC" identifier="Q90"' in content
    (doc,) = import_annotations(NLP, folder, "xmi")
    assert [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents] == [("Paris", "LOC", "Q90")]
    assert doc.user_data["id"] == "a:1"


def test_a_zip_file_is_read_with_types_in_a_folder_above(folder, tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            name = file.name if file.name == "TypeSystem.xml" else f"annotation/{file.name}"
            archive.write(file, name)
    (doc,) = import_annotations(NLP, path, "xmi")
    assert [(one.head.text, one.tail.text, one.label) for one in get_relations(doc)] == [("Paris", "France", "P17")]


def test_relations_of_other_layers_are_read_and_those_of_other_annotations_counted(tmp_path):
    types = cassis.load_dkpro_core_typesystem()
    relation = types.create_type(LINKED)
    for name in ("Governor", "Dependent"):
        types.create_feature(relation, name, xmi.ENTITY)
    types.create_feature(relation, "value", "uima.cas.String")
    cas = cassis.Cas(typesystem=types)
    cas.sofa_string, cas.sofa_mime = "Paris France", "text/plain"
    entity, token = types.get_type(xmi.ENTITY), types.get_type(xmi.TOKEN)
    ends = [entity(begin=0, end=5, value="LOC"), entity(begin=6, end=12)]
    tokens = [token(begin=0, end=5), token(begin=6, end=12)]
    dependency = types.get_type("de.tudarmstadt.ukp.dkpro.core.api.syntax.type.dependency.Dependency")
    made = [relation(begin=0, end=5, Governor=ends[0], Dependent=ends[1], value="in")]
    made.append(relation(begin=0, end=5, Governor=ends[1], Dependent=ends[0]))
    made.append(dependency(begin=0, end=5, Governor=tokens[0], Dependent=tokens[1]))
    cas.add_all([*ends, *tokens, *made])
    (tmp_path / "doc.xmi").write_text(cas.to_xmi(), encoding="utf8")
    (tmp_path / "TypeSystem.xml").write_text(types.to_xml(), encoding="utf8")
    with pytest.warns(UserWarning) as caught:
        (doc,) = import_annotations(NLP, tmp_path, "xmi")
    assert [(one.head.text, one.tail.text, one.label) for one in get_relations(doc)] == [("Paris", "France", "in")]
    for part in ("entities without a label: 1", "relations without a label: 1", "than entities (de.tudarmstadt"):
        assert part in str(caught[0].message)


def test_what_xmi_cannot_hold_is_counted(tmp_path):
    doc = make(["a", "\x07", "b"], [False] * 3, [(2, 3, "X", "")], [(2, 3, "X", "", 0.5)], [((0, 1), (2, 3), "r", 0.5)])
    with pytest.warns(UserWarning, match=r"\[ML477\].*probabilities.*: 2; texts with control characters.*: 1"):
        export_annotations([doc], tmp_path / "xmi", "xmi")
    with pytest.warns(UserWarning, match="texts that the tool changed"):
        (again,) = import_annotations(NLP, tmp_path / "xmi", "xmi", references=[doc])
    assert (again.text, [ent.text for ent in again.ents]) == (doc.text, ["b"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("TypeSystem.xml", None),
        ("0.xmi", None),
        ("0.xmi", b"<"),
        ("0.xmi", b"<a/>"),
        ("0.xmi", b'<!DOCTYPE a [<!ENTITY b SYSTEM "c">]><a/>'),
        ("TypeSystem.xml", b"<a/>"),
    ],
    ids=["no_types", "no_document", "not_xml", "not_xmi", "document_type", "other_types"],
)
def test_files_that_are_no_xmi_have_a_coded_error(tmp_path, name, content):
    export_annotations([make(["a"], [False], [(0, 1, "X", "")])], tmp_path / "xmi", "xmi")
    path = tmp_path / "xmi" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\[ML470\]"):
        import_annotations(NLP, tmp_path / "xmi", "xmi")


def test_files_of_other_kinds_have_a_coded_error(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"\[ML470\].*neither a folder nor a .zip"):
        import_annotations(NLP, tmp_path / "a.txt", "xmi")


def test_without_the_package_the_error_names_it(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "cassis", None)
    with pytest.raises(ValueError, match=r"\[ML475\].*dkpro-cassis"):
        export_annotations([], tmp_path / "xmi", "xmi")
