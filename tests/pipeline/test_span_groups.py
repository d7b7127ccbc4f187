"""Groups of spans in documents whose tokens were merged."""

from __future__ import annotations

import pytest
import spacy
from spacy.pipeline.functions import merge_entities
from spacy.tokens import Span

import spacy_mluke
from spacy_mluke.annotate.span_groups import spans_of
from spacy_mluke.training.jsonl import write_jsonl


@pytest.fixture
def doc():
    spacy_mluke.install_extensions()
    doc = spacy.blank("en")("Ada Lovelace met Alan Turing")
    doc.ents = [Span(doc, 0, 2, label="PER"), Span(doc, 3, 5, label="PER")]
    for key in ("mluke_ner", "mluke_types"):
        doc.spans[key] = list(doc.ents)
    return doc


def export(doc):
    spacy_mluke.export_annotations([doc], "tasks.json", "label-studio")


def jsonl(doc):
    write_jsonl([doc], "docs.jsonl")


@pytest.mark.parametrize("read", [spacy_mluke.doc_to_record, spacy_mluke.render, export, jsonl])
def test_a_group_outside_the_document_is_an_error_that_says_what_to_do(doc, read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    merge_entities(doc)
    with pytest.raises(ValueError, match=r"ML413.*merge_entities.*del doc\.spans\["):
        read(doc)
    doc.spans.clear()
    read(doc)


def test_the_spans_of_a_group_are_listed(doc):
    assert [span.text for span in spans_of(doc, "mluke_ner")] == ["Ada Lovelace", "Alan Turing"]
    assert spans_of(doc, "other") == []
