"""Scores from counts equal the scores of the registered scorers."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.annotate.answers import Answer
from spacy_mluke.annotate.fillers import Filler, set_fillers
from spacy_mluke.report.counting import WRONG_WAY, count
from spacy_mluke.report.metrics import METRICS
from spacy_mluke.report.mistakes import find_mistakes
from spacy_mluke.scorers.cloze import score_cloze
from spacy_mluke.scorers.groups import score_relations
from spacy_mluke.scorers.qa import score_answers
from spacy_mluke.training.kbp37 import MarkedSentence, make_docs
from tests.pipeline.ner_docs import bare, ner_docs
from tests.report.helpers import LABELS, NLP, relation_example, relation_examples


def scores(task, examples):
    counted = count(task, examples)
    totals = counted.counts.sum(axis=0, keepdims=True)
    return {name: float(metric(totals, counted.columns)[0]) for name, metric in METRICS[task].items()}


def test_relations_have_the_scores_of_their_scorer():
    examples = relation_examples(0.6)
    expected = score_relations(examples, pool_directions=True)
    found = scores("relations", examples)
    assert found["macro_f1"] == pytest.approx(expected["rel_macro_f"])
    assert found["micro_f1"] == pytest.approx(expected["rel_micro_f"])


def test_a_wrong_direction_is_an_error_and_distinct_from_another_relation():
    found = count("relations", [relation_example(LABELS[0], LABELS[1])])
    assert dict(found.confusion) == {("capital", WRONG_WAY): 1}
    assert found.labels == ["capital"] and found.counts.tolist() == [[0, 1, 1]]


def test_sentences_with_unusable_entities_are_misses():
    sentences = [
        MarkedSentence("Tokyo is in Japan", (0, 5), (12, 17), "in(e1,e2)"),
        MarkedSentence("Tokyo-based", (0, 5), (0, 11), "in(e1,e2)"),
        MarkedSentence("Japan", (0, 5), (5, 5), "no_relation"),
    ]
    nlp = spacy.blank("en")
    assert len(list(make_docs(nlp, sentences))) == 1
    docs = list(make_docs(nlp, sentences, keep_missed=True))
    assert [len(doc.ents) for doc in docs] == [2, 0, 0]
    predicted = [doc.copy() for doc in docs]
    for doc in predicted[1:]:
        doc._.mluke_relations = []
    assert scores("relations", [Example(*pair) for pair in zip(predicted, docs, strict=True)])["micro_recall"] == 0.5


def test_entities_of_a_test_set_are_those_that_the_corpus_marks():
    sentence = MarkedSentence("Gandhi aimait l'Inde", (0, 6), (16, 20), "from(e1,e2)")
    (doc,) = make_docs(NLP, [sentence], keep_missed=True)
    assert [ent.text for ent in doc.ents] == ["Gandhi", "Inde"] and doc.text == sentence.text
    (whole,) = make_docs(NLP, [sentence])
    assert [ent.text for ent in whole.ents] == ["Gandhi", "l'Inde"]


def test_entities_are_right_if_bounds_and_label_are_right():
    gold, predicted = ner_docs(NLP)[:2], [bare(doc) for doc in ner_docs(NLP)[:2]]
    predicted[0].ents = [Span(predicted[0], 0, 1, label="LOC"), Span(predicted[0], 5, 6, label="PER")]
    predicted[1].ents = [Span(predicted[1], 0, 1, label="PER")]
    examples = [Example(*pair) for pair in zip(predicted, gold, strict=True)]
    expected = spacy.scorer.Scorer.score_spans(examples, "ents")
    found = scores("ner", examples)
    assert (
        (found["micro_precision"], found["micro_recall"]) == (expected["ents_p"], expected["ents_r"]) == (1 / 3, 0.25)
    )
    assert [len(find_mistakes("ner", examples, n=n)) for n in (0, 1, 5)] == [0, 1, 2]


def question_example(given):
    docs = []
    for start in (given, 0):
        doc = NLP.make_doc("Tokyo is the capital of Japan.")
        doc._.mluke_questions = ["Which city?"]
        doc._.mluke_answers = [[doc[start : start + 1]] if start is not None else []]
        docs.append(doc)
    return Example(*docs)


def test_answers_have_the_scores_of_their_scorer():
    examples = [question_example(0), question_example(3), question_example(None)]
    expected = score_answers(examples)
    assert scores("qa", examples) == pytest.approx({"em": expected["qa_em"], "f1": expected["qa_f1"]})
    first, second = find_mistakes("qa", examples, n=5)
    assert first["title"] == "Which city?" and first["predicted"][0]["start"] == 13 and second["predicted"] == []
    assert isinstance(question_example(0).predicted._.mluke_answers[0][0], Answer)


def filled_example(*fillers):
    gold = Doc(NLP.vocab, words=["[MASK]", "is", "big"])
    gold.ents = [Span(gold, 0, 1, label="X", kb_id="Q1")]
    predicted = Doc(NLP.vocab, words=["[MASK]", "is", "big"])
    set_fillers(predicted, [[Filler(name, f"en:{name}", kb_id=name) for name in fillers]])
    return Example(predicted, gold)


def test_fillers_have_the_scores_of_their_scorer():
    examples = [filled_example("Q1"), filled_example("Q2", "Q1"), filled_example("Q3")]
    expected = {key.partition("_")[2]: value for key, value in score_cloze(examples).items()}
    assert scores("cloze", examples) == pytest.approx(expected)
    assert [m["predicted"][0]["label"] for m in find_mistakes("cloze", examples, n=5)] == ["Q2", "Q3"]


def test_links_are_counted_over_mentions_with_a_gold_entity():
    docs = []
    for ids in (("Q1", "Q9"), ("Q1", "")):
        doc = Doc(NLP.vocab, words=["Tokyo", "Japan"])
        doc.ents = [Span(doc, i, i + 1, label="X", kb_id=kb_id) for i, kb_id in enumerate(ids)]
        docs.append(doc)
    assert scores("linking", [Example(*docs)]) == {"accuracy": 1.0}


def test_a_mistake_in_a_long_text_shows_its_context():
    words = ["word"] * 300
    gold, predicted = Doc(NLP.vocab, words=words), Doc(NLP.vocab, words=words)
    gold.ents, predicted.ents = [Span(gold, 150, 152, label="X")], []
    (mistake,) = find_mistakes("ner", [Example(predicted, gold)], n=1)
    (span,) = mistake["gold"]
    assert mistake["text"][span["start"] : span["end"]] == "word word"
    assert 200 < len(mistake["text"]) < 400 and not mistake["text"].startswith(" ")
