"""Run work in forked processes, with or without faults."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import random
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Tuple

from scripts.fuzzing.cases import CODE

Work = Callable[[], Any]
Check = Callable[[], str]
# Exit codes: done, with a clear error (with a code, or "no space left"), or with any other error.
DONE, REFUSED, BROKEN = 0, 3, 4


@dataclass
class Report:
    """Results of fault injection into a task."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: List[str] = field(default_factory=list)
    n_faults: int = 0
    seconds: float = 0.0

    def check(self, check: Check) -> None:
        """Check the files that a fault has left.

        check (Check): Returns a category; raises if a guarantee is violated.
        """
        try:
            self.outcomes[check()] += 1
        except Exception as error:
            self.fail(error)

    def fail(self, error: object) -> None:
        """Count a violated guarantee."""
        self.outcomes["FAILED"] += 1
        text = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else str(error)
        self.failures.append(text)

    def lines(self) -> List[str]:
        """Return the lines to print."""
        found = ", ".join(f"{what}: {n}" for what, n in self.outcomes.most_common())
        lines = [f"{self.name}: {self.n_faults} faults, {len(self.failures)} failures, {self.seconds:.0f} s ({found})"]
        for failure in self.failures[:3]:
            lines += [f"  | {line}" for line in failure.splitlines()[-8:]]
        return lines


def fork(work: Work, *, prepare: Optional[Work] = None, error_file: Optional[Path] = None) -> int:
    """Run work in a forked process, which shares the imports.

    work (Work): The work.
    prepare (Optional[Work]): Called in the process before the work.
    error_file (Optional[Path]): File for the message of an error.
    RETURNS (int): The process id. The exit code is DONE, REFUSED or BROKEN.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = BROKEN
    try:
        if prepare is not None:
            prepare()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            work()
        code = DONE
    except BaseException as error:
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG)
        code = REFUSED if is_full or CODE.search(str(error)) else BROKEN
        if error_file is not None:
            with contextlib.suppress(OSError):
                error_file.write_text("".join(traceback.format_exception(error)), encoding="utf8")
    finally:
        os._exit(code)


def wait(pid: int) -> int:
    """Wait for a process.

    pid (int): The process id.
    RETURNS (int): The exit code, or minus the signal.
    """
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def finish(work: Work, folder: Path) -> None:
    """Run work in a process without faults.

    work (Work): The work.
    folder (Path): Folder for the error message.
    RAISES (RuntimeError): If it fails.
    """
    error_file = folder / "error.txt"
    code = wait(fork(work, error_file=error_file))
    if code != DONE:
        text = error_file.read_text(encoding="utf8") if error_file.exists() else ""
        raise RuntimeError(f"without any fault, the process ends with {code}: {text}")


def time_of(work: Work, folder: Path) -> float:
    """Measure work in a forked process.

    work (Work): The work.
    folder (Path): Folder for the error message.
    RETURNS (float): Seconds.
    """
    begun = time.perf_counter()
    finish(work, folder)
    return time.perf_counter() - begun


def killed_at(work: Work, seconds: float) -> bool:
    """Run work in a process, and kill the process.

    work (Work): The work.
    seconds (float): Time before the kill.
    RETURNS (bool): Whether it was killed before it was done.
    """
    pid = fork(work)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    return wait(pid) == -signal.SIGKILL


def random_moments(seed: int, longest: float) -> Iterator[float]:
    """Yield random times to kill a process.

    seed (int): The seed.
    longest (float): Duration of the process without faults.
    YIELDS (float): Seconds, without end.
    """
    rng = random.Random(seed)
    while True:
        yield rng.random() * longest * 1.05


def limit_files(size: int) -> None:
    """Limit the size of files that this process writes: larger writes fail, as on a full disk.

    size (int): Bytes.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def drop_root() -> None:
    """Drop root privileges, because root ignores permissions."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def all_at_once(work: List[Tuple[str, Work]], folder: Path) -> None:
    """Run several pieces of work in concurrent processes.

    work (List[Tuple[str, Work]]): Names and work.
    folder (Path): Folder for error messages.
    RAISES (RuntimeError): If one fails with an error without a code.
    """
    pids = [(name, fork(one, error_file=folder / f"error-{name}.txt")) for name, one in work]
    for name, pid in pids:
        code = wait(pid)
        if code not in (DONE, REFUSED):
            error_file = folder / f"error-{name}.txt"
            text = error_file.read_text("utf8") if error_file.exists() else ""
            raise RuntimeError(f"{name} ends with {code}: {text}")
