"""Inject faults into processes while they work, and check the files that they leave.

    python -m scripts.faults --kills 100
    python -m scripts.faults annotate store --kills 20 --seed 3

Tasks run in forked processes, which are killed at random times (kill -9), have a full disk, or do the same work at the
same time. docs/guides/reliability.md lists the guarantees.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

from scripts.faulting import kinds
from scripts.faulting.processes import Report
from scripts.faulting.tasks import Task, make_annotate, make_cache, make_saving, make_store, make_train

TASKS: Dict[str, Callable[[Path], Task]] = {
    "annotate": make_annotate,
    "train": make_train,
    "save": lambda folder: make_saving(folder, way="save"),
    "to_disk": lambda folder: make_saving(folder, way="to_disk"),
    "store": make_store,
    "cache": make_cache,
}
READ_ONLY = "read_only"


def main() -> None:
    """Read the command line, run the tasks, print the results."""
    parser = argparse.ArgumentParser(description="Inject faults: killed processes, full disks, concurrent processes.")
    parser.add_argument("tasks", nargs="*", choices=[[], *TASKS, READ_ONLY], help="all by default")
    parser.add_argument("--kills", type=int, default=100, help="number of killed processes for each task")
    parser.add_argument("--full", type=int, default=20, help="number of runs with a full disk for each task")
    parser.add_argument("--races", type=int, default=10, help="number of runs with concurrent processes for each task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write counts to this file")
    given = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    reports: List[Report] = []
    folder = Path(tempfile.mkdtemp(prefix="mluke-faults-"))
    try:
        for name in given.tasks or [*TASKS, READ_ONLY]:
            if name == READ_ONLY:
                continue
            place = folder / name
            place.mkdir()
            task = TASKS[name](place)
            for run, n in ((kinds.kill, given.kills), (kinds.fill_disk, given.full), (kinds.race, given.races)):
                begun = time.perf_counter()
                report = run(task, place, n, given.seed)
                report.seconds = time.perf_counter() - begun
                if report.n_faults:
                    print("\n".join(report.lines()), flush=True)
                    reports.append(report)
        if not given.tasks or READ_ONLY in given.tasks:
            report = kinds.read_only(folder)
            print("\n".join(report.lines()), flush=True)
            reports.append(report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json is not None:
        found = [
            {
                "task": report.name, "faults": report.n_faults, "failures": len(report.failures),
                "outcomes": dict(report.outcomes), "seconds": round(report.seconds, 1),
            }
            for report in reports
        ]  # fmt: skip
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf8")
    sys.exit(1 if any(report.failures for report in reports) else 0)


if __name__ == "__main__":
    main()
