"""Fuzzing: run the package on random and damaged input, and check its guarantees.

    python -m scripts.fuzz alignment --seed 7 --cases 100000
    python -m scripts.fuzz all --minutes 10 --processes 2
    python -m scripts.fuzz stores --seed 7 --replay 1234

A case is determined by target, seed and number, and can be repeated. Every case has a time limit, a memory limit, no
network, no pickle, and one folder that it may write to. An error without a code is a failure.
docs/guides/reliability.md lists the checks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import List

from scripts.fuzzing.cases import Summary, Target
from scripts.fuzzing.running import report, run_forked, run_here, summarize, temporary_folder
from scripts.fuzzing.targets import TARGETS


def main() -> None:
    """Read the command line, run the cases, print the results."""
    given = _arguments()
    # The tokenizers library starts threads, which do not survive a fork.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    names = list(TARGETS) if given.target == "all" else [given.target]
    folder = temporary_folder()
    found: List[Summary] = []
    try:
        for name in names:
            summary = fuzz(TARGETS[name], given, folder / name)
            print("\n".join(report(summary)), flush=True)
            found.append(summary)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json is not None:
        given.json.write_text(json.dumps([_counts(summary) for summary in found], indent=2) + "\n", encoding="utf8")
    sys.exit(1 if any(summary.n_failures for summary in found) else 0)


def fuzz(target: Target, given: argparse.Namespace, folder: Path) -> Summary:
    """Run the cases of one target.

    target (Target): The target.
    given (argparse.Namespace): The command line.
    folder (Path): The working folder.
    RETURNS (Summary): The results.
    """
    if given.replay is not None:
        return summarize(target, run_here(target, iter([given.replay]), seed=given.seed, folder=folder), given.seed)
    results = run_forked(
        target,
        n_cases=given.cases,
        seed=given.seed,
        processes=given.processes,
        folder=folder,
        until=time.monotonic() + 60 * given.minutes,
        first=given.first,
    )
    return summarize(target, results, given.seed, progress=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzz spacy_mluke.")
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--seed", type=int, default=0, help="seed of the cases")
    parser.add_argument("--cases", type=int, default=1000, help="number of cases of each target")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--minutes", type=float, default=60.0, help="maximum time for each target")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--replay", type=int, metavar="N", help="run case N alone, in this process")
    parser.add_argument("--json", type=Path, help="write counts to this file")
    return parser.parse_args()


def _counts(summary: Summary) -> dict:
    return {
        "target": summary.target,
        "seed": summary.seed,
        "cases": summary.n_cases,
        "documents": summary.n_documents,
        "failures": summary.n_failures,
        "seconds": round(summary.seconds, 1),
        "categories": dict(summary.categories.most_common()),
        "places": dict(summary.places.most_common()),
    }


if __name__ == "__main__":
    main()
