"""The timing of every benchmark: systems run in turn, and ratios are taken round by round.

Timings vary between runs, and other work on the machine slows everything. Systems that run in turn are slowed alike, so
the median of the rounds' ratios varies less than the ratio of two medians. What loads much memory or patches a library
runs in a fresh process.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Sequence

from tqdm import tqdm
from wasabi import msg


@dataclass
class Timings:
    """Seconds of several systems, and the result of each system's last run."""

    seconds: Dict[str, List[float]] = field(default_factory=dict)
    results: Dict[str, Any] = field(default_factory=dict)

    def median(self, system: str) -> float:
        """Return a system's median of seconds."""
        return statistics.median(self.seconds[system])

    def ratio(self, slow: str, fast: str) -> float:
        """Return how many times as long one system takes as another: the median of the rounds' ratios."""
        return median_ratio(self.seconds[slow], self.seconds[fast])


def take_turns(systems: Mapping[str, Callable[[], Any]], rounds: int, *, warm_up: int = 0) -> Timings:
    """Run systems in turn, and time each run.

    systems (Mapping[str, Callable[[], Any]]): A function for each system.
    rounds (int): How often each system runs.
    warm_up (int): How many more rounds run before, untimed.
    RETURNS (Timings): Seconds of each round, and last results.
    """
    timings = Timings({name: [] for name in systems})
    for number in tqdm(range(warm_up + rounds), disable=None):
        for name, run in systems.items():
            seconds, timings.results[name] = timed(run)
            if number >= warm_up:
                timings.seconds[name].append(seconds)
    return timings


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Run a function.

    run (Callable[[], Any]): The function.
    RETURNS (Tuple[float, Any]): Seconds, and the function's result.
    """
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def median_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Return the median of the ratios between two systems, round by round.

    slow (Sequence[float]): Seconds of the numerator's rounds.
    fast (Sequence[float]): Seconds of the denominator's rounds.
    RETURNS (float): The median of slow / fast.
    """
    return statistics.median(s / f for s, f in zip(slow, fast, strict=True))


def take_turns_in_processes(
    systems: Mapping[str, Callable[[], Dict[str, Any]]], rounds: int, *, description: str = ""
) -> Dict[str, List[Dict[str, Any]]]:
    """Run systems in turn, where each run measures itself in a fresh process.

    systems (Mapping[str, Callable[[], Dict[str, Any]]]): For each system, a function that returns a run's figures.
    rounds (int): How often each system runs.
    description (str): Label of the progress bar.
    RETURNS (Dict[str, List[Dict[str, Any]]]): The figures of each round, by system.
    """
    figures: Dict[str, List[Dict[str, Any]]] = {system: [] for system in systems}
    with tqdm(total=rounds * len(figures), desc=description, disable=None) as bar:
        for _ in range(rounds):
            for system, run in systems.items():
                figures[system].append(run())
                bar.update()
    return figures


def run_module(module: str, *args: object) -> Dict[str, Any]:
    """Run a module in a fresh process.

    module (str): The module, such as "benchmarks.systems".
    args (object): Its arguments.
    RETURNS (Dict[str, Any]): The last line that it prints, which is JSON.
    """
    command = [sys.executable, "-m", module, *map(str, args)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        msg.fail(f"{' '.join(command[2:])} failed", result.stderr[-2000:], exits=1)
    return json.loads(result.stdout.strip().splitlines()[-1])
