"""Measure the encoder against the reference and against the bare matrix products: `make bench`.

    python -m benchmarks --sizes small --n-texts 84 --rounds 3

Texts are XQuAD's paragraphs and sentences with capitalised words as spans. Every system runs in fresh processes, in
turn. Prints a table for each size: seconds for all texts, wordpieces a second, peak memory, and seconds relative to the
component's; then the encoder's rows (wordpieces and entities) a second relative to those of the bare matrix products,
and the fraction of the component's time outside the network. Writes the figures as JSON.
"""

from __future__ import annotations

import functools
import json
import platform
import statistics
from pathlib import Path
from typing import Any, Dict, List

import typer
from wasabi import msg

from .options import CACHE, ROUNDS
from .timing import median_ratio, run_module, take_turns_in_processes

DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
OUTPUT = typer.Option(Path("out/bench.json"), help="JSON file for the figures")
N_TEXTS = typer.Option(120, help="Number of texts: half paragraphs, half sentences, seven languages")
SIZES = typer.Option(["base", "small"], help="Sizes to measure")
# With sorted texts, the reference runs with the fastest of these batch sizes.
BATCH_SIZES = (4, 8, 16)
SYSTEMS = ("ours", "int8", "bfloat16", "arrival", "sorted", "xlmr", "floor", "align", "tokenizer")


def bench(
    data: Path = DATA,
    cache: Path = CACHE,
    output: Path = OUTPUT,
    n_texts: int = N_TEXTS,
    rounds: int = ROUNDS,
    sizes: List[str] = SIZES,
) -> None:
    """Measure the component, the reference and the bare matrix products."""
    if not data.is_dir():
        msg.fail(f"No data in {data}: set the folder of XQuAD's files with --data.", exits=1)
    cache.mkdir(parents=True, exist_ok=True)
    report: Dict[str, Any] = {"machine": machine(), "n_texts": n_texts, "rounds": rounds}
    for size in sizes:
        run = functools.partial(measure, size=size, data=data, cache=cache)
        tried = {n: run("sorted", n_texts=n_texts // 3, batch_size=n)["seconds"] for n in BATCH_SIZES}
        best = min(tried, key=tried.__getitem__)
        calls = {system: functools.partial(run, system, n_texts=n_texts) for system in SYSTEMS}
        calls["sorted"] = functools.partial(calls["sorted"], batch_size=best)
        results = take_turns_in_processes(calls, rounds, description=size)
        report[size] = summarise(results, best)
        print_summary(size, report[size])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1), encoding="utf8")
    msg.good(f"Figures: {output}")


def measure(system: str, *, size: str, data: Path, cache: Path, n_texts: int, batch_size: int = 32) -> Dict[str, Any]:
    """Measure one system in a fresh process.

    system (str): One of SYSTEMS.
    size (str): "base" or "small".
    data (Path): Folder with xquad.LANG.json.
    cache (Path): Folder for checkpoints.
    n_texts (int): Number of texts.
    batch_size (int): Batch size of the reference.
    RETURNS (Dict[str, Any]): The figures that `benchmarks.systems` prints.
    """
    return run_module("benchmarks.systems", system, size, data, cache, n_texts, "--batch-size", batch_size)


def summarise(results: Dict[str, List[Dict[str, Any]]], best: int) -> Dict[str, Any]:
    """Compute medians over rounds, and ratios between systems.

    results (Dict[str, List[Dict[str, Any]]]): The figures of each round, by system.
    best (int): Batch size of the reference with sorted texts.
    RETURNS (Dict[str, Any]): Figures by name.
    """

    def median(system: str, key: str) -> float:
        return statistics.median(r[key] for r in results[system])

    def ratio(slow: str, fast: str) -> float:
        return median_ratio([r["seconds"] for r in results[slow]], [r["seconds"] for r in results[fast]])

    ours = results["ours"]
    floor_rows = median("floor", "rows_per_second")
    network_rows = statistics.median(r["rows"] / r["network_seconds"] for r in ours)
    outside = statistics.median(1 - r["network_seconds"] / r["seconds"] for r in ours)
    with_spacy = statistics.median(
        1 - r["network_seconds"] / (r["seconds"] + r["spacy_tokenizer_seconds"]) for r in ours
    )
    return {
        "seconds": {system: median(system, "seconds") for system in results if system != "floor"},
        "pieces_per_second": {s: median(s, "pieces") / median(s, "seconds") for s in results if s != "floor"},
        "peak_mb": {system: median(system, "peak_mb") for system in results},
        "ratio_int8": ratio("ours", "int8"),
        "ratio_bfloat16": ratio("ours", "bfloat16"),
        "ratio_arrival_int8": ratio("arrival", "int8"),
        "ratio_arrival": ratio("arrival", "ours"),
        "ratio_sorted": ratio("sorted", "ours"),
        "sorted_batch_size": best,
        "ratio_xlmr": ratio("xlmr", "ours"),
        "ratio_tokenizer": ratio("tokenizer", "align"),
        "first_seconds": {system: median(system, "first_seconds") for system in ("align", "tokenizer")},
        "rows_per_second": network_rows,
        "floor_rows_per_second": floor_rows,
        "fraction_of_floor": network_rows / floor_rows,
        "outside_encoder": outside,
        "outside_encoder_with_spacy_tokenizer": with_spacy,
    }


def print_summary(size: str, figures: Dict[str, Any]) -> None:
    """Print the table of one size.

    size (str): The size.
    figures (Dict[str, Any]): The figures from `summarise`.
    """
    names = {
        "ours": "spacy_mluke",
        "int8": 'spacy_mluke, quantize = "int8"',
        "bfloat16": 'spacy_mluke, dtype = "bfloat16"',
        "arrival": "(a) LukeModel, batches of 32",
        "sorted": f"(b) LukeModel, sorted, batches of {figures['sorted_batch_size']}",
        "xlmr": "spacy-transformers, XLM-R",
        "align": "spacy_mluke, tokenization and alignment",
        "tokenizer": "MLukeTokenizer",
    }
    ratios = {
        "int8": 1 / figures["ratio_int8"],
        "bfloat16": 1 / figures["ratio_bfloat16"],
        "arrival": figures["ratio_arrival"],
        "sorted": figures["ratio_sorted"],
        "xlmr": figures["ratio_xlmr"],
        "tokenizer": figures["ratio_tokenizer"],
    }
    msg.divider(f"mluke-{size}")
    msg.table(
        [
            [
                names[system],
                f"{figures['seconds'][system]:.2f}",
                f"{figures['pieces_per_second'][system]:,.0f}",
                f"{figures['peak_mb'][system]:,.0f}",
                f"{ratios[system]:.2f}" if system in ratios else "1",
            ]
            for system in names
        ],
        header=["", "seconds", "wordpieces/s", "peak MB", "relative"],
        divider=True,
        aligns=["l", "r", "r", "r", "r"],
    )
    print(
        f"  speed relative to float32: int8 {figures['ratio_int8']:.2f}, bfloat16 {figures['ratio_bfloat16']:.2f}; "
        f"time of (a) relative to int8: {figures['ratio_arrival_int8']:.2f}"
    )
    print(
        f"  network: {figures['rows_per_second']:,.0f} rows/s, {100 * figures['fraction_of_floor']:.0f} % of the bare "
        f"matrix products ({figures['floor_rows_per_second']:,.0f}); "
        f"outside the network: {100 * figures['outside_encoder']:.1f} % of the component's time "
        f"({100 * figures['outside_encoder_with_spacy_tokenizer']:.1f} % with spaCy's tokenizer)"
    )


def machine() -> Dict[str, Any]:
    """Describe the machine."""
    import torch

    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    typer.run(bench)
