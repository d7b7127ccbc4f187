"""`annotate`: a corpus through a pipeline, of any size, on one machine or on a cluster."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Iterator, List, Optional

import typer

PIPELINE = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
INPUT = typer.Argument(..., help="JSON lines, text, Parquet or .spacy: a file, or a folder of files", exists=True)
OUTPUT = typer.Argument(..., help="Folder to write to; a run that it holds goes on", file_okay=False)
FORMAT = typer.Option("parquet", "--format", "-f", help="parquet or docbin")
PROCESSES = typer.Option(1, "--processes", "-n", min=0, help="Processes of this machine; 0 for one for each core")
SHARD_SIZE = typer.Option(500, "--shard-size", min=1, help="Documents that are written together")
BATCH_SIZE = typer.Option(64, "--batch-size", min=1, help="Documents that the pipeline reads together")
VECTORS = typer.Option(True, "--vectors/--no-vectors", help="Whether Parquet has the vectors of entities")
TEXT_KEY = typer.Option("text", "--text-key", help="Key or column of the texts")
ID_KEY = typer.Option("id", "--id-key", help="Key or column of the documents' ids; without, they are FILE:NUMBER")
GPU = typer.Option(-1, "--gpu-id", "-g", help="GPU to work on; -1 for the CPU")
ENGINE = typer.Option("local", "--engine", "-e", help="local, or ray for a cluster")
ADDRESS = typer.Option(None, "--address", help="Ray: the cluster's address")
ACTORS = typer.Option("1:4", "--actors", help="Ray: least and greatest number of actors")
CPUS = typer.Option(1.0, "--actor-cpus", min=0, help="Ray: cores of an actor")
GPUS = typer.Option(0.0, "--actor-gpus", min=0, help="Ray: GPUs of an actor")


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
    engine: str = ENGINE,
    address: Optional[str] = ADDRESS,
    actors: str = ACTORS,
    actor_cpus: float = CPUS,
    actor_gpus: float = GPUS,
) -> None:
    """Annotate a corpus: entities, links, relations, answers and vectors, as Parquet or DocBins.

    Finished shards are never done again: a run that was interrupted, at any moment, goes on with the same command.
    Records that cannot be read or annotated are set aside with their error, beside the others.
    """
    import os

    from tqdm import tqdm
    from wasabi import msg

    from ..errors import check_choice
    from ._common import coded_errors

    with coded_errors():
        check_choice("engine", engine, ["local", "ray"])
        from ..bulk.job import Job, ShardResult, begin, find_files, settings, write_manifest
        from ..bulk.sources import parquet, plan

        n_cores = os.cpu_count() or 1
        n = processes or n_cores
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
            threads=max(n_cores // n, 1) if engine == "local" and n > 1 else int(actor_cpus) if engine == "ray" else 0,
            gpu_id=gpu_id if engine == "local" else 0 if actor_gpus else -1,
        )
        if format == "parquet":
            parquet()
        shards = plan(job, find_files(Path(job.input)))
        begin(job, shards)
        results: List[ShardResult] = [there for there in map(job.result, range(len(shards))) if there is not None]
        finished = {result.number for result in results}
        todo = [shard for shard in shards if shard.number not in finished]
        crashed: List[Any] = []
        if finished:
            msg.info(f"Goes on: {len(finished):,} of {len(shards):,} shards are done")

        def run() -> Iterator[ShardResult]:
            if engine == "ray":
                from ..bulk.cluster import run_ray

                low, _, high = actors.partition(":")
                bounds = int(low), int(high or low)
                return run_ray(job, todo, actors=bounds, cpus=actor_cpus, gpus=actor_gpus, address=address)
            from ..bulk.local import run_here, run_processes

            return run_here(job, todo) if n == 1 else run_processes(job, todo, n, crashed)

        total = sum(shard.n_records for shard in shards)
        n_done = sum(result.n_docs + result.n_bad for result in results)
        new: List[ShardResult] = []
        with tqdm(total=total, initial=n_done, unit=" docs", disable=None) as bar:
            for result in run():
                new.append(result)
                bar.update(result.n_docs + result.n_bad)
            seconds = bar.format_dict["elapsed"]
    results += new
    said: Counter = Counter(message for result in results for message in result.warnings)
    for message, times in said.most_common(10):
        msg.warn(f"{message} ({times:,} shards)" if times > 1 else message)
    totals = {
        "documents": sum(result.n_docs for result in results),
        "set_aside": sum(result.n_bad for result in results),
        "words": sum(result.n_words for result in results),
        "shards": len(shards),
    }
    if crashed:
        places = ", ".join(f"{shard.path} {shard.first}-{shard.first + shard.n_records - 1}" for shard in crashed)
        msg.fail(f"{len(crashed)} shards end the process that reads them, and were left: {places}", exits=1)
    write_manifest(job, settings(job, shards), **totals)
    if totals["set_aside"]:
        msg.warn(f"{totals['set_aside']:,} records were set aside, with their errors: {output}/part-*.bad.jsonl")
    speed = f", {sum(result.n_words for result in new) / seconds:,.0f} words/s" if new and seconds else ""
    msg.good(f"{totals['documents']:,} documents in {len(shards):,} shards{speed}: {output}")
