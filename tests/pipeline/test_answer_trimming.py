"""Punctuation at the ends of answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_mluke.pipeline.qa.answer_trimming import trim


def trimmed(text: str, answer: str) -> str:
    start = text.index(answer)
    first, last = trim(text, start, start + len(answer))
    return text[first:last]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("28 February 2008,", "28 February 2008"),
        (", in Lisbon;", "in Lisbon"),
        ("北京，", "北京"),
        ("القاهرة،", "القاهرة"),
    ],
)
def test_an_answer_does_not_begin_or_end_with_a_separator(answer: str, expected: str) -> None:
    assert trimmed(f"a {answer} b", answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("универсальной»", "универсальной"), ("(the river", "the river"), ('one-stop shopping"', "one-stop shopping")],
)
def test_half_a_pair_of_brackets_or_quotation_marks_is_left_out(answer: str, expected: str) -> None:
    assert trimmed(f"a {answer} b", answer) == expected


@pytest.mark.parametrize("answer", ["«Аполлон»", '"one-stop shopping"', "《红楼梦》", "Mercury (planet)", "„Faust“"])
def test_a_whole_pair_is_kept(answer: str) -> None:
    assert trimmed(f"a {answer} b", answer) == answer


def test_a_bracket_that_closes_right_after_the_answer_is_included() -> None:
    assert trimmed("State Route 41 (Yosemite Freeway) ends", "State Route 41 (Yosemite Freeway") == (
        "State Route 41 (Yosemite Freeway)"
    )


@pytest.mark.parametrize("answer", ["Martin Luther King Jr.", "Apple Inc.", "im 20.", "the U.S."])
def test_the_full_stop_of_an_abbreviation_is_kept(answer: str) -> None:
    assert trimmed(f"a {answer} b", answer) == answer


@pytest.mark.parametrize(("answer", "expected"), [("the old river.", "the old river"), ("東京。", "東京")])
def test_the_full_stop_of_a_sentence_is_left_out(answer: str, expected: str) -> None:
    assert trimmed(f"a {answer} b", answer) == expected


@given(st.text(alphabet="ab ,.\"'()«»„“”。", min_size=1), st.data())
def test_bounds_stay_in_the_text_and_no_letter_is_lost(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = trim(text, start, end)
    assert start <= first < last <= min(end + 1, len(text))
    letters = [char for char in text[start:end] if char.isalpha()]
    assert [char for char in text[first:last] if char.isalpha()] == letters
