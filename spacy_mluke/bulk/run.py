"""A run from its beginning, or from where it was, to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Iterator, List

from .job import Job, Shard, ShardResult, begin, find_files, settings, write_manifest
from .sources import plan


@dataclass
class Run:
    """A run, and what is known of it."""

    job: Job
    shards: List[Shard]
    earlier: List[ShardResult]  # of shards that were done before
    results: List[ShardResult] = field(default_factory=list)  # of this time
    crashed: List[Shard] = field(default_factory=list)  # shards that end the process that reads them

    @classmethod
    def begin(cls, job: Job) -> Run:
        """Cut the input into shards, and see what is done.

        job (Job): The settings.
        RETURNS (Run): The run.
        RAISES (ValueError): ML280 without input, ML281 if the output folder holds another run, ML282 for a file that
            is damaged.
        """
        shards = plan(job, find_files(Path(job.input)))
        begin(job, shards)
        found = [job.result(shard.number) for shard in shards]
        return cls(job, shards, [result for result in found if result is not None])

    @property
    def todo(self) -> List[Shard]:
        """Shards that are not done."""
        done = {result.number for result in (*self.earlier, *self.results)}
        return [shard for shard in self.shards if shard.number not in done]

    def follow(self, results: Iterable[ShardResult]) -> Iterator[ShardResult]:
        """Keep results as they come.

        results (Iterable[ShardResult]): What annotates the shards.
        YIELDS (ShardResult): The same.
        """
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
            write_manifest(self.job, settings(self.job, self.shards), **totals)
        return totals
