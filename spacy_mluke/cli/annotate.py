"""`annotate`: annotate a corpus of any size, on one machine or on a cluster."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Optional, Tuple

import typer

from ..errors import Errors

if TYPE_CHECKING:
    from ..bulk.job import Job, ShardResult
    from ..bulk.run import Run

PIPELINE = typer.Argument(
    ..., help="Directory or package of a pipeline; xx_mluke_small: the ready-made one with links, as spacy_mluke.load()"
)
INPUT = typer.Argument(..., help="JSON lines, text, Parquet or .spacy: a file, or a folder of files", exists=True)
OUTPUT = typer.Argument(..., help="Folder to write to; an interrupted run in it is continued", file_okay=False)
FORMAT = typer.Option("parquet", "--format", "-f", help="parquet or docbin")
PROCESSES = typer.Option(
    1, "--processes", "-j", min=0, help="Number of processes on this machine; 0: one for each core"
)
SHARD_SIZE = typer.Option(500, "--shard-size", min=1, help="Number of documents in an output file")
BATCH_SIZE = typer.Option(64, "--batch-size", min=1, help="Number of documents in a batch of the pipeline")
VECTORS = typer.Option(True, "--vectors/--no-vectors", help="Whether Parquet files contain entity vectors")
TEXT_KEY = typer.Option("text", "--text-key", help="Key or column of the texts")
ID_KEY = typer.Option("id", "--id-key", help="Key or column of document ids. Default id: FILE:NUMBER")
GPU = typer.Option(-1, "--gpu-id", "-g", help="GPU id; -1: CPU")
QUANTIZE = typer.Option(None, "--quantize", "-q", help="int8: predict in eight bits")
ENGINE = typer.Option("local", "--engine", help="local, or ray for a cluster")
ADDRESS = typer.Option(None, "--address", help="Ray: address of the cluster")
ACTORS = typer.Option("1:4", "--actors", help="Ray: minimum and maximum number of actors")
CPUS = typer.Option(1.0, "--actor-cpus", min=0, help="Ray: number of cores for each actor")
GPUS = typer.Option(0.0, "--actor-gpus", min=0, help="Ray: number of GPUs for each actor")


def annotate(
    pipeline: str = PIPELINE,
    input: Path = INPUT,
    output: Path = OUTPUT,
    format: str = FORMAT,
    processes: int = PROCESSES,
    shard_size: int = SHARD_SIZE,
    batch_size: int = BATCH_SIZE,
    vectors: bool = VECTORS,
    text_key: str = TEXT_KEY,
    id_key: str = ID_KEY,
    gpu_id: int = GPU,
    quantize: Optional[str] = QUANTIZE,
    engine: str = ENGINE,
    address: Optional[str] = ADDRESS,
    actors: str = ACTORS,
    actor_cpus: float = CPUS,
    actor_gpus: float = GPUS,
) -> None:
    """Annotate a corpus of any size, and write the results as Parquet or DocBins.

    Results are entities, links, relations and vectors. The same command continues an interrupted run; finished shards
    are not annotated again. Records that cannot be read or annotated are written to separate files with their errors.
    """
    import warnings

    from wasabi import msg

    from ..errors import check_choice
    from ._common import n_cores, shown

    check_choice("engine", engine, ["local", "ray"])
    from ..bulk.job import Job
    from ..bulk.output_folder import find_pipeline
    from ..bulk.parquet_files import parquet

    cores = n_cores()
    n = processes or cores
    job = Job(
        pipeline=str(Path(pipeline).resolve()) if Path(pipeline).is_dir() else pipeline,
        input=str(input.resolve()),
        output=str(output.resolve()),
        format=format,
        with_vectors=vectors,
        text_key=text_key,
        id_key=id_key,
        shard_size=shard_size,
        batch_size=batch_size,
        threads=int(actor_cpus) if engine == "ray" else cores // n if n > 1 else 0,
        gpu_id=gpu_id if engine == "local" else 0 if actor_gpus else -1,
        quantize=quantize,
    )
    if format == "parquet":
        parquet()
    find_pipeline(job)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if engine == "ray":
                found = _on_cluster(job, actors=_bounds(actors), cpus=actor_cpus, gpus=actor_gpus, address=address)
            else:
                found = _here(job, n)
        except KeyboardInterrupt:
            msg.fail("Interrupted. Run the same command to continue.")
            raise typer.Exit(130) from None
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            msg.warn(shown(str(warning.message)))
    _report(*found, output)


def _report(run: Run, seconds: float, output: Path) -> None:
    """Print what was annotated, what was skipped, and what could not be read.

    run (Run): The run, whose shards are done.
    seconds (float): How long it took.
    output (Path): The folder, as the user named it.
    """
    from wasabi import msg

    from ._common import counted, shown

    totals = run.finish()
    counts = Counter(message for result in (*run.earlier, *run.results) for message in result.warnings)
    for message, times in counts.most_common(10):
        msg.warn(shown(f"{message} ({times:,} shards)" if times > 1 else message))
    if totals["set_aside"]:
        msg.warn(f"{counted(totals['set_aside'], 'record')} with errors: {run.job.metadata_folder}/part-*.bad.jsonl")
    for path, reason in run.files.unread.items():
        msg.warn(shown(f"Cannot be read: {path}: {reason}"))
    for crashed in run.crashing:
        shard = crashed.shard
        records = f"{shard.path} {shard.first}-{shard.first + shard.n_records - 1}"
        msg.warn(f"Skipped, because it crashes the worker process: {records}: {crashed.reason}")
    run.check_any(totals)
    if run.crashing:
        msg.fail(f"{len(run.crashing)} shards crash the worker process, and were skipped; all others are done", exits=1)
    if run.files.unread:
        msg.fail(f"{len(run.files.unread):,} files could not be read; all others are done", exits=1)
    speed = f", {sum(result.n_words for result in run.results) / seconds:,.0f} words/s" if run.results else ""
    msg.good(f"{counted(totals['documents'], 'document')} in {counted(totals['shards'], 'shard')}{speed}: {output}")


def _here(job: Job, n: int) -> Tuple[Run, float]:
    from ..bulk.local import Processes
    from ..bulk.run import Run

    with Processes(job, n) as local:
        run = Run.begin(job, local.wait_until_ready)
        return run, _follow(run, local.annotate(run.todo, run.crashing))


def _on_cluster(
    job: Job, *, actors: Tuple[int, int], cpus: float, gpus: float, address: Optional[str]
) -> Tuple[Run, float]:
    from ..bulk.cluster import check_pipeline, run_ray
    from ..bulk.run import Run

    def wait_until_ready() -> None:
        check_pipeline(job, cpus=cpus, gpus=gpus, address=address)

    run = Run.begin(job, wait_until_ready)
    results = run_ray(job, run.todo, run.crashing, actors=actors, cpus=cpus, gpus=gpus, address=address)
    return run, _follow(run, results)


def _follow(run: Run, results: Iterable[ShardResult]) -> float:
    """Wait for a run's results, and show the progress. Returns the seconds that it took, after loading pipelines."""
    from tqdm import tqdm
    from wasabi import msg

    if run.earlier:
        msg.info(f"Continuing: {len(run.earlier):,} of {len(run.shards):,} shards are done")
    total = sum(shard.n_records for shard in run.shards)
    n_done = sum(result.n_docs + result.n_bad for result in run.earlier)
    started = time.perf_counter()
    with tqdm(total=total, initial=n_done, unit=" docs", disable=None) as bar:
        for result in run.follow(results):
            bar.update(result.n_docs + result.n_bad)
    return time.perf_counter() - started


def _bounds(actors: str) -> Tuple[int, int]:
    low, _, high = actors.partition(":")
    try:
        bounds = int(low), int(high or low)
    except ValueError:
        bounds = 0, 0
    if not 1 <= bounds[0] <= bounds[1]:
        raise ValueError(Errors.ML359.format(value=actors))
    return bounds
