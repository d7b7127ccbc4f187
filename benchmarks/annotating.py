"""Measure `python -m spacy_mluke annotate` with more documents and more processes.

    python -m benchmarks.annotating --sizes 1000,10000 --processes 1,2
    python -m benchmarks.annotating --sizes 1000,10000,100000 --processes 1 --mentions
    python -m benchmarks.annotating --sizes 2000 --processes 1,2 --core-each

Prints a table: seconds, words, words a second, peak memory of the largest process, and bytes written for each document.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import List

import typer
from wasabi import msg

import spacy_mluke
from benchmarks.texts import read_texts
from spacy_mluke.bulk.job import METADATA_FOLDER
from spacy_mluke.bulk.output_folder import MANIFEST

SIZES = typer.Option("1000,10000", help="Numbers of documents")
PROCESSES = typer.Option("1,2", help="Numbers of processes")
MENTIONS = typer.Option(False, "--mentions", help="Only find mentions, without an encoder")
QUANTIZE = typer.Option("", help="int8: predict in eight bits")
CORE_EACH = typer.Option(False, "--core-each", help="Use as many cores as processes (Linux)")
DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")


def bench(
    sizes: str = SIZES,
    processes: str = PROCESSES,
    mentions: bool = MENTIONS,
    quantize: str = QUANTIZE,
    core_each: bool = CORE_EACH,
    data: Path = DATA,
) -> None:
    """Annotate paragraphs and sentences in seven languages with a pipeline that links places."""
    texts = [text for text, _ in read_texts(data, 700)]
    cores = os.sched_getaffinity(0) if core_each else set()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nlp = spacy_mluke.load("mluke-small")
        if mentions:
            nlp.remove_pipe("mluke_linker")
            nlp.remove_pipe("mluke")
        nlp.to_disk(folder / "pipeline")
        options = ["--quantize", quantize] if quantize else []
        for size in map(int, sizes.split(",")):
            corpus = folder / f"{size}.jsonl"
            with corpus.open("w", encoding="utf8") as file:
                for text in islice(cycle(texts), size):
                    file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
            for n in map(int, processes.split(",")):
                output = folder / f"{size}-{n}"
                command = [sys.executable, "-m", "spacy_mluke", "annotate", folder / "pipeline", corpus, output]
                started = time.perf_counter()
                if core_each:
                    os.sched_setaffinity(0, sorted(cores)[:n])
                peak = _run([*map(str, command), "--processes", str(n), *options])
                seconds = time.perf_counter() - started
                words = json.loads((output / METADATA_FOLDER / MANIFEST).read_text())["words"]
                written = sum(path.stat().st_size for path in output.glob("*.parquet")) / size
                figures = (f"{seconds:.1f}", f"{words:,}", f"{words / seconds:,.0f}", f"{peak:,.0f}", f"{written:,.0f}")
                rows.append((f"{size:,}", str(n), *figures))
    header = ("documents", "processes", "s", "words", "words/s", "peak MB of a process", "bytes written a document")
    msg.table(rows, header=header, aligns=tuple("rrrrrrr"), divider=True)


def _run(command: List[str]) -> float:
    """Run a command, and sample the memory of its processes (Linux).

    command (List[str]): The command.
    RETURNS (float): Peak megabytes of the largest process; 0 on other systems.
    """
    peak = 0.0
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while process.poll() is None:
            time.sleep(0.1)
            for folder in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError, IndexError):
                    # The fields after the name, which may contain anything: state, parent, group, session, ..., size.
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[3]) == process.pid:
                        peak = max(peak, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak


if __name__ == "__main__":
    typer.run(bench)
