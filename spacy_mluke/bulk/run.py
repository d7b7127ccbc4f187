"""A run from its beginning, or from where it was, to its end."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, Optional

from ..errors import Errors, Warnings
from .folder import Settings, check_settings, clear, lock, read_settings, settings, write_manifest
from .inputs import Found, find_files
from .job import Job, Shard, ShardResult
from .rescue import Left
from .sources import plan


@dataclass
class Run:
    """A run, and what is known of it."""

    job: Job
    found: Found  # the files of its input
    shards: List[Shard]
    settings: Settings
    earlier: List[ShardResult]  # of shards that were done before
    results: List[ShardResult] = field(default_factory=list)  # of this time
    left: List[Left] = field(default_factory=list)  # shards that end the process that reads them
    lock: Optional[IO[Any]] = None  # no other run writes to the folder while this is open

    @classmethod
    def begin(cls, job: Job, wait_until_ready: Optional[Callable[[], None]] = None) -> Run:
        """Cut the input into shards, and see what is done. Nothing is written before it is clear that all can begin.

        job (Job): The settings.
        wait_until_ready (Optional[Callable[[], None]]): Raises if the pipeline cannot be loaded. Is called if there is
            anything to do, before anything is written.
        RETURNS (Run): The run.
        RAISES (ValueError): ML280 without input, ML281 if the output folder holds another run, ML282 if no file can be
            read, ML350 without a pipeline, ML351 if the folder cannot be written to, ML353 if no record has a text,
            ML354 if another run is writing, ML356 if a version before this one wrote the folder.
        """
        there = read_settings(job)
        found = find_files(Path(job.input), Path(job.output))
        if there is not None:
            # Shards keep their numbers where a file can be read that could not.
            known = {path: i for i, path in enumerate(there["files"]) if there["files"][path] is not None}
            found.paths.sort(key=lambda path: known.get(str(path), len(known)))
        shards = plan(job, found)
        # A file that is damaged in the middle has shards all the same.
        with_shards = {shard.path for shard in shards}
        unread = [path for path in found.unread if path not in with_shards]
        own = settings(job, [path for path in found.paths if str(path) not in unread], unread)
        if there is not None:
            check_settings(job, own, there)
        message = found.warning()
        if message is not None:
            warnings.warn(message, stacklevel=2)
        results = {shard.number: job.result(shard) for shard in shards} if there is not None else {}
        earlier = [result for result in results.values() if result is not None]
        damaged = sum(
            job.file(shard, ".done.json").exists() for shard in shards if results.get(shard.number, 0) is None
        )
        if damaged:
            warnings.warn(Warnings.ML121.format(n=damaged, total=damaged + len(earlier)), stacklevel=2)
        if len(earlier) < len(shards) and wait_until_ready is not None:
            wait_until_ready()
        run = cls(job, found, shards, own, earlier, lock=lock(job))
        with run._release_on_error():
            clear(job)
            for shard in shards:
                if there is not None and results[shard.number] is None:
                    # What says that it is done is not to be believed, also if this time is interrupted.
                    job.file(shard, ".done.json").unlink(missing_ok=True)
            write_manifest(job, own)
        return run

    @property
    def todo(self) -> List[Shard]:
        """Shards that are not done."""
        done = {result.number for result in (*self.earlier, *self.results)}
        return [shard for shard in self.shards if shard.number not in done]

    def follow(self, results: Iterable[ShardResult]) -> Iterator[ShardResult]:
        """Keep results as they come. If an error ends them, another run may use the folder at once.

        results (Iterable[ShardResult]): What annotates the shards.
        YIELDS (ShardResult): The same.
        """
        with self._release_on_error():
            for result in results:
                self.results.append(result)
                yield result

    def finish(self) -> Dict[str, int]:
        """Count, and write the counts if all is done.

        RETURNS (Dict[str, int]): "documents", "set_aside", "words", "shards".
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
        """See that there are documents, if there were records.

        totals (Dict[str, int]): As from `finish`.
        RAISES (ValueError): ML358 if all records were set aside.
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
