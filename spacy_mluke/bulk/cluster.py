"""Annotate on a cluster: actors of Ray Data start worker processes. All machines must see the input and output."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy

from ..errors import Errors
from . import crash_recovery
from .crash_recovery import CrashingShard
from .job import Job, Shard, ShardResult
from .worker_process import WorkerProcess

_MAX_RETRIES = 4  # of a shard whose actor or machine has died


class ShardActor:
    """Annotates rows from Ray, each of them a shard as JSON. The pipeline runs in a worker process, so that the actor
    survives a crash.

    job (Job): The run.
    """

    def __init__(self, job: Job):
        self.process = WorkerProcess(job)

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        """Annotate shards.

        batch (Dict[str, numpy.ndarray]): "shard". Shape: (n,).
        RETURNS (Dict[str, numpy.ndarray]): "result". Shape: (n,).
        """
        outcomes = [json.dumps(self._outcome(Shard(**json.loads(shard)))) for shard in batch["shard"]]
        return {"result": numpy.asarray(outcomes, dtype=object)}

    def _outcome(self, shard: Shard) -> Dict[str, Any]:
        try:
            found = crash_recovery.annotate(self.process, shard)
        except (ValueError, RuntimeError) as error:
            # If it were raised, Ray would retry the shard.
            return {"error": str(error)}
        if isinstance(found, CrashingShard):
            return {"crashing": found.reason, "number": shard.number}
        return {"done": asdict(found)}


def check_pipeline(job: Job, *, cpus: float, gpus: float, address: Optional[str]) -> None:
    """Check that a machine of the cluster can load the pipeline.

    job (Job): The run.
    cpus (float): Cores of an actor.
    gpus (float): GPUs of an actor.
    address (Optional[str]): Address of the cluster; None for the cluster of this machine, or for a new one on it.
    RAISES (ValueError): ML284 if Ray is not installed, ML350 if the pipeline cannot be loaded.
    """
    ray = _start(address)
    load = ray.remote(_load).options(num_cpus=cpus, num_gpus=gpus or None, max_retries=_MAX_RETRIES)
    reason = ray.get(load.remote(job))
    if reason is not None:
        raise ValueError(reason)


def _load(job: Job) -> Optional[str]:
    process = WorkerProcess(job)
    try:
        process.wait_until_ready()
    except ValueError as error:
        return str(error)
    finally:
        process.close()
    return None


def run_ray(
    job: Job,
    shards: List[Shard],
    crashing: List[CrashingShard],
    *,
    actors: Tuple[int, int],
    cpus: float,
    gpus: float,
    address: Optional[str],
) -> Iterator[ShardResult]:
    """Annotate shards on a cluster. If an actor dies, its shard is given to another one, which replaces its files.

    job (Job): The run.
    shards (List[Shard]): The shards.
    crashing (List[CrashingShard]): Receives the shards that are skipped because they crash the worker process.
    actors (Tuple[int, int]): Minimum and maximum number of actors; Ray scales between them.
    cpus (float): Cores of an actor.
    gpus (float): GPUs of an actor.
    address (Optional[str]): Address of the cluster; None for the cluster of this machine, or for a new one on it.
    YIELDS (ShardResult): Results, in the order in which they are finished.
    RAISES (ValueError): ML284 if Ray is not installed; other codes as in `Worker.annotate`.
    """
    if not shards:
        return
    ray = _start(address)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Continue with the other shards if all actors of a shard have died.
    context.max_errored_blocks = -1
    rows = [{"shard": json.dumps(asdict(shard))} for shard in shards]
    # Ray distributes and retries blocks, so each shard is a block.
    source = ray.data.from_items(rows, override_num_blocks=len(rows))
    done = source.map_batches(
        ShardActor,
        fn_constructor_kwargs={"job": job},
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=actors[0], max_size=actors[1]),
        num_cpus=cpus,
        num_gpus=gpus or None,
        max_task_retries=_MAX_RETRIES,
    )
    missing = {shard.number: shard for shard in shards}
    for row in done.iter_rows():
        outcome = json.loads(row["result"])
        if "error" in outcome:
            raise ValueError(outcome["error"])
        if "done" in outcome:
            result = ShardResult(**outcome["done"])
            del missing[result.number]
            yield result
        else:
            crashing.append(CrashingShard(missing.pop(outcome["number"]), outcome["crashing"]))
    crashing += [CrashingShard(shard, f"{_MAX_RETRIES + 1} workers died") for shard in missing.values()]


def _start(address: Optional[str]) -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ValueError(Errors.ML284) from error
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False)
    return ray
