"""`make bench`: every system in turn, several rounds, ratios of medians."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

import typer
from tqdm import tqdm
from wasabi import msg

DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
CACHE = typer.Option(Path(tempfile.gettempdir()) / "spacy_mluke_bench", help="Where checkpoints are kept")
OUTPUT = typer.Option(Path("out/bench.json"), help="Where to write the figures")
N_TEXTS = typer.Option(120, help="Texts: half paragraphs, half sentences, seven languages")
ROUNDS = typer.Option(3, help="Times each system runs")
SIZES = typer.Option(["base", "small"], help="Sizes to measure")
# The reference's best batch size with sorted texts is looked for among these.
BATCH_SIZES = (4, 8, 16)


def bench(
    data: Path = DATA,
    cache: Path = CACHE,
    output: Path = OUTPUT,
    n_texts: int = N_TEXTS,
    rounds: int = ROUNDS,
    sizes: List[str] = SIZES,
) -> None:
    """Measure ours against the reference and the floor."""
    if not data.is_dir():
        msg.fail(f"No data at {data}: name the folder of XQuAD's files with --data.", exits=1)
    cache.mkdir(parents=True, exist_ok=True)
    report: Dict[str, Any] = {"machine": machine(), "n_texts": n_texts, "rounds": rounds}
    for size in sizes:
        tried = {n: run("sorted", size, data, cache, n_texts // 3, n)["seconds"] for n in BATCH_SIZES}
        best = min(tried, key=tried.__getitem__)
        systems = ["ours", "int8", "bfloat16", "arrival", "sorted", "xlmr", "floor", "align", "tokenizer"]
        results: Dict[str, List[Dict[str, Any]]] = {system: [] for system in systems}
        with tqdm(total=rounds * len(systems), desc=size, disable=None) as bar:
            for _ in range(rounds):
                for system in systems:
                    results[system].append(run(system, size, data, cache, n_texts, best if system == "sorted" else 32))
                    bar.update()
        report[size] = summarise(results, best)
        print_summary(size, report[size])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1), encoding="utf8")
    msg.good(f"Figures: {output}")


def run(system: str, size: str, data: Path, cache: Path, n_texts: int, batch_size: int) -> Dict[str, Any]:
    """Measure one system in a fresh process.

    RETURNS (Dict[str, Any]): What it printed.
    """
    command = [sys.executable, "-m", "benchmarks.systems", system, size, str(data), str(cache), str(n_texts)]
    result = subprocess.run([*command, "--batch-size", str(batch_size)], capture_output=True, text=True, check=False)
    if result.returncode:
        msg.fail(f"{system} failed", result.stderr[-2000:], exits=1)
    return json.loads(result.stdout.strip().splitlines()[-1])


def summarise(results: Dict[str, List[Dict[str, Any]]], best: int) -> Dict[str, Any]:
    """Medians over rounds, ratios between systems round by round.

    results (Dict[str, List[Dict[str, Any]]]): Rounds by system.
    best (int): Batch size of the sorted reference.
    RETURNS (Dict[str, Any]): Figures.
    """

    def median(system: str, key: str) -> float:
        return statistics.median(r[key] for r in results[system])

    def ratio(slow: str, fast: str) -> float:
        pairs = zip(results[slow], results[fast], strict=True)
        return statistics.median(s["seconds"] / f["seconds"] for s, f in pairs)

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
        "share_of_floor": network_rows / floor_rows,
        "outside_encoder": outside,
        "outside_encoder_with_spacy_tokenizer": with_spacy,
    }


def print_summary(size: str, figures: Dict[str, Any]) -> None:
    """Print one size's table.

    size (str): The size.
    figures (Dict[str, Any]): As from `summarise`.
    """
    names = {
        "ours": "spacy_mluke",
        "int8": 'spacy_mluke, quantize = "int8"',
        "bfloat16": 'spacy_mluke, dtype = "bfloat16"',
        "arrival": "(a) LukeModel, batches of 32",
        "sorted": f"(b) LukeModel, sorted, batches of {figures['sorted_batch_size']}",
        "xlmr": "spacy-transformers, XLM-R",
        "align": "our wordpieces and alignment",
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
        header=["", "seconds", "wordpieces/s", "peak MB", "times ours"],
        divider=True,
        aligns=["l", "r", "r", "r", "r"],
    )
    print(
        f"  in eight bits {figures['ratio_int8']:.2f} times as fast as in float32, in bfloat16 "
        f"{figures['ratio_bfloat16']:.2f} times; (a) takes {figures['ratio_arrival_int8']:.2f} times as long as int8"
    )
    print(
        f"  network: {figures['rows_per_second']:,.0f} rows/s, "
        f"{100 * figures['share_of_floor']:.0f} % of the bare products ({figures['floor_rows_per_second']:,.0f}); "
        f"outside the network: {100 * figures['outside_encoder']:.1f} % of the component's time "
        f"({100 * figures['outside_encoder_with_spacy_tokenizer']:.1f} % with spaCy's tokenizer)"
    )


def machine() -> Dict[str, Any]:
    """What the figures were measured on."""
    import torch

    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    typer.run(bench)
