"""Run cases in this process, or in processes that may crash."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from .cases import Case, Result, Summary, Target, judge
from .guards import guarded, limit_memory

# Seconds beyond a case's time limit before its process is killed: an alarm cannot interrupt C code.
PATIENCE = 10.0


def run_case(target: Target, shared: Any, case: Case) -> Result:
    """Run one case.

    target (Target): The target.
    shared (Any): Result of the target's `prepare`.
    case (Case): The case. Its folder is made and removed.
    RETURNS (Result): The result.
    """
    if target.writes:
        case.folder.mkdir(parents=True, exist_ok=True)
    try:
        with guarded(case.folder, target.seconds):
            category, n_documents = target.run(shared, case)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return judge(case, error)
    finally:
        if target.writes:
            shutil.rmtree(case.folder, ignore_errors=True)
    return Result(case.number, category, n_documents)


def run_here(target: Target, numbers: Iterator[int], *, seed: int, folder: Path) -> Iterator[Result]:
    """Run cases in this process, in sequence.

    target (Target): The target.
    numbers (Iterator[int]): The cases.
    seed (int): The seed.
    folder (Path): The working folder.
    YIELDS (Result): One for each case.
    """
    shared = target.prepare(_made(folder / "shared"))
    for number in numbers:
        yield run_case(target, shared, Case(target.name, seed, number, folder / f"case-{number}"))


@dataclass
class _Worker:
    """A forked process and its messages."""

    pid: int
    pipe: int
    first: int
    text: bytes = b""
    running: Optional[int] = None
    heard: float = field(default_factory=time.monotonic)


def run_forked(
    target: Target, *, n_cases: int, seed: int, processes: int, folder: Path, until: float, first: int = 0
) -> Iterator[Result]:
    """Run cases in forked processes. A crash or a hang fails only the running case.

    target (Target): The target.
    n_cases (int): Number of cases.
    seed (int): The seed.
    processes (int): Number of processes.
    folder (Path): The working folder.
    until (float): Latest time to stop, on the monotonic clock.
    first (int): Number of the first case.
    YIELDS (Result): One for each case.
    """
    shared = target.prepare(_made(folder / "shared"))
    end = first + n_cases
    workers: Dict[int, _Worker] = {}

    def start(number: int) -> None:
        if number < end and time.monotonic() < until:
            worker = _fork(target, shared, range(number, end, processes), seed, folder, until)
            workers[worker.pipe] = worker

    for i in range(processes):
        start(first + i)
    while workers:
        ready, _, _ = select.select(list(workers), [], [], 1.0)
        for pipe in ready:
            worker = workers[pipe]
            data = os.read(pipe, 1 << 16)
            if data:
                worker.heard = time.monotonic()
                yield from _read(worker, data)
                continue
            del workers[pipe]
            os.close(pipe)
            _, status = os.waitpid(worker.pid, 0)
            if worker.running is not None:
                yield _death(worker.running, status)
                start(worker.running + processes)
        for worker in list(workers.values()):
            if time.monotonic() - worker.heard > target.seconds + PATIENCE:
                os.kill(worker.pid, signal.SIGKILL)
                worker.heard = time.monotonic()


def _fork(target: Target, shared: Any, numbers: range, seed: int, folder: Path, until: float) -> _Worker:
    sys.stdout.flush()
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return _Worker(pid, read, numbers.start)
    os.close(read)
    code = 0
    try:
        limit_memory(target.megabytes)
        for number in numbers:
            if time.monotonic() > until:
                break
            _say(write, {"begin": number})
            place = folder / f"case-{number}"
            _say(write, run_case(target, shared, Case(target.name, seed, number, place)).to_dict())
    except BaseException as error:
        print(f"fuzz worker: {error!r}", file=sys.stderr)
        code = 1
    finally:
        os._exit(code)


def _say(pipe: int, message: Dict[str, Any]) -> None:
    data = json.dumps(message).encode("utf8") + b"\n"
    while data:
        data = data[os.write(pipe, data) :]


def _read(worker: _Worker, data: bytes) -> Iterator[Result]:
    *lines, worker.text = (worker.text + data).split(b"\n")
    for line in lines:
        message = json.loads(line)
        if "begin" in message:
            worker.running = message["begin"]
        else:
            worker.running = None
            yield Result(**message)


def _death(number: int, status: int) -> Result:
    """Return the result of a case whose process crashed or was killed after a hang."""
    name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
    return Result(number, f"FAILED: process died ({name})", error=f"The process died: {name}.", place=f"died ({name})")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def summarize(target: Target, results: Iterator[Result], seed: int, *, progress: bool = False) -> Summary:
    """Count results.

    target (Target): Their target.
    results (Iterator[Result]): The results.
    seed (int): Their seed.
    progress (bool): Whether to print the progress every half minute.
    RETURNS (Summary): The counts, and failures.
    """
    summary = Summary(target.name, seed)
    begun = said = time.monotonic()
    for result in results:
        summary.add(result)
        if progress and time.monotonic() - said > 30:
            said = time.monotonic()
            seconds = said - begun
            print(
                f"{target.name}: {summary.n_cases:,} cases, {summary.n_documents:,} documents, {summary.n_failures} "
                f"failures, {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    summary.seconds = time.monotonic() - begun
    return summary


def report(summary: Summary) -> List[str]:
    """Format a summary.

    summary (Summary): The counts.
    RETURNS (List[str]): Lines of text.
    """
    rate = summary.n_cases / summary.seconds if summary.seconds else 0.0
    documents = f", {summary.n_documents:,} documents" if summary.n_documents else ""
    lines = [
        f"{summary.target}: {summary.n_cases:,} cases{documents} in {summary.seconds:.0f} s ({rate:.0f} a second), "
        f"{summary.n_failures} failures"
    ]
    lines += [f"  {count:>9,}  {category}" for category, count in summary.categories.most_common()]
    for place, count in summary.places.most_common():
        lines.append(f"\n{count} x {place}")
        examples = [failure for failure in summary.failures if failure.place == place]
        for failure in examples:
            lines.append("  " + Case(summary.target, summary.seed, failure.number, Path()).command)
        if examples:
            lines.append("".join(f"  | {line}\n" for line in (examples[0].error or "").splitlines()[-12:]))
    return lines


def temporary_folder() -> Path:
    """Make a new folder for a run."""
    return Path(tempfile.mkdtemp(prefix="mluke-fuzz-"))
