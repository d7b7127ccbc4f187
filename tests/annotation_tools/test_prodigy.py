"""Tasks as Prodigy exports them."""

from __future__ import annotations

import json

import pytest

from spacy_mluke import import_annotations
from spacy_mluke.annotate.relations import get_relations
from tests.annotation_tools.samples import NLP

TOKENS = [
    {"text": text, "start": start, "end": start + len(text), "id": i, "ws": True}
    for i, (start, text) in enumerate([(0, "My"), (3, "mother"), (10, "likes"), (16, "Sasha"), (22, "Smith")])
]
TEXT = "My mother likes Sasha Smith"
PERSON = {"start": 16, "end": 27, "token_start": 3, "token_end": 4, "label": "PERSON"}


def task(**more):
    return {"text": TEXT, "tokens": TOKENS, "spans": [PERSON], "answer": "accept", **more}


@pytest.fixture
def read(tmp_path):
    def read(*tasks):
        path = tmp_path / "export.jsonl"
        path.write_text("\n".join(map(json.dumps, tasks)) + "\n", encoding="utf8")
        return import_annotations(NLP, path, "prodigy")

    return read


def test_relations_may_end_at_tokens_that_are_no_spans(read):
    (doc,) = read(task(relations=[{"head": 4, "child": 1, "label": "LIKED_BY"}]))
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Sasha Smith", "PERSON")]
    assert [(one.head.text, one.tail.text, one.label) for one in get_relations(doc)] == [
        ("Sasha Smith", "mother", "LIKED_BY")
    ]


def test_spans_of_a_relation_count_before_its_tokens(read):
    ends = {"head_span": {"start": 0, "end": 9}, "child_span": PERSON}
    (doc,) = read(task(relations=[{"head": 1, "child": 4, "label": "x", **ends}]))
    assert [one.head.text for one in get_relations(doc)] == ["My mother"]


def test_rejected_and_ignored_tasks_are_counted(read):
    with pytest.warns(UserWarning, match="answer 'reject': 1; tasks with the answer 'ignore': 1"):
        assert len(read(task(), task(answer="reject"), task(answer="ignore"))) == 1


def test_other_tokenizations_are_replaced_and_counted(read):
    with pytest.warns(UserWarning, match="tokenizations that do not cover the text, replaced: 1"):
        (doc,) = read(task(tokens=TOKENS[1:]))
    assert [token.text for token in doc] == TEXT.split()


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        {"spans": []},
        task(spans=[{"start": 0, "end": 99}]),
        task(spans=[{}]),
        task(relations=[{"head": 77, "child": 0, "label": "x"}]),
        task(relations=[{"head": 0, "child": 0}]),
    ],
    ids=["not_json", "a_list", "no_text", "outside", "no_bounds", "no_such_token", "no_label"],
)
def test_lines_that_are_no_tasks_have_a_coded_error(tmp_path, line):
    path = tmp_path / "export.jsonl"
    path.write_text(line if isinstance(line, str) else json.dumps(line))
    with pytest.raises(ValueError, match=r"\[ML470\] '.*export.jsonl', line 1"):
        import_annotations(NLP, path, "prodigy")
