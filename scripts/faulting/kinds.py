"""Kinds of faults."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

from spacy_mluke.kb.bundled import open_store
from spacy_mluke.vocabulary.database_cache import open_database

from .processes import (
    DONE,
    REFUSED,
    Report,
    all_at_once,
    drop_root,
    finish,
    fork,
    killed_at,
    limit_files,
    random_moments,
    time_of,
    wait,
)
from .tasks import Task


def kill(task: Task, folder: Path, n: int, seed: int) -> Report:
    """Kill a task at random times. After each kill, resumable work continues, and other work starts again.

    task (Task): The task.
    folder (Path): Folder of the task.
    n (int): Number of processes to kill.
    seed (int): Seed of the times.
    RETURNS (Report): The results.
    """
    report = Report(f"{task.name}, killed")
    if not n:
        return report
    task.reset()
    longest = min(time_of(task.work, folder), time_of(lambda: (task.reset(), task.work()), folder))
    # Resumable work is killed at all of its stages, although every process starts where the last one stopped.
    moments = random_moments(seed, longest / 2 if _goes_on(task) else longest)
    report.check(task.after)
    task.reset()
    while report.n_faults < n:
        if killed_at(task.work, next(moments)):
            report.n_faults += 1
            report.check(task.check)
        if task.is_done():
            # Also if the process was killed after its work was done.
            report.check(task.after)
            task.reset()
        elif not _goes_on(task):
            task.reset()
    with contextlib.suppress(RuntimeError):
        finish(task.work, folder)
    report.check(task.after)
    return report


def _goes_on(task: Task) -> bool:
    """Return whether the next process resumes the work of a killed one."""
    return task.name.startswith(("annotate", "train"))


def fill_disk(task: Task, folder: Path, n: int, seed: int) -> Report:
    """Let writes of a task fail after some bytes. Old files must remain, the error must be clear, and the work must be
    repeatable.

    task (Task): The task.
    folder (Path): Folder of the task.
    n (int): Number of runs.
    seed (int): Seed of the sizes.
    RETURNS (Report): The results.
    """
    report = Report(f"{task.name}, disk full")
    rng = random.Random(seed)
    error_file = folder / "error.txt"
    for _ in range(n):
        task.reset()
        # Sometimes smaller than the files of the smallest task.
        size = int(10 ** (2 + 3.5 * rng.random()))
        error_file.unlink(missing_ok=True)
        code = wait(fork(task.work, prepare=lambda size=size: limit_files(size), error_file=error_file))  # type: ignore[misc]
        report.n_faults += 1
        if code not in (DONE, REFUSED):
            text = error_file.read_text(encoding="utf8") if error_file.exists() else ""
            report.fail(f"with files of at most {size} bytes, {task.name} ends with {code}: {text}")
            continue
        if code == REFUSED:
            report.check(task.check)
        report.outcomes["ended with an error" if code == REFUSED else "had room enough"] += 1
    if n:
        task.reset()
        try:
            finish(task.work, folder)
            report.check(task.after)
        except RuntimeError as error:
            report.fail(error)
    return report


def race(task: Task, folder: Path, n: int, seed: int) -> Report:
    """Let three processes do the same work at the same time.

    task (Task): The task.
    folder (Path): Folder of the task.
    n (int): Number of runs.
    seed (int): Unused.
    RETURNS (Report): The results.
    """
    report = Report(f"{task.name}, three at once")
    if task.name.startswith("train"):
        return report  # trainings do not share a folder
    for _ in range(n):
        task.reset()
        report.n_faults += 1
        try:
            all_at_once([(str(i), task.work) for i in range(3)], folder)
        except RuntimeError as error:
            report.fail(error)
            continue
        report.check(task.check)
        report.check(task.after)
    return report


def read_only(folder: Path) -> Report:
    """Use the bundled knowledge base and a vocabulary without a writable folder.

    folder (Path): A folder.
    RETURNS (Report): The results.
    """
    report = Report("read-only caches")
    place = folder / "read_only"
    place.mkdir()
    source = place / "entity_vocab.json"
    source.write_text('{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:Tokyo": 4}', encoding="utf8")
    free = folder / "free"
    free.mkdir()
    free.chmod(0o777)
    place.chmod(0o555)
    folder.chmod(0o755)

    def use(cache: Path, temporary: Path) -> None:
        import tempfile

        # Other users may not be able to read the Python installation.
        "".encode("utf-8-sig")
        drop_root()
        os.environ["SPACY_MLUKE_CACHE"] = str(cache)
        os.environ["TMPDIR"] = str(temporary)
        tempfile.tempdir = None
        if open_database(source).get("en:Tokyo") != 4:
            raise AssertionError("the vocabulary answers wrongly")
        if open_store("world").candidates("Tokyo")[0].id != "geonames:1850147":
            raise AssertionError("the store answers wrongly")

    error_file = free / "error.txt"
    for cache, temporary, is_possible in (
        (free / "cache", free, True),
        (place / "a", free, False),
        (place, place, False),
    ):
        report.n_faults += 1
        error_file.unlink(missing_ok=True)
        code = wait(fork(lambda cache=cache, temporary=temporary: use(cache, temporary), error_file=error_file))  # type: ignore[misc]
        if code == DONE and is_possible:
            report.outcomes["another folder"] += 1
        elif code == REFUSED and not is_possible:
            report.outcomes["refused with a code"] += 1
        else:
            report.fail(f"ends with {code}: {error_file.read_text(encoding='utf8') if error_file.exists() else ''}")
    place.chmod(0o755)
    return report
