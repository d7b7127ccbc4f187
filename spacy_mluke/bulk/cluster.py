"""A cluster: the same workers as actors of Ray Data. Input and output are on storage that all machines see."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy

from ..errors import Errors
from .job import Job, Shard, ShardResult
from .worker import Worker


class ShardActor:
    """Annotates what Ray hands it: rows with a shard as JSON.

    job (Job): The run.
    """

    def __init__(self, job: Job):
        self.worker = Worker(job)

    def __call__(self, batch: Dict[str, Any]) -> Dict[str, Any]:
        """Annotate shards.

        batch (Dict[str, numpy.ndarray]): "shard". Shape: (n,).
        RETURNS (Dict[str, numpy.ndarray]): "result". Shape: (n,).
        """
        results = [self.worker.annotate(Shard(**json.loads(shard))) for shard in batch["shard"]]
        return {"result": numpy.asarray([json.dumps(asdict(result)) for result in results], dtype=object)}


def run_ray(
    job: Job,
    shards: List[Shard],
    *,
    actors: Tuple[int, int],
    cpus: float,
    gpus: float,
    address: Optional[str],
) -> Iterator[ShardResult]:
    """Annotate shards on a cluster. A shard whose actor dies is given to another one; what it had written is replaced.

    job (Job): The run.
    shards (List[Shard]): The shards.
    actors (Tuple[int, int]): Least and greatest number of actors; between them Ray scales.
    cpus (float): Cores of an actor.
    gpus (float): GPUs of an actor.
    address (Optional[str]): The cluster's address; None for the one that this machine is in, or else a new one on it.
    YIELDS (ShardResult): Results, as they come.
    RAISES (ValueError): ML284 if Ray is not installed.
    """
    if not shards:
        return
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ValueError(Errors.ML284) from error
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
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
    )
    for row in done.iter_rows():
        yield ShardResult(**json.loads(row["result"]))
