"""Measure loading a checkpoint of mluke-base's size, up to the first entity vector, and the reference's loading.

    python -m benchmarks.loading

Makes the checkpoint once (3 GB), converts it, and runs each system in fresh processes, in turn. Prints a table: seconds
of imports, seconds from the directory to the first vector, peak memory, peak memory without memory-mapped files, speed
and memory relative to the reference. Writes the figures as JSON.
"""

from __future__ import annotations

import functools
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict

import typer
from wasabi import msg

from .full_size import full_directory
from .options import ROUNDS
from .timing import run_module, take_turns_in_processes

CACHE = typer.Option(Path(tempfile.gettempdir()) / "spacy_mluke_bench", help="Folder for checkpoints (6 GB)")
OUTPUT = typer.Option(Path("out/loading.json"), help="JSON file for the figures")
WORKER = typer.Option("", hidden=True)

TEXT = "Japanese is an East Asian language spoken by about 128 million people, primarily in Japan."
SPANS = [(0, 8), (15, 34), (84, 89)]


def loading(cache: Path = CACHE, output: Path = OUTPUT, rounds: int = ROUNDS, worker: str = WORKER) -> None:
    """Measure time and memory from a checkpoint directory to the first vector."""
    if worker:
        print(json.dumps(WORKERS[worker](cache)))
        return
    if not (cache / "mluke-full" / "done").exists():
        msg.text("Making a checkpoint of mluke-base's size ...")
        run("make", cache)
    msg.text("Converting it, unless that has been done ...")
    report: Dict[str, Any] = {"convert": run("convert", cache)}
    systems = {name: functools.partial(run, name, cache) for name in ("reference", "ours", "ours, converted")}
    results = take_turns_in_processes(systems, rounds)
    for system, runs in results.items():
        report[system] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    reference = report["reference"]
    for system in ("ours", "ours, converted"):
        report[system]["times_faster"] = reference["seconds"] / report[system]["seconds"]
        report[system]["relative_memory"] = report[system]["peak_mb"] / reference["peak_mb"]
    print_report(report)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1), encoding="utf8")
    msg.good(f"Figures: {output}")


def run(worker: str, cache: Path) -> Dict[str, float]:
    """Run a worker in a fresh process.

    worker (str): A key of WORKERS.
    cache (Path): Folder for checkpoints.
    RETURNS (Dict[str, float]): The worker's figures.
    """
    return run_module("benchmarks.loading", "--cache", cache, "--worker", worker)


def print_report(report: Dict[str, Any]) -> None:
    """Print a row for each system.

    report (Dict[str, Any]): Figures.
    """
    rows = [
        [
            system,
            f"{figures['import_seconds']:.2f}",
            f"{figures['seconds']:.2f}",
            f"{figures['peak_mb']:,.0f}",
            f"{figures['own_mb']:,.0f}",
            f"{figures.get('times_faster', 1):.1f}",
            f"{figures.get('relative_memory', 1):.2f}",
        ]
        for system, figures in report.items()
        if system != "convert"
    ]
    header = [
        "",
        "import s",
        "to first vector s",
        "peak MB",
        "without files MB",
        "times faster",
        "relative memory",
    ]
    msg.table(rows, header=header, divider=True, aligns=["l"] + ["r"] * 6)
    figures = report["convert"]
    megabytes = f"peak {figures['peak_mb']:,.0f} MB, without files {figures['own_mb']:,.0f} MB"
    print(f"  convert: {figures['seconds']:.0f} s, {megabytes}")


def make(cache: Path) -> Dict[str, float]:
    """Make the checkpoint."""
    started = time.perf_counter()
    full_directory(cache)
    return _figures(started, started)


def convert(cache: Path) -> Dict[str, float]:
    """Convert it to this package's format."""
    from spacy_mluke.cli.convert import convert

    target = cache / "mluke-full-converted"
    done = target / "done"
    if not done.exists():
        started = time.perf_counter()
        convert(str(full_directory(cache)), target, huggingface=False, force=True)
        done.write_text(json.dumps(_figures(started, started)))
    return json.loads(done.read_text())


def reference(cache: Path) -> Dict[str, float]:
    """Measure MLukeTokenizer and LukeModel."""
    began = time.perf_counter()
    import torch
    from transformers import LukeModel, MLukeTokenizer

    started = time.perf_counter()
    path = full_directory(cache)
    tokenizer = MLukeTokenizer.from_pretrained(path)
    model = LukeModel.from_pretrained(path).eval()
    inputs = tokenizer(TEXT, entity_spans=SPANS, return_tensors="pt")
    with torch.no_grad():
        vectors = model(**inputs).entity_last_hidden_state[0]
    assert vectors.shape == (len(SPANS), 768)
    return _figures(began, started)


def ours(cache: Path) -> Dict[str, float]:
    """Measure the component with the published directory."""
    return _ours(full_directory, cache)


def ours_converted(cache: Path) -> Dict[str, float]:
    """Measure the component with the directory that `convert` wrote."""
    return _ours(lambda path: path / "mluke-full-converted", cache)


def _ours(directory: Callable[[Path], Path], cache: Path) -> Dict[str, float]:
    began = time.perf_counter()
    import spacy

    import spacy_mluke.pipeline.mluke.component  # noqa: F401

    # Making any Language imports every plugin of spaCy, such as spacy-transformers. Imports are measured separately.
    nlp = spacy.blank("xx")
    started = time.perf_counter()
    nlp.add_pipe("mluke", config={"model": {"name": str(directory(cache))}})
    doc = nlp.make_doc(TEXT)
    doc.ents = [span for span in (doc.char_span(*bounds, label="X") for bounds in SPANS) if span]
    doc = nlp(doc)
    assert doc._.mluke.vectors.shape == (len(SPANS), 768)
    return _figures(began, started)


def _figures(began: float, started: float) -> Dict[str, float]:
    figures = {
        "import_seconds": started - began,
        "seconds": time.perf_counter() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "own_mb": 0.0,
    }
    status = Path("/proc/self/status")
    if status.exists():
        # Without memory-mapped files, whose pages count in the peak but can be reclaimed by the system.
        line = next(line for line in status.read_text().splitlines() if line.startswith("RssAnon"))
        figures["own_mb"] = int(line.split()[1]) / 1024
    return figures


WORKERS: Dict[str, Callable[[Path], Dict[str, float]]] = {
    "make": make,
    "convert": convert,
    "reference": reference,
    "ours": ours,
    "ours, converted": ours_converted,
}

if __name__ == "__main__":
    typer.run(loading)
