"""Annotating shards: a pipeline that is loaded once, and a shard that is read, annotated and written."""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from typing import Any, Iterator, List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..files import replacing
from ..pipeline.quantizing import quantize
from .job import Job, Shard, ShardResult
from .rows import make_row, make_schema
from .sources import BadRecord, Record, as_text, message_of, parquet, read

Done = Tuple[int, int, Any]  # a record's place, its number of tokens, and what is written of it


class Worker:
    """Annotates shards of a run. Loads the pipeline now.

    job (Job): The run.
    """

    def __init__(self, job: Job):
        self.job = job
        if job.gpu_id >= 0:
            spacy.require_gpu(job.gpu_id)
        if job.threads:
            import torch

            torch.set_num_threads(job.threads)
        self.nlp: Language = spacy.load(job.pipeline)
        if job.quantize is not None:
            quantize(self.nlp, job.quantize)
        self._schema: Any = None

    def annotate(self, shard: Shard) -> ShardResult:
        """Annotate a shard, and write its files; the last of them says that it is done. A shard that is done already is
        left as it is, so that whoever is not sure may ask again.

        A document that a component fails on is tried once more by itself, and set aside with its error if it fails
        again.

        shard (Shard): The shard.
        RETURNS (ShardResult): What became of it.
        """
        there = self.job.result(shard.number)
        if there is not None:
            return there
        start = time.perf_counter()
        lost: Counter = Counter()
        bad: List[BadRecord] = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            done = list(self._annotate(shard, bad, lost))
        done.sort(key=lambda one: one[0])
        bad.sort(key=lambda one: one.place)
        self._write_bad(shard, bad)
        self._write(shard, [written for _, _, written in done])
        messages = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
        messages += [f"{n} {what} of the input could not be kept" for what, n in lost.items() if n]
        result = ShardResult(
            number=shard.number,
            n_docs=len(done),
            n_bad=len(bad),
            n_words=sum(n_words for _, n_words, _ in done),
            seconds=time.perf_counter() - start,
            warnings=list(dict.fromkeys(messages)),
        )
        self.job.finish(result)
        return result

    def _annotate(self, shard: Shard, bad: List[BadRecord], lost: Counter) -> Iterator[Done]:
        failed: List[Record] = []

        def set_aside(name: str, pipe: Any, docs: List[Any], error: Exception) -> None:
            failed.extend(doc._context for doc in docs)

        def docs() -> Iterator[Tuple[Doc, Record]]:
            for record in read(self.job, shard, self.nlp, lost):
                if isinstance(record, BadRecord):
                    bad.append(record)
                else:
                    yield record.doc, record

        self._handle_errors(set_aside)
        for doc, record in self.nlp.pipe(docs(), as_tuples=True, batch_size=self.job.batch_size):
            yield record.place, len(doc), self._written(record, doc)
        again = {record.place for record in failed}
        if not again:
            return
        self._handle_errors(_raise)
        for one in read(self.job, shard, self.nlp, Counter()):
            if isinstance(one, Record) and one.place in again:
                try:
                    doc = self.nlp(one.doc)
                    yield one.place, len(doc), self._written(one, doc)
                except Exception as error:
                    given = {**one.meta, self.job.text_key: one.doc.text}
                    bad.append(BadRecord(one.place, one.id, message_of(error), as_text(given)))

    def _handle_errors(self, handler: Any) -> None:
        self.nlp.set_error_handler(handler)

    def _written(self, record: Record, doc: Doc) -> Any:
        """What is kept of a document until its shard is written."""
        if self.job.format == "parquet":
            return make_row(record, doc, self.job.with_vectors)
        doc.user_data[self.job.id_key] = record.id
        if record.meta:
            doc.user_data["meta"] = record.meta
        return doc

    def _write(self, shard: Shard, written: List[Any]) -> None:
        with replacing(self.job.part(shard.number)) as aside:
            if self.job.format == "docbin":
                DocBin(docs=written, store_user_data=True).to_disk(aside)
                return
            import pyarrow

            if self._schema is None:
                width = vector_width(self.nlp) if self.job.with_vectors else None
                self._schema = make_schema(width, f"{self.nlp.meta['lang']}_{self.nlp.meta['name']}")
            table = pyarrow.Table.from_pylist(written, schema=self._schema)
            parquet().write_table(table, aside, compression="zstd")

    def _write_bad(self, shard: Shard, bad: List[BadRecord]) -> None:
        path = self.job.part(shard.number, ".bad.jsonl")
        if not bad:
            path.unlink(missing_ok=True)
            return
        with replacing(path) as aside, aside.open("w", encoding="utf8") as file:
            for one in bad:
                line = {"id": one.id, "error": one.error, "file": shard.path, "place": one.place, "record": one.record}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def vector_width(nlp: Language) -> Optional[int]:
    """Width of the entity vectors of a pipeline.

    nlp (Language): The pipeline.
    RETURNS (Optional[int]): None if no component makes them.
    """
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory == "mluke":
            from ..encoder.model import load_model

            pipe: Any = nlp.get_pipe(name)
            load_model(pipe.model)
            return pipe.model.get_dim("nO")
    return None


def _raise(name: str, pipe: Any, docs: List[Doc], error: Exception) -> None:
    raise error
