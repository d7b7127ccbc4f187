"""What a shard's file holds: documents put together, in memory, and what several files hold put into one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from .job import Job
from .rows import make_row, make_schema
from .sources import Record
from .tables import parquet


class Packer:
    """Puts documents of a run together. What fails here fails for what is in the documents; what fails in writing, for
    the disk.

    job (Job): The run.
    nlp (Language): The pipeline.
    """

    def __init__(self, job: Job, nlp: Language):
        self.job = job
        self.nlp = nlp
        self._schema: Any = None

    def written(self, record: Record, doc: Doc) -> Any:
        """What is kept of a document until its shard is written.

        record (Record): Where it comes from.
        doc (Doc): The document, annotated.
        RETURNS (Any): A row, or the document.
        """
        if self.job.format == "parquet":
            return make_row(record, doc, self.job.with_vectors)
        doc.user_data[self.job.id_key] = record.id
        if record.meta:
            doc.user_data["meta"] = record.meta
        return doc

    def given(self, written: Any) -> Dict[str, Any]:
        """What is said of a document that cannot be put into a file.

        written (Any): As from `written`.
        RETURNS (Dict[str, Any]): Its id and text.
        """
        if self.job.format == "parquet":
            found = {self.job.id_key: written["id"], self.job.text_key: written["text"]}
            return {**found, "meta": json.loads(written["meta"])} if written["meta"] else found
        return {self.job.id_key: written.user_data[self.job.id_key], self.job.text_key: written.text}

    def pack(self, written: List[Any]) -> Any:
        """Put documents together.

        written (List[Any]): As from `written`.
        RETURNS (Any): A table, or a DocBin's bytes.
        """
        if self.job.format == "docbin":
            return DocBin(docs=written, store_user_data=True).to_bytes()
        import pyarrow

        return pyarrow.Table.from_pylist(written, schema=self.schema)

    @property
    def schema(self) -> Any:
        """pyarrow.Schema of the output."""
        if self._schema is None:
            width = vector_width(self.nlp) if self.job.with_vectors else None
            self._schema = make_schema(width, f"{self.nlp.meta['lang']}_{self.nlp.meta['name']}")
        return self._schema

    def write(self, packed: Any, path: Path) -> None:
        """Write a file.

        packed (Any): As from `pack`.
        path (Path): The file.
        """
        if self.job.format == "docbin":
            path.write_bytes(packed)
        else:
            parquet().write_table(packed, path, compression="zstd")

    def merge(self, paths: List[Path]) -> Any:
        """Put together what several files hold.

        paths (List[Path]): The files.
        RETURNS (Any): As from `pack`.
        """
        if self.job.format == "docbin":
            whole = DocBin(store_user_data=True)
            for path in paths:
                found = DocBin(store_user_data=True).from_disk(path)
                if len(found):
                    whole.merge(found)
            return whole.to_bytes()
        import pyarrow

        tables = [parquet().read_table(path, schema=self.schema) for path in paths]
        return pyarrow.concat_tables(tables) if tables else self.schema.empty_table()


def vector_width(nlp: Language) -> Optional[int]:
    """Width of the entity vectors of a pipeline.

    nlp (Language): The pipeline.
    RETURNS (Optional[int]): None if no component makes them.
    """
    for name in nlp.pipe_names:
        if nlp.get_pipe_meta(name).factory == "mluke":
            from ..encoder.access import load_model

            pipe: Any = nlp.get_pipe(name)
            load_model(pipe.model)
            return pipe.model.get_dim("nO")
    return None
