"""`debug-align` shows the alignment of a text."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from spacy_mluke.cli import app


def run(*arguments: str):
    return CliRunner().invoke(app, ["debug-align", *arguments])


def test_wordpieces_offsets_and_entity_positions_are_shown():
    result = run("Beyonce lives in Los Angeles.", "-s", "Los Angeles")
    assert result.exit_code == 0, result.output
    assert "▁Beyonce" in result.output
    assert "17-20" in result.output
    assert "Los Angeles [4-5]" in result.output


def test_a_mention_can_be_selected_by_its_character_offsets():
    result = run("Tokyo and Tokyo", "--span", "10:15")
    assert "Tokyo [3-3]" in result.output


def test_segmentations_can_be_compared():
    published = run("(Tokyo)", "-s", "Tokyo").output
    plain = run("(Tokyo)", "-s", "Tokyo", "--segmentation", "plain").output
    assert "▁Tokyo" in published
    assert "▁Tokyo" not in plain


def test_nested_mentions_are_shown():
    result = run("University of Tokyo", "-s", "University of Tokyo", "-s", "Tokyo")
    assert result.exit_code == 0, result.output
    assert "University of Tokyo [1-3]" in result.output
    assert "Tokyo [3-3]" in result.output


def test_long_texts_show_their_windows():
    result = run("Tokyo " * 100, "-s", "0:5", "--window", "40", "--overlap", "8")
    assert result.exit_code == 0, result.output
    passes = result.output[result.output.index("Sequences") :]
    assert len([line for line in passes.splitlines() if line.strip()[:1].isdigit()]) > 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["Tokyo", "-s", "Paris"], "ML090"),
        (["Tokyo", "--segmentation", "plan"], "ML070"),
        (["Tokyo", "--window", "1"], "ML003"),
        (["Tokyo", "--name", "./nowhere"], "ML04"),
    ],
)
def test_bad_input_is_an_error_with_a_code(arguments, code):
    result = run(*arguments)
    assert result.exit_code == 1
    assert code in result.output
