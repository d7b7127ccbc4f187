"""Annotating shards: a pipeline that is loaded once, and a shard that is read, annotated and written."""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..pipeline.quantize import quantize
from .job import Job, Shard, ShardResult
from .packing import Packer
from .sources import BadRecord, Record, Tell, read
from .tables import as_text, message_of


class Done(NamedTuple):
    """A document that is annotated."""

    id: str
    n_words: int  # its tokens
    written: Any  # what is written of it


class Worker:
    """Annotates shards of a run. Loads the pipeline now.

    job (Job): The run.
    RAISES (ValueError): ML350 if the pipeline cannot be loaded.
    """

    def __init__(self, job: Job):
        self.job = job
        try:
            self.nlp = _load(job)
        except Exception as error:
            if str(error).startswith("[ML"):
                raise
            raise ValueError(Errors.ML350.format(pipeline=job.pipeline, reason=message_of(error))) from error
        self.packer = Packer(job, self.nlp)

    def annotate(self, shard: Shard, tell: Optional[Tell] = None) -> ShardResult:
        """Annotate a shard, and write its files; the last of them says that it is done. A shard that is done already is
        left as it is, so that whoever is not sure may ask again.

        A document that a component fails on, or that cannot be written, is tried once more by itself, and set aside
        with its error if it fails again.

        shard (Shard): The shard.
        tell (Optional[Tell]): Is called before each record. Records are then annotated one at a time.
        RETURNS (ShardResult): What became of it.
        RAISES (ValueError): ML282 if the file cannot be read, ML351 if files cannot be written, ML352 if the file was
            changed.
        """
        there = self.job.result(shard)
        if there is not None:
            return there
        start = time.perf_counter()
        skipped: Counter = Counter()
        done: Dict[int, Done] = {}
        bad: Dict[int, BadRecord] = {}
        shard.check_file()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self._annotate(shard, done, bad, skipped, tell)
            except (OSError, EOFError) as error:
                raise ValueError(Errors.ML282.format(path=shard.path, reason=error)) from error
            packed = self._pack(done, bad)
        shard.check_file()
        with self.job.writing(self.job.file(shard, self.job.suffix)) as path:
            self.packer.write(packed, path)
        self._write_bad(shard, [as_line(shard, one) for _, one in sorted(bad.items())])
        messages = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
        messages += [f"{n} {what} of the input could not be kept" for what, n in skipped.items() if n]
        result = ShardResult(
            number=shard.number,
            n_docs=len(done),
            n_bad=sum(one.n_records for one in bad.values()),
            n_words=sum(one.n_words for one in done.values()),
            seconds=time.perf_counter() - start,
            warnings=list(dict.fromkeys(messages)),
        )
        return self.job.finish(shard, result)

    def merge(self, shard: Shard, pieces: List[Shard], deadly: List[Dict[str, Any]]) -> ShardResult:
        """Put the pieces of a shard together, and write its files.

        shard (Shard): The shard.
        pieces (List[Shard]): Its pieces that are done, in order.
        deadly (List[Dict[str, Any]]): Lines of the records that are in none, since they end their process.
        RETURNS (ShardResult): What became of the shard.
        """
        job = self.job
        results = [result for result in map(job.result, pieces) if result is not None]
        lines = list(deadly)
        for piece in pieces:
            path = job.file(piece, ".bad.jsonl")
            if path.exists():
                lines += map(json.loads, path.read_text(encoding="utf8").split("\n")[:-1])
        packed = self.packer.merge([job.file(piece, job.suffix) for piece in pieces])
        with job.writing(job.file(shard, job.suffix)) as path:
            self.packer.write(packed, path)
        self._write_bad(shard, sorted(lines, key=lambda line: line["place"]))
        result = ShardResult(
            number=shard.number,
            n_docs=sum(result.n_docs for result in results),
            n_bad=sum(result.n_bad for result in results) + len(deadly),
            n_words=sum(result.n_words for result in results),
            seconds=sum(result.seconds for result in results),
            warnings=list(dict.fromkeys(message for result in results for message in result.warnings)),
        )
        return job.finish(shard, result)

    def _annotate(
        self, shard: Shard, done: Dict[int, Done], bad: Dict[int, BadRecord], skipped: Counter, tell: Optional[Tell]
    ) -> None:
        given = 0
        is_read = False

        def docs() -> Iterator[Tuple[Doc, Record]]:
            nonlocal given, is_read
            for record in read(self.job, shard, self.nlp, skipped):
                if isinstance(record, BadRecord):
                    bad[record.place] = record
                else:
                    given += 1
                    yield record.doc, record
            is_read = True

        if tell is None:
            self._handle_errors(_pass_by)
            try:
                for doc, record in self.nlp.pipe(docs(), as_tuples=True, batch_size=self.job.batch_size):
                    _keep(done, record, doc, self.packer)
            except Exception:
                # A component that fails outside of what it does for a document: all others are tried by themselves.
                is_read = False
            if is_read and given == len(done):
                return
        self._handle_errors(_raise)
        for one in read(self.job, shard, self.nlp, Counter(), done={*done, *bad}, tell=tell):
            if isinstance(one, BadRecord):
                bad[one.place] = one
                continue
            try:
                doc = self.nlp(one.doc)
                done[one.place] = Done(one.id, len(doc), self.packer.written(one, doc))
            except Exception as error:
                text = as_text({**one.meta, self.job.text_key: one.doc.text})
                bad[one.place] = BadRecord(one.place, one.id, message_of(error), text)

    def _handle_errors(self, handler: Any) -> None:
        self.nlp.set_error_handler(handler)

    def _pack(self, done: Dict[int, Done], bad: Dict[int, BadRecord]) -> Any:
        """Put documents together. Those that cannot be are taken out of `done`, and are in `bad`."""
        places = sorted(done)
        try:
            return self.packer.pack([done[place].written for place in places])
        except Exception:
            # One of them, or several: each is tried by itself.
            for place in places:
                try:
                    self.packer.pack([done[place].written])
                except Exception as error:
                    one = done.pop(place)
                    text = as_text(self.packer.given(one.written))
                    bad[place] = BadRecord(place, one.id, message_of(error), text)
        return self.packer.pack([done[place].written for place in sorted(done)])

    def _write_bad(self, shard: Shard, lines: List[Dict[str, Any]]) -> None:
        path = self.job.file(shard, ".bad.jsonl")
        if not lines:
            path.unlink(missing_ok=True)
            return
        with self.job.writing(path) as there, there.open("wb") as file:
            for line in lines:
                # In a JSON string, what this makes of half a surrogate pair is its escape.
                file.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf8", errors="backslashreplace"))


def as_line(shard: Shard, one: BadRecord) -> Dict[str, Any]:
    """What is written of a record that is set aside.

    shard (Shard): Its shard.
    one (BadRecord): The record.
    RETURNS (Dict[str, Any]): The line.
    """
    line = {"id": one.id, "error": one.error, "file": shard.path, "place": one.place, "record": one.record}
    return line if one.n_records == 1 else {**line, "n_records": one.n_records}


def _keep(done: Dict[int, Done], record: Record, doc: Doc, packer: Packer) -> None:
    try:
        done[record.place] = Done(record.id, len(doc), packer.written(record, doc))
    except Exception:
        # It is tried again by itself, and then says why.
        return


def _load(job: Job) -> Language:
    if job.gpu_id >= 0:
        spacy.require_gpu(job.gpu_id)
    if job.threads:
        import torch

        torch.set_num_threads(job.threads)
    nlp = spacy.load(job.pipeline)
    if job.quantize is not None:
        quantize(nlp, job.quantize)
    return nlp


def _pass_by(name: str, pipe: Any, docs: List[Any], error: Exception) -> None:
    """They are tried again by themselves."""


def _raise(name: str, pipe: Any, docs: List[Doc], error: Exception) -> None:
    raise error
