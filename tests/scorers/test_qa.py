"""Exact match and F1 as defined by SQuAD and MLQA."""

from __future__ import annotations

import pytest
import spacy
from spacy.training import Example

from spacy_mluke.annotate.answers import Answer
from spacy_mluke.scorers.qa import build_qa_scorer_v1, compare, normalize
from tests.pipeline.question_docs import ask

TEXT = "The Tower of London, in London."
NLP = spacy.blank("xx")


def example(predicted, *gold, text=TEXT, lang="xx"):
    nlp = NLP if lang == "xx" else spacy.blank(lang)
    reference = ask(nlp.make_doc(text), ("Where?", None))
    places = [(text.index(answer), text.index(answer) + len(answer)) for answer in gold]
    reference._.mluke_answers = [[Answer.at(reference, *place) for place in places]]
    return Example(ask(nlp.make_doc(text), ("Where?", predicted)), reference)


def score(*examples, **options):
    return build_qa_scorer_v1(**options)(examples)


@pytest.mark.parametrize(
    ("lang", "text", "words"),
    [
        (None, "The Tower, of an «End»!", ["tower", "of", "«end»"]),
        ("en", "The Tower, of an «End»!", ["tower", "of", "end"]),
        ("de", "Die Stadt eines Königs", ["stadt", "königs"]),
        ("es", "¿Los años de la Señora?", ["años", "de", "señora"]),
        ("vi", "cái nhà của tôi", ["nhà", "tôi"]),
        ("ar", "في القاهرة", ["في", "قاهرة"]),
        ("zh", "北京 Beijing，2008年", ["北", "京", "beijing2008", "年"]),
        ("hi", "भारत का", ["भारत", "का"]),
        ("ru", "the Москва.", ["the", "москва"]),
    ],
)
def test_answers_are_normalized_as_published(lang, text, words):
    assert normalize(text, lang) == words


def test_the_best_comparison_with_several_gold_answers_counts():
    assert compare("Tower of London", ["in London", "The Tower of London"]) == (1.0, 1.0)
    assert compare("Tower", ["in London", "The Tower of London"]) == (0.0, 0.5)
    assert compare("a a b", ["a b b"], "xx") == (0.0, pytest.approx(2 / 3))


def test_an_answer_and_no_answer_share_no_words():
    assert compare("", [""]) == (1.0, 1.0)
    assert compare("London", [""]) == compare("", ["London"]) == (0.0, 0.0)


def test_scores_are_means_over_questions():
    found = score(example("The Tower of London", "Tower of London"), example("London", "in London"), example(None))
    assert found["qa_em"] == pytest.approx(2 / 3) and found["qa_f1"] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert found["qa_has_answer_em"] == 0.5 and found["qa_no_answer"] == 1.0


def test_an_answer_to_an_impossible_question_and_no_answer_to_another_score_0():
    found = score(example("London"), example(None, "London"))
    assert (found["qa_em"], found["qa_f1"], found["qa_no_answer"], found["qa_has_answer_f1"]) == (0.0, 0.0, 0.0, 0.0)


def test_an_answer_of_only_articles_counts_as_no_answer():
    assert score(example(None, "The"))["qa_no_answer"] == 1.0


def test_a_question_that_the_predicted_document_lacks_is_a_miss():
    eg = example("London", "London")
    eg.predicted._.mluke_questions = ["Another?"]
    assert score(eg)["qa_em"] == 0.0


def test_without_annotation_there_is_no_score():
    doc = NLP.make_doc(TEXT)
    doc._.mluke_questions = ["Where?"]
    assert set(score(Example(doc, doc.copy())).values()) == {None}


def test_the_language_can_be_that_of_the_documents():
    eg = example("die Stadt", "Stadt", text="die Stadt", lang="de")
    assert score(eg)["qa_em"] == 0.0
    assert score(eg, lang="auto")["qa_em"] == score(eg, lang="de")["qa_em"] == 1.0
