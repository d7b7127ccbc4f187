"""JSON lines to DocBin, and back."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.annotate.answers import get_question_answers
from spacy_mluke.annotate.relations import has_relations
from spacy_mluke.cli._app import app
from spacy_mluke.training.corpus_files import read_docbin
from spacy_mluke.training.jsonl import doc_to_record, read_jsonl, write_jsonl
from tests.pipeline.relation_docs import facts

FULL = {
    "text": "Tokyo is the capital of Japan. 東京は首都。",
    "entities": [
        {"start": 0, "end": 5, "label": "LOC", "id": "en:Tokyo"},
        {"start": 24, "end": 29, "label": "LOC"},
    ],
    "relations": [{"head": 0, "tail": 1, "label": "capital"}],
    "types": [{"start": 0, "end": 5, "labels": ["city", "place"]}],
    "questions": [
        {
            "text": "What is Japan's capital?",
            "id": "q1",
            "entities": [{"start": 8, "end": 13, "id": "en:Japan"}],
            "answers": [{"start": 0, "end": 5}],
        },
        {"text": "Who?", "answers": []},
        {"text": "When?"},
    ],
    "cats": {"GEO": 1.0},
}
NLP = spacy.blank("en")


def read(tmp_path, *records, **options):
    path = tmp_path / "corpus.jsonl"
    lines = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return list(read_jsonl(NLP, path, **options))


def test_a_line_becomes_a_document_with_all_its_annotation(tmp_path):
    skipped = Counter()
    (doc,) = read(tmp_path, FULL, skipped=skipped)
    assert doc.text == FULL["text"]
    assert [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents] == [
        ("Tokyo", "LOC", "en:Tokyo"),
        ("Japan", "LOC", ""),
    ]
    assert facts(doc) == {("Tokyo", "Japan", "capital")}
    assert {(span.text, span.label_) for span in doc.spans["mluke_types"]} == {("Tokyo", "city"), ("Tokyo", "place")}
    (first, answers), (_, none), (_, unknown) = get_question_answers(doc)
    assert (first.id, first.entities, [answer.text for answer in answers]) == ("q1", ((8, 13, "en:Japan"),), ["Tokyo"])
    assert none == [] and unknown is None
    assert doc.cats == {"GEO": 1.0}
    assert not +skipped


def test_a_missing_key_means_not_annotated_and_an_empty_list_annotated(tmp_path):
    bare, empty = read(tmp_path, {"text": "Tokyo"}, {"text": "Tokyo", "entities": [], "relations": [], "types": []})
    assert not bare.has_annotation("ENT_IOB") and empty.has_annotation("ENT_IOB")
    assert not has_relations(bare) and has_relations(empty)
    assert "mluke_types" not in bare.spans and "mluke_types" in empty.spans


def test_documents_survive_writing_and_reading(tmp_path):
    docs = read(tmp_path, FULL, {"text": " two  spaces "}, {"text": ""}, {"text": "a b", "tokens": [[0, 3]]})
    # The tokens of the document are kept, also where the tokenizer would return others.
    assert [len(doc) for doc in docs][1:] == [len(NLP(" two  spaces ")), 0, 1]
    records = [doc_to_record(doc) for doc in docs]
    path = tmp_path / "again.jsonl"
    assert write_jsonl(docs, path) == 4
    again = list(read_jsonl(spacy.blank("xx"), path))
    assert [doc_to_record(doc) for doc in again] == records
    assert [[token.text for token in doc] for doc in again] == [[token.text for token in doc] for doc in docs]


def test_spans_that_are_not_on_tokens_are_counted(tmp_path):
    record = {
        "text": "Tokyo is near",
        "entities": [{"start": 0, "end": 3, "label": "A"}, {"start": 0, "end": 5, "label": "B"}],
        "relations": [{"head": 0, "tail": 1, "label": "x"}],
        "types": [{"start": 1, "end": 5, "label": "city"}],
    }
    skipped = Counter()
    (doc,) = read(tmp_path, record, skipped=skipped)
    assert [ent.label_ for ent in doc.ents] == ["B"]
    assert +skipped == {"entities not on tokens": 1, "ends of relations not on tokens": 1, "types not on tokens": 1}
    skipped = Counter()
    (doc,) = read(tmp_path, record, alignment="expand", skipped=skipped)
    assert len(doc.spans["mluke_types"]) == 1
    assert +skipped == {"overlapping entities": 1}


def test_without_a_counter_one_warning_says_what_was_skipped(tmp_path):
    record = {"text": "Tokyo is near", "entities": [{"start": 0, "end": 3, "label": "A"}]}
    with pytest.warns(UserWarning, match=r"\[ML126\].*entities not on tokens: 2, key 'meta': 1") as caught:
        read(tmp_path, record, {**record, "meta": 1})
    assert len(caught) == 1


def test_the_id_of_a_document_is_kept(tmp_path):
    docs = read(tmp_path, {"text": "a", "id": "wiki-17"}, {"text": "b", "id": 7}, {"text": "c"})
    assert [doc.user_data.get("id") for doc in docs] == ["wiki-17", "7", None]
    assert [doc_to_record(doc).get("id") for doc in docs] == ["wiki-17", "7", None]


def test_keys_that_are_not_read_are_counted(tmp_path):
    skipped = Counter()
    read(tmp_path, {"text": "a", "entites": []}, skipped=skipped)
    assert skipped["key 'entites'"] == 1


@pytest.mark.parametrize(
    "record",
    [
        "{",
        "[]",
        {"entities": []},
        {"text": "a", "entities": {}},
        {"text": "a", "entities": [{"start": 0, "end": 2}]},
        {"text": "a", "entities": [{"start": 0}]},
        {"text": "a", "relations": [{"head": 0, "tail": 0, "label": "x"}]},
        {"text": "a", "types": [{"start": 0, "end": 1}]},
        {"text": "a b", "tokens": [[0, 1]]},
        {"text": "a", "questions": [{"answers": []}]},
        {"text": "a", "cats": {"A": [1]}},
        {"text": "a", "cats": 5},
        {"text": "a", "cats": {"A": 10**400}},
        '{"text": "\\ud800"}',
        {"text": "a", "tokens": 5},
        {"text": "a", "id": ["b"]},
    ],
    ids=[
        "not_json",
        "not_an_object",
        "no_text",
        "not_a_list",
        "outside",
        "no_end",
        "no_such_entity",
        "no_label",
        "tokens",
        "no_question",
        "a_list_as_score",
        "a_number_as_categories",
        "a_score_without_end",
        "half_of_a_surrogate_pair",
        "a_number_as_tokens",
        "a_list_as_id",
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path, record):
    with pytest.raises(ValueError, match=r"\[ML248\].*corpus.jsonl', line 2"):
        read(tmp_path, {"text": "good"}, record)


def test_the_command_converts_in_both_directions(tmp_path):
    source, corpus, back = (tmp_path / name for name in ("in.jsonl", "corpus.spacy", "back.jsonl"))
    source.write_text(json.dumps({**FULL, "meta": 1}) + "\n", encoding="utf8")
    runner = CliRunner()
    result = runner.invoke(app, ["convert-jsonl", str(source), str(corpus), "--lang", "en"])
    assert result.exit_code == 0, result.output
    assert "key 'meta': 1" in " ".join(result.output.split())
    (doc,) = DocBin().from_disk(corpus).get_docs(spacy.blank("en").vocab)
    assert facts(doc) == {("Tokyo", "Japan", "capital")}
    result = runner.invoke(app, ["convert-jsonl", str(corpus), str(back)])
    assert result.exit_code == 0, result.output
    assert json.loads(back.read_text(encoding="utf8"))["types"] == FULL["types"]
    result = runner.invoke(app, ["convert-jsonl", str(source), str(back)])
    assert result.exit_code == 1
    assert "ML249" in result.output


def test_the_tokenizer_of_a_pipeline_makes_the_tokens(tmp_path):
    pieces = {"@tokenizers": "spacy-mluke.PieceTokenizer.v1", "base": {"@tokenizers": "spacy.Tokenizer.v1"}}
    spacy.blank("xx", config={"nlp": {"tokenizer": pieces}}).to_disk(tmp_path / "pipeline")
    record = {"text": "東京は日本の首都である", "entities": [{"start": 0, "end": 2, "label": "LOC"}]}
    (tmp_path / "in.jsonl").write_text(json.dumps(record) + "\n", encoding="utf8")
    command = ["convert-jsonl", str(tmp_path / "in.jsonl"), str(tmp_path / "out.spacy")]
    assert "--pipeline takes the tokenizer" in " ".join(CliRunner().invoke(app, command).output.split())
    result = CliRunner().invoke(app, [*command, "--pipeline", str(tmp_path / "pipeline")])
    assert result.exit_code == 0, result.output
    assert "not on tokens" not in result.output
    (doc,) = DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("xx").vocab)
    assert [ent.text for ent in doc.ents] == ["東京"]


@pytest.mark.parametrize("value", [1, "x", [1]], ids=["number", "text", "list"])
def test_a_docbin_whose_categories_are_not_a_dictionary_is_a_coded_error(tmp_path, value):
    nlp = spacy.blank("xx")
    docs = DocBin(docs=[nlp.make_doc("Tokyo")])
    docs.cats[0] = value
    docs.to_disk(tmp_path / "corpus.spacy")
    with pytest.raises(ValueError, match=r"ML324.*corpus\.spacy.*'cats'"):
        list(read_docbin(tmp_path / "corpus.spacy", nlp.vocab))
