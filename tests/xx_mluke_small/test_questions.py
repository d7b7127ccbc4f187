"""Questions: parts of texts with and without the answer."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from scripts.xx_mluke_small.questions import AskedQuestion, QuestionReader, read_questions
from scripts.xx_mluke_small.training_files import QUESTION_FILES
from spacy_mluke.training.squad import SquadQuestion

FILE = "nb-norquad.train.json"


def make_reader(tiny_folder, **options):
    return QuestionReader(read_questions(tiny_folder), random.Random(0), **options)


def test_the_part_of_a_text_contains_the_answer_at_its_place(tiny_folder):
    reader = make_reader(tiny_folder, unanswerable=0.0, window=40)
    for number, asked in enumerate(reader.questions[FILE]):
        paragraph = reader.make_paragraph(FILE, number)
        (question,) = paragraph.questions
        ((start, end),) = question.answers
        first, last = asked.question.answers[0]
        assert paragraph.text[start:end] == asked.text[first:last]
        assert len(paragraph.text) < len(asked.text)


def test_parts_begin_and_end_at_spaces(tiny_folder):
    reader = make_reader(tiny_folder, window=30)
    text = "word " * 100 + "Paris" + " word" * 100
    start, end = reader.cut(text, 500, 505, 120)
    assert start == 0 or text[start - 1].isspace()
    assert end == len(text) or text[end].isspace()
    assert start <= 500 and end >= 505


def test_a_short_text_is_not_cut(tiny_folder):
    assert make_reader(tiny_folder).cut("Ada in Paris", 7, 12, 100) == (0, 12)


def test_unanswerable_questions_have_a_part_without_the_answer(tiny_folder):
    reader = make_reader(tiny_folder, unanswerable=1.0, window=20)
    found = [reader.make_paragraph(FILE, number) for number in range(len(reader.questions[FILE]))]
    made = [(paragraph, asked) for paragraph, asked in zip(found, reader.questions[FILE], strict=True) if paragraph]
    assert made
    for paragraph, asked in made:
        start, end = asked.question.answers[0]
        assert paragraph.questions[0].answers == [] and asked.text[start:end] not in paragraph.text


def test_a_part_that_happens_to_have_the_answer_is_skipped(tiny_folder):
    reader = make_reader(tiny_folder, unanswerable=1.0, window=20)
    text = "Paris " * 60
    reader.questions[FILE] = [AskedQuestion(text, SquadQuestion("Where?", "1", [(0, 5)]))]
    assert reader.make_paragraph(FILE, 0) is None


def test_questions_about_single_sentences_stay_answerable(tiny_folder):
    reader = make_reader(tiny_folder, unanswerable=1.0)
    assert reader.make_paragraph("en-qamr.dev.json", 0).questions[0].answers


def test_questions_without_answer_in_the_source_are_kept(tiny_folder):
    reader = make_reader(tiny_folder, unanswerable=0.0)
    numbers = [i for i, asked in enumerate(reader.questions["he-heq.dev.json"]) if not asked.question.answers]
    assert numbers
    assert reader.make_paragraph("he-heq.dev.json", numbers[0]).questions[0].answers == []


def test_every_file_is_drawn_from(tiny_folder):
    drawn = list(islice(make_reader(tiny_folder).draw(), 300))
    ids = {item.paragraph.questions[0].id.partition(".json")[0] for item in drawn}
    assert ids == {file.removesuffix(".json") for file in QUESTION_FILES}
    assert all(item.cost > 14 for item in drawn)


@pytest.mark.parametrize("held_out", [True, False])
def test_a_part_of_a_file_can_be_held_out(tiny_folder, monkeypatch, held_out):
    monkeypatch.setitem(
        __import__("scripts.xx_mluke_small.questions", fromlist=["x"]).QUESTIONS_TO_TRAIN_ON,
        "en-squadshifts_wiki.test.json",
        5,
    )
    found = read_questions(tiny_folder, held_out=held_out)
    assert len(found["en-squadshifts_wiki.test.json"]) == (7 if held_out else 5)
