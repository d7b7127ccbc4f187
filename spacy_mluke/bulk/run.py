"""A run: starting or resuming it, collecting its results, and finishing it."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, Optional

from ..errors import Errors, Warnings
from .crash_recovery import CrashingShard
from .input_files import InputFiles, find_files
from .job import Job, Shard, ShardResult
from .output_folder import Settings, check_settings, clear, lock, read_settings, settings, write_manifest
from .plan import plan


@dataclass
class Run:
    """A run and its results."""

    job: Job
    files: InputFiles
    shards: List[Shard]
    settings: Settings
    earlier: List[ShardResult]  # of shards that were finished before
    results: List[ShardResult] = field(default_factory=list)  # of shards that were finished now
    crashing: List[CrashingShard] = field(default_factory=list)  # shards that crash the worker process
    lock: Optional[IO[Any]] = None  # while it is open, no other run can write to the folder

    @classmethod
    def begin(cls, job: Job, wait_until_ready: Optional[Callable[[], None]] = None) -> Run:
        """Split the input into shards, and find those that are finished. Nothing is written before all checks.

        job (Job): The settings.
        wait_until_ready (Optional[Callable[[], None]]): Raises if the pipeline cannot be loaded. It is called before
            anything is written, if there are shards to annotate.
        RETURNS (Run): The run.
        RAISES (ValueError): ML280 without input, ML281 if the output folder has another run, ML282 if no file can be
            read, ML350 without a pipeline, ML351 if the folder cannot be written to, ML353 if no record has a text,
            ML354 if another run is writing, ML356 if an earlier version wrote the folder.
        """
        saved = read_settings(job)
        files = find_files(Path(job.input), Path(job.output))
        if saved is not None:
            # Files that could not be read before come last, so that the other shards keep their numbers.
            known = {path: i for i, path in enumerate(saved["files"]) if saved["files"][path] is not None}
            files.paths.sort(key=lambda path: known.get(str(path), len(known)))
        shards = plan(job, files)
        # A file that is damaged in the middle still has shards.
        with_shards = {shard.path for shard in shards}
        unread = [path for path in files.unread if path not in with_shards]
        current = settings(job, [path for path in files.paths if str(path) not in unread], unread)
        if saved is not None:
            check_settings(job, current, saved)
        message = files.warning()
        if message is not None:
            warnings.warn(message, stacklevel=2)
        results = {shard.number: job.result(shard) for shard in shards} if saved is not None else {}
        earlier = [result for result in results.values() if result is not None]
        damaged = sum(
            job.file(shard, ".done.json").exists() for shard in shards if results.get(shard.number, 0) is None
        )
        if damaged:
            warnings.warn(Warnings.ML121.format(n=damaged, total=damaged + len(earlier)), stacklevel=2)
        if len(earlier) < len(shards) and wait_until_ready is not None:
            wait_until_ready()
        run = cls(job, files, shards, current, earlier, lock=lock(job))
        with run._release_on_error():
            clear(job)
            for shard in shards:
                if saved is not None and results[shard.number] is None:
                    # Delete the record of a damaged shard now, in case this run is interrupted, too.
                    job.file(shard, ".done.json").unlink(missing_ok=True)
            write_manifest(job, current)
        return run

    @property
    def todo(self) -> List[Shard]:
        """Shards that are not finished."""
        done = {result.number for result in (*self.earlier, *self.results)}
        return [shard for shard in self.shards if shard.number not in done]

    def follow(self, results: Iterable[ShardResult]) -> Iterator[ShardResult]:
        """Collect results. After an error, the folder's lock is released, so that another run can use it.

        results (Iterable[ShardResult]): Results from annotating the shards.
        YIELDS (ShardResult): The same results.
        """
        with self._release_on_error():
            for result in results:
                self.results.append(result)
                yield result

    def finish(self) -> Dict[str, int]:
        """Return the totals of the run, and write them to the manifest if all shards are finished.

        RETURNS (Dict[str, int]): "documents", "set_aside" (bad records), "words", "shards".
        """
        everything = [*self.earlier, *self.results]
        totals = {
            "documents": sum(result.n_docs for result in everything),
            "set_aside": sum(result.n_bad for result in everything),
            "words": sum(result.n_words for result in everything),
            "shards": len(self.shards),
        }
        if len(everything) == len(self.shards):
            write_manifest(self.job, self.settings, **totals)
        self._release()
        return totals

    def _release(self) -> None:
        if self.lock is not None:
            self.lock.close()

    @contextlib.contextmanager
    def _release_on_error(self) -> Iterator[None]:
        """Release the folder's lock after an error. Python 3.13 keeps the run alive in the error's traceback."""
        try:
            yield
        except BaseException:
            self._release()
            raise

    def check_any(self, totals: Dict[str, int]) -> None:
        """Check that not all records are bad records.

        totals (Dict[str, int]): As from `finish`.
        RAISES (ValueError): ML358 if they are.
        """
        if totals["documents"] or not totals["set_aside"]:
            return
        import json

        error = "unknown"
        for shard in self.shards:
            path = self.job.file(shard, ".bad.jsonl")
            if path.exists():
                with path.open(encoding="utf8") as file:
                    error = json.loads(file.readline())["error"]
                break
        raise ValueError(Errors.ML358.format(n=totals["set_aside"], error=error))
