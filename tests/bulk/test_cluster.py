"""A Ray cluster annotates the same as one process, also when a worker dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacy_mluke.bulk.cluster import _load, run_ray
from spacy_mluke.bulk.run import Run
from tests.bulk.corpora import bad_records, rows_of, save_pipeline
from tests.bulk.test_runs import job_of


def test_after_a_crash_no_document_is_lost_or_repeated_except_the_crashing_record(tmp_path, monkeypatch):
    # By default, Ray's processes have a lower priority than the tests beside them.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    flag = tmp_path / "crashed"
    pipeline = save_pipeline(tmp_path / "pipeline", "crashes", crashes={"flag": str(flag)})
    job = job_of(pipeline, tmp_path, n=20, shard_size=5, threads=1)
    shards = Run.begin(job).todo
    crashing: list = []
    # One core for the worker, one for the distribution of shards.
    ray.init(
        num_cpus=2,
        object_store_memory=100 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    try:
        results = list(run_ray(job, shards, crashing, actors=(1, 1), cpus=1, gpus=0, address=None))
    finally:
        ray.shutdown()
    assert flag.exists(), "a worker died"
    assert not crashing
    assert sorted(result.number for result in results) == list(range(4))
    assert [row["id"] for row in rows_of(Path(job.output))] == [f"d{i}" for i in range(20) if i != 7]
    assert [one["id"] for one in bad_records(Path(job.output))] == ["d7"]


def test_a_pipeline_that_cannot_be_loaded_on_the_cluster_is_a_coded_error(tmp_path):
    assert "[ML350]" in str(_load(job_of(tmp_path / "missing", tmp_path, threads=1)))
