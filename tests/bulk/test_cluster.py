"""A Ray cluster gives what one process gives, also when a worker dies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spacy_mluke.bulk.run import Run
from tests.bulk import crashing
from tests.bulk.corpora import records, rows_of, save_pipeline, set_aside
from tests.bulk.test_runs import job_of

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")


def test_a_worker_that_dies_costs_no_document_and_doubles_none_and_a_deadly_record_only_itself(tmp_path, monkeypatch):
    from spacy_mluke.bulk.cluster import check_pipeline, run_ray

    monkeypatch.setattr(sys, "path", list(sys.path))
    crashing.install(tmp_path / "code")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'code'}:{Path(__file__).parents[2]}")
    flag = tmp_path / "crashed"
    once = save_pipeline(tmp_path / "once", "crashes", crashes={"flag": str(flag)})
    always = save_pipeline(tmp_path / "always", "crashes")
    job = job_of(once, tmp_path / "a", n=60, shard_size=5, threads=1)
    deadly = job_of(always, tmp_path / "b", n=30, shard_size=10, threads=1)
    missing = job_of(tmp_path / "missing", tmp_path / "c", threads=1)
    shards, others = Run.begin(job).todo, Run.begin(deadly).todo
    left: list = []
    options = {"cpus": 1, "gpus": 0, "address": None}
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        results = list(run_ray(job, shards, left, actors=(2, 2), **options))
        rest = list(run_ray(deadly, others, left, actors=(1, 1), **options))
        check_pipeline(deadly, **options)
        with pytest.raises(ValueError, match=r"\[ML350\].*missing"):
            check_pipeline(missing, **options)
    finally:
        ray.shutdown()
    assert not left
    assert flag.exists(), "a worker died"
    assert sorted(result.number for result in results) == list(range(12))
    assert [row["id"] for row in rows_of(Path(job.output))] == [one["id"] for one in records(60)]
    # A record that ends every worker is set aside, and is not tried for ever.
    assert sorted((result.number, result.n_docs, result.n_bad) for result in rest) == [
        (0, 9, 1),
        (1, 10, 0),
        (2, 10, 0),
    ]
    assert [one["id"] for one in set_aside(Path(deadly.output))] == ["d7"]
