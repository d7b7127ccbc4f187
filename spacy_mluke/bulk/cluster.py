"""A cluster: the same processes, started by Ray Data's actors. All machines see the storage of input and output."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy

from ..errors import Errors
from . import rescue
from .child import Child
from .job import Job, Shard, ShardResult
from .rescue import Left

# How often a shard whose actor or machine was lost is given to another one.
_TRIES = 4


class ShardActor:
    """Annotates what Ray hands it: rows with a shard as JSON. The pipeline is in a process of its own, so that a shard
    that ends it does not end the actor.

    job (Job): The run.
    """

    def __init__(self, job: Job):
        self.child = Child(job)

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        """Annotate shards.

        batch (Dict[str, numpy.ndarray]): "shard". Shape: (n,).
        RETURNS (Dict[str, numpy.ndarray]): "result". Shape: (n,).
        """
        outcomes = [json.dumps(self._outcome(Shard(**json.loads(shard)))) for shard in batch["shard"]]
        return {"result": numpy.asarray(outcomes, dtype=object)}

    def _outcome(self, shard: Shard) -> Dict[str, Any]:
        try:
            found = rescue.annotate(self.child, shard)
        except (ValueError, RuntimeError) as error:
            # Ray would give the shard to another actor, without end.
            return {"error": str(error)}
        return {"left": found.reason, "number": shard.number} if isinstance(found, Left) else {"done": asdict(found)}


def check_pipeline(job: Job, *, cpus: float, gpus: float, address: Optional[str]) -> None:
    """See that a machine of the cluster can load the pipeline.

    job (Job): The run.
    cpus (float): Cores of an actor.
    gpus (float): GPUs of an actor.
    address (Optional[str]): The cluster's address; None for the one that this machine is in, or else a new one on it.
    RAISES (ValueError): ML284 if Ray is not installed, ML350 if the pipeline cannot be loaded.
    """
    ray = _start(address)
    reason = ray.get(ray.remote(_load).options(num_cpus=cpus, num_gpus=gpus or None, max_retries=_TRIES).remote(job))
    if reason is not None:
        raise ValueError(reason)


def _load(job: Job) -> Optional[str]:
    child = Child(job)
    try:
        child.wait_until_ready()
    except ValueError as error:
        return str(error)
    finally:
        child.close()
    return None


def run_ray(
    job: Job,
    shards: List[Shard],
    left: List[Left],
    *,
    actors: Tuple[int, int],
    cpus: float,
    gpus: float,
    address: Optional[str],
) -> Iterator[ShardResult]:
    """Annotate shards on a cluster. A shard whose actor dies is given to another one; what it had written is replaced.

    job (Job): The run.
    shards (List[Shard]): The shards.
    left (List[Left]): Gets those that were left, since they end whatever reads them.
    actors (Tuple[int, int]): Least and greatest number of actors; between them Ray scales.
    cpus (float): Cores of an actor.
    gpus (float): GPUs of an actor.
    address (Optional[str]): The cluster's address; None for the one that this machine is in, or else a new one on it.
    YIELDS (ShardResult): Results, as they come.
    RAISES (ValueError): ML284 if Ray is not installed; as of `Worker.annotate`.
    """
    if not shards:
        return
    ray = _start(address)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Shards whose actors died each time are left, and the others are done.
    context.max_errored_blocks = -1
    rows = [{"shard": json.dumps(asdict(shard))} for shard in shards]
    # A block is what is given out, and given out again.
    source = ray.data.from_items(rows, override_num_blocks=len(rows))
    done = source.map_batches(
        ShardActor,
        fn_constructor_kwargs={"job": job},
        batch_size=1,
        concurrency=actors,
        num_cpus=cpus,
        num_gpus=gpus or None,
        max_task_retries=_TRIES,
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
            left.append(Left(missing.pop(outcome["number"]), outcome["left"]))
    left += [Left(shard, f"{_TRIES + 1} workers died") for shard in missing.values()]


def _start(address: Optional[str]) -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ValueError(Errors.ML284) from error
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False)
    return ray
