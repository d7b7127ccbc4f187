"""Annotate shards: load a pipeline once; read, annotate and write each shard."""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from spacy.tokens import Doc

from ..errors import Errors
from .job import Job, Shard, ShardResult
from .output_files import OutputFiles
from .pipelines import load_pipeline
from .records import BadRecord, OnRecord, Record, read
from .unreadable import as_text, message_of


class AnnotatedDoc(NamedTuple):
    """An annotated document."""

    id: str
    n_words: int  # number of tokens
    converted: Any  # as from `OutputFiles.convert`


class Worker:
    """Annotates shards of a run. Creating a Worker loads the pipeline.

    job (Job): The run.
    RAISES (ValueError): ML350 if the pipeline cannot be loaded.
    """

    def __init__(self, job: Job):
        self.job = job
        self.nlp = load_pipeline(job.pipeline, gpu_id=job.gpu_id, threads=job.threads, quantization=job.quantize)
        self.output = OutputFiles(job, self.nlp)

    def annotate(self, shard: Shard, on_record: Optional[OnRecord] = None) -> ShardResult:
        """Annotate a shard and write its files. The last file marks the shard as finished.

        A finished shard is not annotated again. A document that fails in a component, or cannot be converted, is tried
        again alone; if it fails again, it becomes a bad record with its error.

        shard (Shard): The shard.
        on_record (Optional[OnRecord]): If given, records are annotated one at a time, and this is called with each of
            them before.
        RETURNS (ShardResult): The result.
        RAISES (ValueError): ML282 if the file cannot be read, ML351 if files cannot be written, ML352 if the file has
            changed.
        """
        finished = self.job.result(shard)
        if finished is not None:
            return finished
        start = time.perf_counter()
        skipped: Counter = Counter()
        done: Dict[int, AnnotatedDoc] = {}
        bad: Dict[int, BadRecord] = {}
        shard.check_file()
        # Words and strings that the shard adds to the vocabulary are freed after it.
        with warnings.catch_warnings(record=True) as caught, self.nlp.memory_zone():
            warnings.simplefilter("always")
            try:
                self._annotate(shard, done, bad, skipped, on_record)
            except (OSError, EOFError) as error:
                raise ValueError(Errors.ML282.format(path=shard.path, reason=error)) from error
            content = self._build(done, bad)
        shard.check_file()
        with self.job.writing(self.job.file(shard, self.job.suffix)) as path:
            self.output.write(content, path)
        self._write_bad(shard, [bad_record_line(shard, record) for _, record in sorted(bad.items())])
        messages = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
        messages += [f"{n} {what} of the input were skipped" for what, n in skipped.items() if n]
        result = ShardResult(
            number=shard.number,
            n_docs=len(done),
            n_bad=sum(record.n_records for record in bad.values()),
            n_words=sum(doc.n_words for doc in done.values()),
            seconds=time.perf_counter() - start,
            warnings=list(dict.fromkeys(messages)),
        )
        return self.job.finish(shard, result)

    def merge(self, shard: Shard, pieces: List[Shard], crash_lines: List[Dict[str, Any]]) -> ShardResult:
        """Merge the pieces of a shard, and write its files.

        shard (Shard): The shard.
        pieces (List[Shard]): Its finished pieces, in order.
        crash_lines (List[Dict[str, Any]]): Lines of `.bad.jsonl` about records that crash the process. No piece
            contains these records.
        RETURNS (ShardResult): The result of the shard.
        """
        job = self.job
        results = [result for result in map(job.result, pieces) if result is not None]
        lines = list(crash_lines)
        for piece in pieces:
            path = job.file(piece, ".bad.jsonl")
            if path.exists():
                lines += map(json.loads, path.read_text(encoding="utf8").split("\n")[:-1])
        content = self.output.merge([job.file(piece, job.suffix) for piece in pieces])
        with job.writing(job.file(shard, job.suffix)) as path:
            self.output.write(content, path)
        self._write_bad(shard, sorted(lines, key=lambda line: line["place"]))
        result = ShardResult(
            number=shard.number,
            n_docs=sum(result.n_docs for result in results),
            n_bad=sum(result.n_bad for result in results) + len(crash_lines),
            n_words=sum(result.n_words for result in results),
            seconds=sum(result.seconds for result in results),
            warnings=list(dict.fromkeys(message for result in results for message in result.warnings)),
        )
        return job.finish(shard, result)

    def _annotate(
        self,
        shard: Shard,
        done: Dict[int, AnnotatedDoc],
        bad: Dict[int, BadRecord],
        skipped: Counter,
        on_record: Optional[OnRecord],
    ) -> None:
        n_docs = 0
        is_complete = False

        def docs() -> Iterator[Tuple[Doc, Record]]:
            nonlocal n_docs, is_complete
            for record in read(self.job, shard, self.nlp, skipped):
                if isinstance(record, BadRecord):
                    bad[record.index] = record
                else:
                    n_docs += 1
                    yield record.doc, record
            is_complete = True

        if on_record is None:
            self._handle_errors(_ignore)
            try:
                for doc, record in self.nlp.pipe(docs(), as_tuples=True, batch_size=self.job.batch_size):
                    _try_convert(done, record, doc, self.output)
            except Exception:
                # A component failed, but not on a document: annotate the remaining documents one by one.
                is_complete = False
            if is_complete and n_docs == len(done):
                return
        self._handle_errors(_raise)
        for item in read(self.job, shard, self.nlp, Counter(), done={*done, *bad}, on_record=on_record):
            if isinstance(item, BadRecord):
                bad[item.index] = item
                continue
            try:
                doc = self.nlp(item.doc)
                done[item.index] = AnnotatedDoc(item.id, len(doc), self.output.convert(item, doc))
            except Exception as error:
                text = as_text({**item.meta, self.job.text_key: item.doc.text})
                bad[item.index] = BadRecord(item.index, item.id, message_of(error), text)

    def _handle_errors(self, handler: Any) -> None:
        self.nlp.set_error_handler(handler)

    def _build(self, done: Dict[int, AnnotatedDoc], bad: Dict[int, BadRecord]) -> Any:
        """Build the content of the file. Documents that cannot be written are moved from `done` to `bad`."""
        indexes = sorted(done)
        try:
            return self.output.build([done[index].converted for index in indexes])
        except Exception:
            # Build each document alone, to find those that fail.
            for index in indexes:
                try:
                    self.output.build([done[index].converted])
                except Exception as error:
                    doc = done.pop(index)
                    text = as_text(self.output.source_of(doc.converted))
                    bad[index] = BadRecord(index, doc.id, message_of(error), text)
        return self.output.build([done[index].converted for index in sorted(done)])

    def _write_bad(self, shard: Shard, lines: List[Dict[str, Any]]) -> None:
        path = self.job.file(shard, ".bad.jsonl")
        if not lines:
            path.unlink(missing_ok=True)
            return
        with self.job.writing(path) as temporary, temporary.open("wb") as file:
            for line in lines:
                # "backslashreplace" turns half of a surrogate pair into its escape in a JSON string.
                file.write((json.dumps(line, ensure_ascii=False) + "\n").encode("utf8", errors="backslashreplace"))


def bad_record_line(shard: Shard, bad_record: BadRecord) -> Dict[str, Any]:
    """Return the line about a bad record.

    shard (Shard): Its shard.
    bad_record (BadRecord): The record.
    RETURNS (Dict[str, Any]): The line of the file part-*.bad.jsonl.
    """
    line = {
        "id": bad_record.id,
        "error": bad_record.error,
        "file": shard.path,
        "place": bad_record.index,
        "record": bad_record.record,
    }
    return line if bad_record.n_records == 1 else {**line, "n_records": bad_record.n_records}


def _try_convert(done: Dict[int, AnnotatedDoc], record: Record, doc: Doc, output: OutputFiles) -> None:
    try:
        done[record.index] = AnnotatedDoc(record.id, len(doc), output.convert(record, doc))
    except Exception:
        # It is tried again alone, and then the error is recorded.
        return


def _ignore(name: str, pipe: Any, docs: List[Any], error: Exception) -> None:
    """Ignore an error: the documents are tried again one by one."""


def _raise(name: str, pipe: Any, docs: List[Doc], error: Exception) -> None:
    raise error
