"""Questions and answers of a Doc."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc

from spacy_mluke.annotate.answers import Answer, Question, get_question_answers
from tests.pipeline.question_docs import answers, ask


@pytest.fixture
def nlp():
    return spacy.blank("xx")


def test_answers_survive_as_doc_and_retokenization(nlp):
    doc = ask(nlp.make_doc("Nobody. Anna lives in Los Angeles."), ("Where?", "Los Angeles"), ("Who?", "Nobody"))
    part = doc[2:].as_doc(copy_user_data=True)
    # This part lacks the answer; the question is then not annotated.
    assert answers(part) == [["Los Angeles"], []]
    assert get_question_answers(part)[1][1] is None
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[4:7])
    (answer,) = doc._.mluke_answers[0]
    assert (answer.text, answer.span.text) == ("Los Angeles", "in Los Angeles")


def test_an_answer_that_is_part_of_a_token_keeps_its_characters(nlp):
    doc = Doc(nlp.vocab, words=["Tokyo-Paris"])
    ask(doc, ("Where?", "Paris"))
    (answer,) = doc._.mluke_answers[0]
    assert (answer.text, answer.span.text, answer.chars) == ("Paris", "Tokyo-Paris", (6, 11))


def test_values_that_are_not_questions_or_answers_are_refused(nlp):
    doc = nlp.make_doc("Paris is far.")
    for wrong in ("Who?", [3], 3):
        with pytest.raises(ValueError, match=r"\[ML210\]"):
            doc._.mluke_questions = wrong
    with pytest.raises(ValueError, match=r"\[ML215\]"):
        Question("Who?", entities=((0, 9, ""),))
    doc._.mluke_questions = ["Who?"]
    for wrong in ([], [["Paris"]], [doc[0:1]], "P", [[nlp.make_doc("Paris")[0:1]]]):
        with pytest.raises(ValueError, match=r"\[ML211\]"):
            doc._.mluke_answers = wrong
    doc._.mluke_answers = [[doc[0:1]]]
    assert answers(doc) == [["Paris"]]


def test_not_annotated_differs_from_no_answer(nlp):
    doc = nlp.make_doc("Paris is far.")
    assert doc._.mluke_questions == [] and doc._.mluke_answers == []
    doc._.mluke_questions = ["What?", "Who?", Question("What?", id="b")]
    assert [answers for _, answers in get_question_answers(doc)] == [None, None, None]
    doc._.mluke_answers = [[], None, [Answer(doc[0:1], 0.5, null_score=0.25)]]
    assert [given for _, given in get_question_answers(doc)][:2] == [[], None]
    (answer,) = doc._.mluke_answers[2]
    assert (answer.span, answer.score, answer.null_score) == (doc[0:1], 0.5, 0.25)
    doc._.mluke_questions = ["What?"]
    assert get_question_answers(doc) == [(Question("What?"), None)]


def test_a_part_of_a_document_may_be_a_question(nlp):
    asked = nlp.make_doc("So: is Paris far?")
    asked.ents = [asked.char_span(7, 12, label="LOC", kb_id="en:Paris")]
    assert Question.of(asked[2:]) == Question("is Paris far?", entities=((3, 8, "en:Paris"),))
    copy = Doc(nlp.vocab, words=["x"])
    copy._.mluke_questions = [asked[2:]]
    assert copy._.mluke_questions == [Question.of(asked[2:])]
