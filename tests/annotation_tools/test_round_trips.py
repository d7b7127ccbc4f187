"""Documents that went through the file of a tool equal those that were exported."""

from __future__ import annotations

import json
import shutil
import warnings

import pytest
from hypothesis import HealthCheck, given, settings

from spacy_mluke import export_annotations, import_annotations
from spacy_mluke.annotation_tools.formats import FORMATS
from tests.annotation_tools.samples import NLP, WORDS, documents, facts, make

VISIBLE = [word for word in WORDS if word.strip()]
# Characters that WebAnno TSV escapes, tokens with spaces and line breaks, and words like parts of its lines.
ESCAPED = [
    "\\",
    "a|b[1]",
    "_",
    "*",
    "->",
    ";",
    "\t",
    "\x07",
    "a\x0bb",
    "New York",
    "two\nlines\n",
    " x ",
    "#Text=",
    "1-1",
]

QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def check_round_trip(doc, path, format, keep=facts, **options):
    shutil.rmtree(path, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overlapping entities are counted
        export_annotations([doc], path, format)
        (found,) = import_annotations(NLP, path, format, **options)
    assert keep(found) == keep(doc)


@QUICK
@given(doc=documents())
def test_documents_survive_label_studio(doc, tmp_path):
    check_round_trip(doc, tmp_path / "tasks.json", "label-studio", references=[doc], predictions=True)


@QUICK
@given(doc=documents())
def test_documents_survive_prodigy_with_their_tokens(doc, tmp_path):
    check_round_trip(doc, tmp_path / "tasks.jsonl", "prodigy")


@QUICK
@given(doc=documents(edges=VISIBLE))
def test_documents_survive_brat(doc, tmp_path):
    check_round_trip(doc, tmp_path / "brat", "brat", references=[doc])


def without_probabilities(doc):
    found = facts(doc)
    found["relations"] = [one[:-1] for one in found["relations"]]
    # The group is written for overlapping entities, which have no probabilities in this format.
    found["group"] = {one[:-1] for one in found["group"]} | found["ents"]
    return found


@QUICK
@given(doc=documents())
def test_documents_survive_xmi_without_probabilities(doc, tmp_path):
    pytest.importorskip("cassis", reason="XMI needs dkpro-cassis: pip install dkpro-cassis")
    check_round_trip(doc, tmp_path / "xmi", "xmi", without_probabilities, references=[doc])


def places(doc):
    """Return what is kept without the exported documents: text from the first word on, and characters of entities."""
    start = len(doc.text) - len(doc.text.lstrip())
    found = without_probabilities(doc)
    ends = {i: (token.idx - start, token.idx + len(token) - start) for i, token in enumerate(doc)}
    return {
        "text": doc.text[start:],
        "ents": {(ends[first][0], ends[last - 1][1], *more) for first, last, *more in found["group"]},
        "relations": [
            (ends[h][0], ends[h_end - 1][1], ends[t][0], ends[t_end - 1][1], label)
            for h, h_end, t, t_end, label in found["relations"]
        ],
    }


@QUICK
@given(doc=documents(words=WORDS + ESCAPED, edges=VISIBLE + [word for word in ESCAPED if word.strip()]))
def test_documents_survive_webanno_tsv_without_probabilities(doc, tmp_path):
    check_round_trip(doc, tmp_path / "tsv", "webanno-tsv", without_probabilities, references=[doc])
    check_round_trip(doc, tmp_path / "tsv", "webanno-tsv", places)


def nil_docs():
    """Entities in the knowledge base, not in it, and not linked."""
    ents = [(1, 2, "LOC", "Q90"), (3, 4, "ORG", "NIL"), (4, 5, "MISC", "")]
    return [make(["\n", "Paris", "met", "Acme", "x"], [False, True, True, True, False], ents)]


@pytest.mark.parametrize("format", FORMATS)
def test_annotators_see_no_id_of_entities_that_are_not_in_the_knowledge_base(format, tmp_path):
    if format == "xmi":
        pytest.importorskip("cassis", reason="XMI needs dkpro-cassis: pip install dkpro-cassis")
    docs, path = nil_docs(), tmp_path / "exported"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_annotations(docs, path, format)
        (found,) = import_annotations(NLP, path, format, predictions=True)
    files = [path] if path.is_file() else path.iterdir()
    assert not any("NIL" in file.read_text(encoding="utf8") for file in files)
    assert [(ent.text, ent.kb_id_) for ent in found.ents] == [(ent.text, ent.kb_id_) for ent in docs[0].ents]


@pytest.mark.parametrize("format", ["label-studio", "prodigy"])
def test_only_the_entity_that_is_not_in_the_knowledge_base_gets_nil_back(format, tmp_path):
    # They share their first character, one of them ends with whitespace, and two have the same bounds.
    nested = [(1, 2, "LOC", "", 0.5), (1, 3, "LOC", "NIL", 0.5), (1, 2, "PER", "NIL", 0.5)]
    docs = [make(["A", "b", "\n"], [True, False, False], [], nested)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overlapping entities are counted
        export_annotations(docs, tmp_path / "exported", format)
        (found,) = import_annotations(NLP, tmp_path / "exported", format, references=docs, predictions=True)
    assert facts(found)["group"] == facts(docs[0])["group"]


def test_an_id_that_an_annotator_adds_replaces_nil(tmp_path):
    path = tmp_path / "tasks.jsonl"
    export_annotations(nil_docs(), path, "prodigy")
    task = json.loads(path.read_text(encoding="utf8"))
    task["spans"][1]["kb_id"] = "Q1"
    task["spans"].append({"start": 7, "end": 10, "label": "X"})
    path.write_text(json.dumps(task), encoding="utf8")
    (found,) = import_annotations(NLP, path, "prodigy")
    assert {(ent.text, ent.kb_id_) for ent in found.ents} >= {("Acme", "Q1"), ("met", "")}


def test_exported_documents_say_which_entities_are_not_in_the_knowledge_base(tmp_path):
    export_annotations(nil_docs(), tmp_path / "brat", "brat")
    (tmp_path / "brat" / "names.json").unlink()
    (found,) = import_annotations(NLP, tmp_path / "brat", "brat", references=nil_docs())
    assert [ent.kb_id_ for ent in found.ents] == ["Q90", "NIL", ""]
    (found,) = import_annotations(NLP, tmp_path / "brat", "brat")
    assert [ent.kb_id_ for ent in found.ents] == ["Q90", "", ""]
