"""Compare the speed of two checkouts of this repository, such as before and after a change.

    git worktree add ../before COMMIT
    python -m benchmarks.compare ../before
    python -m benchmarks.compare ../before --new ../after --tasks encoder,training --rounds 20

For each task, a process of each checkout loads a pipeline. The two processes then run the same work in turn, and each
round gives a ratio; fresh processes repeat this. Prints a table: median seconds of both checkouts, the median of the
ratios with their quartiles (speed of the new checkout relative to the old one: above 1, it is faster), and how many
results are the same. The exit code is 1 if a ratio is below `--at-least`.

Only the public interface of the package is used (spaCy's API, registered names, `python -m spacy_mluke`), so the
checkouts may differ inside: see public_api/measure.py. A checkout needs its metadata, which holds the registered names,
in its folder: `python setup.py egg_info` or an editable install writes it. Both run in this Python environment.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

import typer
from tqdm import tqdm
from wasabi import msg

from .texts import read_texts
from .worker import Worker

TASKS = ("encoder", "int8", "ner", "relations", "training", "ner-training")
REPO = Path(__file__).parents[1]
SCRIPT = Path(__file__).parent / "public_api" / "measure.py"
NER_LANGUAGES = ("en", "de", "es", "fr", "nl")

OLD = typer.Argument(..., help="Folder of the old checkout", exists=True, file_okay=False)
NEW = typer.Option(REPO, help="Folder of the new checkout", exists=True, file_okay=False)
SELECTED = typer.Option("encoder,ner,relations,training", "--tasks", help=f"Some of {', '.join(TASKS)}")
DATA = typer.Option(Path("../shared/data"), help="Folder with xquad, wikineural and kbp37")
ROUNDS = typer.Option(10, help="Number of rounds with the same two processes")
PROCESSES = typer.Option(2, help="Number of times that both processes are started")
AT_LEAST = typer.Option(0.0, help="Lowest accepted ratio")


def main(
    old: Path = OLD,
    new: Path = NEW,
    tasks: str = SELECTED,
    data: Path = DATA,
    rounds: int = ROUNDS,
    processes: int = PROCESSES,
    at_least: float = AT_LEAST,
) -> None:
    """Print the speed of a checkout relative to another one."""
    checkouts = {"old": old.resolve(), "new": new.resolve()}
    table, ratios = [], []
    with tempfile.TemporaryDirectory() as name:
        inputs = write_inputs(Path(name), data, checkouts["old"])
        for task in tasks.split(","):
            seconds, results = compare(task, checkouts, inputs, rounds, processes)
            found = [before / after for before, after in zip(seconds["old"], seconds["new"], strict=True)]
            low, ratio, high = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
            medians = [f"{statistics.median(seconds[checkout]):.3f}" for checkout in checkouts]
            n_same = sum(map(is_same, results["old"], results["new"]))
            figures = [
                f"{ratio:.3f}",
                f"{low:.3f}-{high:.3f}",
                len(found),
                f"{100 * n_same / len(results['old']):.1f} %",
            ]
            table.append((task, *medians, *map(str, figures)))
            ratios.append(ratio)
    header = ("task", "old s", "new s", "speed new/old", "quartiles", "rounds", "same results")
    msg.table(table, header=header, aligns=tuple("lrrrrrr"), divider=True)
    if min(ratios) < at_least:
        msg.fail(f"Slower than {at_least} of the old checkout", exits=1)


def write_inputs(folder: Path, data: Path, checkout: Path) -> Path:
    """Write the inputs of every task, which both checkouts read.

    folder (Path): Folder to write to.
    data (Path): Folder of the corpora.
    checkout (Path): The checkout whose `convert-kbp37` writes the relations.
    RETURNS (Path): The folder.
    """
    texts = read_texts(data / "xquad", 24)
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf8")
    files = []
    for lang in NER_LANGUAGES:
        blocks = (data / "wikineural" / f"{lang}.test.conllu").read_text(encoding="utf8").split("\n\n")[:8]
        files.append([[line.split("\t")[1:3] for line in block.splitlines()] for block in blocks if block.strip()])
    sentences = [sentence for group in zip(*files, strict=False) for sentence in group]
    (folder / "sentences.json").write_text(json.dumps(sentences), encoding="utf8")
    command = ["-m", "spacy_mluke", "convert-kbp37", str((data / "kbp37" / "train.txt").resolve())]
    subprocess.run(
        [sys.executable, *command, str(folder / "relations.spacy"), "--limit", "200"],
        cwd=checkout,
        env=environment(checkout),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return folder


def compare(
    task: str, checkouts: Dict[str, Path], inputs: Path, rounds: int, processes: int
) -> Tuple[Dict[str, List[float]], Dict[str, List[Any]]]:
    """Run a task in both checkouts, in turn.

    task (str): One of TASKS.
    checkouts (Dict[str, Path]): Folders of the checkouts.
    inputs (Path): Folder from `write_inputs`.
    rounds (int): Number of rounds with the same two processes.
    processes (int): Number of times that both processes are started.
    RETURNS (Tuple[Dict[str, List[float]], Dict[str, List[Any]]]): Seconds of each round, and the results of all rounds.
    """
    seconds: Dict[str, List[float]] = {name: [] for name in checkouts}
    results: Dict[str, List[Any]] = {name: [] for name in checkouts}
    with tqdm(total=rounds * processes, desc=task, disable=None) as bar:
        for _ in range(processes):
            workers = {name: start(task, path, inputs) for name, path in checkouts.items()}
            for number in range(rounds):
                # The checkout that runs first changes from round to round.
                for name in sorted(workers, reverse=bool(number % 2)):
                    found = workers[name].run()
                    seconds[name].append(found["seconds"])
                    results[name].extend(found["result"])
                bar.update()
            for worker in workers.values():
                worker.close()
    return seconds, results


def is_same(first: Any, second: Any) -> bool:
    """Return whether two results are equal, or numbers that differ by less than a thousandth."""
    return first == second if isinstance(first, str) else math.isclose(first, second, rel_tol=1e-3)


def start(task: str, checkout: Path, inputs: Path) -> Worker:
    """Start a process of a checkout, which runs a task.

    task (str): One of TASKS.
    checkout (Path): The checkout.
    inputs (Path): Folder from `write_inputs`.
    RETURNS (Worker): The process. A run gives "seconds" and "result", a list of numbers or strings.
    """
    worker = Worker([SCRIPT, task, inputs], cwd=checkout, env=environment(checkout))
    package = Path(worker.prepared["package"])
    if checkout not in package.parents:
        msg.fail(f"{package} was imported, not the package of {checkout}", exits=1)
    return worker


def environment(checkout: Path) -> Dict[str, str]:
    """Return the environment of a process that imports a checkout's package.

    checkout (Path): The checkout.
    RETURNS (Dict[str, str]): Environment variables.
    """
    return {**os.environ, "PYTHONPATH": str(checkout)}


if __name__ == "__main__":
    typer.run(main)
