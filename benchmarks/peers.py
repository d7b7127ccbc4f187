"""Measure pipelines of spacy_mluke beside GLiNER, SpanMarker and spaCy's transformer NER, on the same texts.

    python -m benchmarks.peers
    python -m benchmarks.peers out/my_pipeline --n-texts 28 --rounds 3

The other packages' models have random weights of the published sizes, so this measures speed and memory only. Each
system has a process of its own, and they run in turn, in a changing order. Texts are XQuAD's paragraphs and sentences
in seven languages; a word is a token of spaCy's tokenizer for any language. Prints a table: words a second, seconds
relative to the whole pipeline's, and peak memory after loading and at the end. Writes the figures as JSON.

A package that is not installed is skipped: `pip install -c constraints.txt gliner span_marker "transformers<4.53.3"
"datasets<4.5" "huggingface_hub<1"`. The bounds keep transformers at a version that spacy-transformers accepts.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
from importlib.metadata import version
from pathlib import Path
from typing import Dict, List

import typer
from tqdm import tqdm
from wasabi import msg

from .__main__ import machine
from .options import CACHE, ROUNDS
from .peer_models import SYSTEMS, n_words
from .texts import read_texts
from .timing import median_ratio
from .worker import Figures, Worker

# The package of each system, and what its row is called.
PACKAGES = {"gliner": "gliner", "span_marker": "span_marker", "spacy": "spacy_transformers"}
NAMES = {
    "gliner": "GLiNER, multi-v2.1's sizes",
    "span_marker": "SpanMarker, XLM-R base",
    "spacy": "spaCy transformer NER, XLM-R base",
    "words": "spacy_mluke: words alone",
    "names": "spacy_mluke: names",
    "separate": "spacy_mluke: whole, separate passes",
    "all": "spacy_mluke: whole pipeline",
}

PIPELINE = typer.Argument("", help="Path or name of a pipeline of spacy_mluke; spacy_mluke.load() without")
DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
OUTPUT = typer.Option(Path("out/peers.json"), help="JSON file for the figures")
N_TEXTS = typer.Option(84, help="Number of texts: half paragraphs, half sentences, seven languages")
SELECTED = typer.Option(",".join(SYSTEMS), "--systems", help="Systems to measure")


def bench(
    pipeline: str = PIPELINE,
    data: Path = DATA,
    cache: Path = CACHE,
    output: Path = OUTPUT,
    n_texts: int = N_TEXTS,
    rounds: int = ROUNDS,
    systems: str = SELECTED,
) -> None:
    """Measure a pipeline of spacy_mluke, its parts, and other packages."""
    if not data.is_dir():
        msg.fail(f"No data in {data}: set the folder of XQuAD's files with --data.", exits=1)
    cache.mkdir(parents=True, exist_ok=True)
    names = [name for name in systems.split(",") if is_installed(name)]
    arguments = ["--data", data, "--cache", cache, "--n-texts", n_texts, "--pipeline", pipeline]
    workers = {name: Worker(["-m", "benchmarks.peer_models", name, *arguments]) for name in names}
    found: Dict[str, List[Figures]] = {name: [] for name in names}
    with tqdm(total=rounds * len(names), disable=None) as bar:
        for number in range(rounds):
            # The system that runs first changes from round to round.
            for name in names[number % len(names) :] + names[: number % len(names)]:
                found[name].append(workers[name].run())
                bar.update()
    for worker in workers.values():
        worker.close()
    words = n_words([text for text, _ in read_texts(data, n_texts)])
    figures = {name: summarise(found[name], workers[name].prepared, words) for name in names}
    report = {
        "machine": machine(),
        "pipeline": pipeline or "spacy_mluke.load()",
        "versions": {package: version(package) for package in ("spacy-mluke", *filter(None, map(PACKAGES.get, names)))},
        "texts": n_texts,
        "words": words,
        "systems": figures,
    }
    print_table(figures, words, n_texts)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1), encoding="utf8")
    msg.good(f"Figures: {output}")


def is_installed(system: str) -> bool:
    """Return whether the package of a system is installed; warn if it is not.

    system (str): A key of SYSTEMS.
    RETURNS (bool): True if it is.
    """
    if system not in SYSTEMS:
        msg.fail(f"Unknown system '{system}'. Systems are {', '.join(SYSTEMS)}.", exits=1)
    package = PACKAGES.get(system, "spacy_mluke")
    found = importlib.util.find_spec(package) is not None
    if not found:
        msg.warn(f"{NAMES[system]} is skipped: the package {package} is not installed.")
    return found


def summarise(rounds: List[Figures], prepared: Figures, words: int) -> Figures:
    """Compute the figures of a system.

    rounds (List[Figures]): What each round gave.
    prepared (Figures): What its process gave when it was ready.
    words (int): Number of words of all texts.
    RETURNS (Figures): Figures by name.
    """
    seconds = [figures["seconds"] for figures in rounds]
    return {
        **prepared,
        "seconds": seconds,
        "words_per_second": words / statistics.median(seconds),
        "peak_mb": rounds[-1]["peak_mb"],
        "entities": rounds[-1]["entities"],
    }


def print_table(figures: Dict[str, Figures], words: int, n_texts: int) -> None:
    """Print the table.

    figures (Dict[str, Figures]): The figures of each system, from `summarise`.
    words (int): Number of words of all texts.
    n_texts (int): Number of texts.
    """
    rows = []
    for name, found in figures.items():
        relative = ""
        if "all" in figures:
            relative = f"{median_ratio(found['seconds'], figures['all']['seconds']):.2f}"
        size = f"{found['parameters'] / 1e6:,.0f} M" if found["parameters"] else ""
        memory = (f"{found['loaded_mb']:,.0f}", f"{found['peak_mb']:,.0f}")
        rows.append((NAMES[name], size, f"{found['words_per_second']:,.0f}", relative, *memory))
    msg.divider(f"{n_texts} texts, {words:,} words")
    header = ("", "parameters", "words/s", "seconds, relative", "MB loaded", "MB at the end")
    msg.table(rows, header=header, aligns=tuple("lrrrrr"), divider=True)
    print("Other packages have random weights of the published sizes: speed and memory only.")


if __name__ == "__main__":
    typer.run(bench)
