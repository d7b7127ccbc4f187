"""The examples of the README run, each alone, and print what it shows."""

from __future__ import annotations

import pytest

from tests.pages import README, check_output, examples_of, run

TEXT = README.read_text(encoding="utf8")


@pytest.mark.parametrize("example", examples_of(README), ids=lambda example: f"line_{example.line}")
def test_every_example_runs_alone_and_prints_what_is_shown(example):
    assert example.shown
    check_output(example, run(example, {}))


def test_every_component_is_in_the_table():
    from scripts.docs.functions import read_entry_points

    for name in read_entry_points("spacy_factories"):
        assert f"| `{name}` |" in TEXT


def test_the_readme_begins_with_the_two_commands():
    head = TEXT[:400]
    assert "make demo" in head
    assert "make test" in head
