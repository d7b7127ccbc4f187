"""A Ray cluster gives what one process gives, also when a worker dies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spacy_mluke.bulk.run import Run
from tests.bulk import crashing
from tests.bulk.corpora import records, rows_of, save_pipeline
from tests.bulk.test_runs import job_of

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")


def test_a_worker_that_dies_in_the_middle_costs_no_document_and_doubles_none(tmp_path, monkeypatch):
    from spacy_mluke.bulk.cluster import run_ray

    monkeypatch.setattr(sys, "path", list(sys.path))
    crashing.install(tmp_path / "code")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'code'}:{Path(__file__).parents[2]}")
    flag = tmp_path / "crashed"
    pipeline = save_pipeline(tmp_path / "pipeline", "crashes", crashes={"flag": str(flag)})
    job = job_of(pipeline, tmp_path, n=60, shard_size=5, threads=1)
    shards = Run.begin(job).todo
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        results = list(run_ray(job, shards, actors=(2, 2), cpus=1, gpus=0, address=None))
    finally:
        ray.shutdown()
    assert flag.exists(), "a worker died"
    assert sorted(result.number for result in results) == list(range(12))
    assert [row["id"] for row in rows_of(Path(job.output))] == [one["id"] for one in records(60)]
