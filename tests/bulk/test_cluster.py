"""A Ray cluster gives what one process gives, also when a worker dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacy_mluke.bulk.cluster import _load
from spacy_mluke.bulk.run import Run
from tests.bulk.corpora import rows_of, save_pipeline, set_aside
from tests.bulk.test_runs import job_of

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")


def test_a_worker_that_dies_costs_no_document_and_doubles_none_and_a_deadly_record_only_itself(tmp_path):
    from spacy_mluke.bulk.cluster import run_ray

    flag = tmp_path / "crashed"
    pipeline = save_pipeline(tmp_path / "pipeline", "crashes", crashes={"flag": str(flag)})
    job = job_of(pipeline, tmp_path, n=30, shard_size=5, threads=1)
    shards = Run.begin(job).todo
    left: list = []
    # One core for the worker, one for what hands out shards.
    ray.init(
        num_cpus=2,
        object_store_memory=100 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    try:
        results = list(run_ray(job, shards, left, actors=(1, 1), cpus=1, gpus=0, address=None))
    finally:
        ray.shutdown()
    assert flag.exists(), "a worker died"
    assert not left
    assert sorted(result.number for result in results) == list(range(6))
    assert [row["id"] for row in rows_of(Path(job.output))] == [f"d{i}" for i in range(30) if i != 7]
    assert [one["id"] for one in set_aside(Path(job.output))] == ["d7"]


def test_a_pipeline_that_no_machine_can_load_is_said_by_its_error(tmp_path):
    assert "[ML350]" in str(_load(job_of(tmp_path / "missing", tmp_path, threads=1)))
