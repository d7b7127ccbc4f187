"""SQuAD's format: reading, and conversion to DocBin."""

from __future__ import annotations

import json
import warnings

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.training.squad import build_squad_corpus_v1, make_doc, read_squad
from tests.pipeline.question_docs import answers

NLP = spacy.blank("en")
TEXT = "Tokyo is the capital of Japan. It was called Edo."


def squad(*qas, text=TEXT, version="v2.0"):
    paragraph = {"context": text, "qas": list(qas)}
    return {"version": version, "data": [{"title": "Tokyo", "paragraphs": [paragraph]}]}


def question(text, *given, **extra):
    found = [{"text": answer, "answer_start": start} for answer, start in given]
    return {"question": text, "id": text[:4], "answers": found, **extra}


GOOD = squad(
    question("What was it called?", ("Edo", 45), ("called Edo", 38), ("Edo", 45)),
    question("Who was called Edo?", plausible_answers=[{"text": "Tokyo", "answer_start": 0}], is_impossible=True),
)
BAD = squad(
    question("What is it?", ("capital", 13), ("Tokyo", 1)),
    question("Where is it?", ("Japan", -5)),
    question("What was it?", ("edo", 45)),
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(GOOD), encoding="utf8")
    return path


def test_questions_have_all_distinct_answers_and_impossible_ones_none(file):
    (paragraph,) = read_squad(file)
    assert [found.answers for found in paragraph.questions] == [[(45, 48), (38, 48)], []]
    doc = make_doc(NLP, paragraph)
    assert answers(doc) == [["Edo", "called Edo"], []]
    first = doc._.mluke_questions[0]
    assert (first.id, first.text) == ("What", "What was it called?")


def test_answers_keep_their_characters_also_inside_tokens(tmp_path):
    path = tmp_path / "zh.json"
    path.write_text(json.dumps(squad(question("谁?", ("东京", 1)), text="的东京是首都。")), encoding="utf8")
    (doc,) = (make_doc(spacy.blank("xx"), paragraph) for paragraph in read_squad(path))
    (answer,) = doc._.mluke_answers[0]
    assert len(doc) < 3 and answer.text == "东京" and answer.span.text != "东京"


def test_predicted_documents_get_the_questions_of_their_references(file):
    (eg,) = build_squad_corpus_v1(file)(NLP)
    assert eg.predicted._.mluke_questions == eg.reference._.mluke_questions
    assert answers(eg.predicted) == [[], []] and answers(eg.reference)[0] == ["Edo", "called Edo"]


def test_with_one_question_per_example_each_has_only_its_answers(file):
    first, second = build_squad_corpus_v1(file, one_question=True)(NLP)
    assert answers(first.reference) == [["Edo", "called Edo"]] and answers(second.reference) == [[]]
    assert [found.text for found in second.predicted._.mluke_questions] == ["Who was called Edo?"]


def test_misplaced_answers_are_counted_in_one_warning(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(BAD), encoding="utf8")
    with pytest.warns(UserWarning, match=r"\[ML175\] 3 of 4 gold answers in 'bad.json'.* 2 questions") as caught:
        (eg,) = build_squad_corpus_v1(path)(NLP)
    assert len(caught) == 1
    assert answers(eg.reference) == [["capital"]]


@pytest.mark.parametrize("content", ["[", "[]", '{"data": [{"paragraphs": [{"context": "x"}]}]}', "{}"])
def test_files_in_another_format_are_named(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML213\] '.*other.json'"):
        list(build_squad_corpus_v1(path)(NLP))
    with pytest.raises(ValueError, match=r"\[ML213\]"):
        list(build_squad_corpus_v1(tmp_path / "missing")(NLP))


def test_negative_numbers_are_refused_and_no_path_is_an_empty_corpus():
    with pytest.raises(ValueError, match=r"\[ML071\]"):
        build_squad_corpus_v1(None, skip=-1)
    assert list(build_squad_corpus_v1(None)(NLP)) == []


def test_the_written_corpus_is_read_like_the_file(file, tmp_path):
    target = tmp_path / "out" / "train.spacy"
    result = CliRunner().invoke(app, ["convert-squad", str(file), str(target)])
    assert result.exit_code == 0, result.output
    assert "1 paragraphs, 2 questions" in " ".join(result.output.split())
    nlp = spacy.blank("en")
    assert len(DocBin().from_disk(target)) == 1
    (eg,), (other,) = build_squad_corpus_v1(target)(nlp), build_squad_corpus_v1(file)(nlp)
    assert answers(eg.reference) == answers(other.reference)
    assert eg.predicted._.mluke_questions == other.predicted._.mluke_questions


@pytest.mark.parametrize("lang", ["en", "zh", "ar"])
def test_real_files_are_read_completely(data_dir, lang):
    path = data_dir / "xquad" / f"xquad.{lang}.json"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paragraphs = list(read_squad(path))
        assert len(paragraphs) == 240 and sum(len(p.questions) for p in paragraphs) == 1190
        halves = [build_squad_corpus_v1(path, limit=3), build_squad_corpus_v1(path, skip=3, limit=2)]
        texts = [eg.reference.text for half in halves for eg in half(spacy.blank("xx"))]
    assert texts == [p.text for p in paragraphs[:5]]
