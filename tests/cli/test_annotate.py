"""`annotate` writes a corpus, goes on, and says what it did."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from spacy_mluke.bulk.job import ASIDE
from spacy_mluke.cli import app
from tests.bulk.corpora import records, rows_of, save_pipeline, write_corpus


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    return save_pipeline(tmp_path_factory.mktemp("pipeline"))


def annotate(*arguments):
    return CliRunner().invoke(app, ["annotate", *map(str, arguments)])


def test_a_folder_of_files_is_annotated_and_counted(pipeline, tmp_path):
    write_corpus(tmp_path / "in" / "a.jsonl", [*records(5), {"text": None}])
    write_corpus(tmp_path / "in" / "b.parquet", records(4))
    result = annotate(pipeline, tmp_path / "in", tmp_path / "out", "--shard-size", 4)
    assert result.exit_code == 0, result.output
    assert len(rows_of(tmp_path / "out")) == 9
    assert "1 records were set aside" in result.output and "9 documents in 3 shards" in result.output
    totals = json.loads((tmp_path / "out" / ASIDE / "run.json").read_text())
    assert (totals["documents"], totals["set_aside"], totals["shards"]) == (9, 1, 3)


def test_the_same_command_goes_on(pipeline, tmp_path):
    write_corpus(tmp_path / "in.txt", records(10))
    for _ in range(2):
        result = annotate(pipeline, tmp_path / "in.txt", tmp_path / "out", "--shard-size", 4, "--no-vectors")
    assert "3 of 3 shards are done" in result.output
    assert len(rows_of(tmp_path / "out")) == 10


def test_what_cannot_be_done_is_said_without_a_traceback(pipeline, tmp_path):
    write_corpus(tmp_path / "in.txt", records(1))
    for arguments, code in (
        (("--engine", "spark"), "ML070"),
        (("--format", "csv"), "ML070"),
    ):
        result = annotate(pipeline, tmp_path / "in.txt", tmp_path / "out", *arguments)
        assert result.exit_code == 1 and code in result.output
