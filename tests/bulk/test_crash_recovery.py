"""Crash recovery: a record that crashes the worker process is a bad record, and all others are annotated."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacy_mluke.bulk import crash_recovery, local
from spacy_mluke.bulk.local import Processes
from spacy_mluke.bulk.run import Run
from tests.bulk.corpora import bad_records, records, rows_of, save_pipeline, write_corpus
from tests.bulk.test_runs import job_of


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Path:
    return save_pipeline(tmp_path_factory.mktemp("pipeline"), "crashes")


@pytest.mark.parametrize(("n", "format"), [(1, "parquet"), (2, "docbin")])
def test_a_record_that_crashes_its_process_is_a_bad_record_and_all_others_are_annotated(pipeline, tmp_path, n, format):
    job = job_of(pipeline, tmp_path, n=30, shard_size=20, threads=1, format=format)
    crashing: list = []
    with Processes(job, n) as processes:
        run = Run.begin(job, processes.wait_until_ready)
        results = list(run.follow(processes.annotate(run.todo, crashing)))
    assert not crashing
    assert sorted((result.number, result.n_docs, result.n_bad) for result in results) == [(0, 19, 1), (1, 10, 0)]
    (bad,) = bad_records(tmp_path / "out")
    assert (bad["id"], bad["place"]) == ("d7", 7)
    assert bad["error"] == "its process ended with exit code 3" and records(8)[7]["text"] in bad["record"]
    if format == "parquet":
        assert [row["id"] for row in rows_of(tmp_path / "out")] == [f"d{i}" for i in range(30) if i != 7]
    assert not list(job.metadata_folder.glob("pieces/*.tmp")) and len(list((tmp_path / "out").glob("part-*"))) == 2
    assert run.finish()["documents"] == 29 and Run.begin(job).todo == []


def test_a_shard_whose_records_all_crash_is_skipped_and_other_shards_are_annotated(pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr(crash_recovery, "MAX_CRASHING_RECORDS", 2)
    write_corpus(tmp_path / "in.jsonl", [{"text": "7 x"}] * 5 + records(5))
    job = job_of(pipeline, tmp_path, shard_size=5, threads=1)
    crashing: list = []
    with Processes(job, 1) as processes:
        results = list(processes.annotate(Run.begin(job).todo, crashing))
    assert [(one.shard.number, one.reason) for one in crashing] == [(0, "its process ended with exit code 3")]
    assert [(result.number, result.n_docs) for result in results] == [(1, 5)]


def test_a_pipeline_that_crashes_on_all_shards_stops_the_run(pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr(crash_recovery, "MAX_CRASHING_RECORDS", 0)
    monkeypatch.setattr(local, "_MAX_CRASHING_SHARDS", 2)
    write_corpus(tmp_path / "in.jsonl", [{"text": "7 x"}] * 9)
    job = job_of(pipeline, tmp_path, shard_size=1, threads=1)
    with Processes(job, 1) as processes, pytest.raises(ValueError, match=r"\[ML355].*first 2 shards.*exit code 3"):
        list(processes.annotate(Run.begin(job).todo, []))


def test_a_pipeline_that_cannot_be_loaded_is_a_coded_error(pipeline, tmp_path):
    broken = save_pipeline(tmp_path / "broken")
    (broken / "vocab" / "strings.json").write_text("{")
    with Processes(job_of(broken, tmp_path), 1) as processes, pytest.raises(ValueError, match=r"\[ML350\].*broken"):
        processes.wait_until_ready()
