"""Documents that went through the file of a tool equal those that were exported."""

from __future__ import annotations

import shutil
import warnings

import pytest
from hypothesis import HealthCheck, given, settings

from spacy_mluke import export_annotations, import_annotations
from tests.annotation_tools.samples import NLP, WORDS, documents, facts

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
