"""`annotate` writes a corpus, continues an interrupted run, and prints what it did."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from spacy_mluke.bulk.job import METADATA_FOLDER, Job
from spacy_mluke.bulk.output_folder import find_pipeline
from spacy_mluke.bulk.pipelines import load_pipeline
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
    assert "1 record with errors" in result.output and "9 documents in 3 shards" in result.output
    totals = json.loads((tmp_path / "out" / METADATA_FOLDER / "run.json").read_text())
    assert (totals["documents"], totals["set_aside"], totals["shards"]) == (9, 1, 3)


def test_the_same_command_continues_an_interrupted_run(pipeline, tmp_path):
    write_corpus(tmp_path / "in.txt", records(10))
    for _ in range(2):
        result = annotate(pipeline, tmp_path / "in.txt", tmp_path / "out", "--shard-size", 4, "--no-vectors")
    assert "3 of 3 shards are done" in result.output
    assert len(rows_of(tmp_path / "out")) == 10


def test_errors_are_messages_without_a_traceback(pipeline, tmp_path):
    write_corpus(tmp_path / "in.txt", records(1))
    for arguments, code in (
        (("--engine", "spark"), "ML070"),
        (("--format", "csv"), "ML070"),
    ):
        result = annotate(pipeline, tmp_path / "in.txt", tmp_path / "out", *arguments)
        assert result.exit_code == 1 and code in result.output


def test_a_typo_in_the_pipeline_writes_nothing(pipeline, tmp_path):
    write_corpus(tmp_path / "in.txt", records(1))
    result = annotate(tmp_path / "typo", tmp_path / "in.txt", tmp_path / "out")
    assert result.exit_code == 1 and "ML350" in result.output
    assert not (tmp_path / "out").exists()
    assert annotate(pipeline, tmp_path / "in.txt", tmp_path / "out").exit_code == 0


def test_a_wrong_text_key_is_an_error_before_anything_is_written(pipeline, tmp_path):
    write_corpus(tmp_path / "in.jsonl", [{"body": "x"}])
    result = annotate(pipeline, tmp_path / "in.jsonl", tmp_path / "out")
    assert result.exit_code == 1 and "ML353" in result.output and "body" in result.output
    assert not (tmp_path / "out").exists()


def test_a_run_with_errors_in_every_record_fails(pipeline, tmp_path):
    write_corpus(tmp_path / "in.jsonl", [{"text": "x", "entities": 5}])
    result = annotate(pipeline, tmp_path / "in.jsonl", tmp_path / "out")
    assert result.exit_code == 1 and "ML358" in result.output and "ML248" in result.output


def test_unreadable_files_are_named_and_the_others_are_annotated(pipeline, tmp_path):
    write_corpus(tmp_path / "in" / "a.jsonl", records(2))
    (tmp_path / "in" / "b.json").write_text("[]")
    (tmp_path / "in" / "c.parquet").write_bytes(b"damaged")
    for _ in range(2):
        result = annotate(pipeline, tmp_path / "in", tmp_path / "in" / "out")
        assert result.exit_code == 1
        assert "1 of 3 files were skipped" in result.output and "b.json" in result.output
        assert "c.parquet" in result.output and "1 files could not be read" in result.output
        assert len(rows_of(tmp_path / "in" / "out")) == 2


@pytest.mark.parametrize("value", ["0", "4:1", "x", "1:x", "-1"])
def test_numbers_of_actors_are_checked_before_ray_starts(pipeline, tmp_path, value):
    write_corpus(tmp_path / "in.txt", records(1))
    result = annotate(pipeline, tmp_path / "in.txt", tmp_path / "out", "--engine", "ray", f"--actors={value}")
    assert result.exit_code == 1 and "ML359" in result.output


@pytest.mark.parametrize("option", ["--shard-size=0", "--batch-size=-1", "--processes=-1", "--processes=many"])
def test_numbers_out_of_range_are_refused(pipeline, tmp_path, option):
    write_corpus(tmp_path / "in.txt", records(1))
    assert annotate(pipeline, tmp_path / "in.txt", tmp_path / "out", option).exit_code == 2


def test_the_ready_made_pipeline_is_found_by_its_name_and_links():
    nlp = load_pipeline("xx_mluke_small")
    assert nlp.pipe_names == ["mluke_ner", "mluke_relations", "mluke_qa", "mluke_mentions", "mluke_linker"]
    job = Job("xx_mluke_small", "in", "out")
    assert (find_pipeline(job) / "config.cfg").is_file()
