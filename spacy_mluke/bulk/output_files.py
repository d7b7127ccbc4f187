"""Build, write and merge the files with documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from .job import Job
from .parquet_files import parquet
from .records import Record
from .rows import make_row, make_schema
from .vectors import describe_encoder


class OutputFiles:
    """Converts documents to the output format of a run, and writes them.

    `convert` and `build` work in memory, so their errors are caused by documents. Errors of `write` are caused by the
    disk.

    job (Job): The run.
    nlp (Language): The pipeline.
    """

    def __init__(self, job: Job, nlp: Language):
        self.job = job
        self.nlp = nlp
        self._schema: Any = None

    def convert(self, record: Record, doc: Doc) -> Any:
        """Convert an annotated document for `build`.

        record (Record): The record of the document.
        doc (Doc): The document, annotated.
        RETURNS (Any): A row for Parquet, or the document with its id for DocBin.
        """
        if self.job.format == "parquet":
            return make_row(record, doc, self.job.with_vectors)
        doc.user_data[self.job.id_key] = record.id
        if record.meta:
            doc.user_data["meta"] = record.meta
        return doc

    def source_of(self, converted: Any) -> Dict[str, Any]:
        """Return the input of a converted document, for a bad record.

        converted (Any): As from `convert`.
        RETURNS (Dict[str, Any]): Its id, text and other values.
        """
        if self.job.format == "parquet":
            found = {self.job.id_key: converted["id"], self.job.text_key: converted["text"]}
            return {**found, "meta": json.loads(converted["meta"])} if converted["meta"] else found
        return {self.job.id_key: converted.user_data[self.job.id_key], self.job.text_key: converted.text}

    def build(self, converted: List[Any]) -> Any:
        """Build the content of a file.

        converted (List[Any]): Documents, as from `convert`.
        RETURNS (Any): A pyarrow.Table, or the bytes of a DocBin.
        """
        if self.job.format == "docbin":
            return DocBin(docs=converted, store_user_data=True).to_bytes()
        import pyarrow

        return pyarrow.Table.from_pylist(converted, schema=self.schema)

    @property
    def schema(self) -> Any:
        """The pyarrow.Schema of the output."""
        if self._schema is None:
            width, encoder = describe_encoder(self.nlp) if self.job.with_vectors else (None, "")
            self._schema = make_schema(width, f"{self.nlp.meta['lang']}_{self.nlp.meta['name']}", encoder)
        return self._schema

    def write(self, content: Any, path: Path) -> None:
        """Write a file.

        content (Any): As from `build`.
        path (Path): The file.
        """
        if self.job.format == "docbin":
            path.write_bytes(content)
        else:
            parquet().write_table(content, path, compression="zstd")

    def merge(self, paths: List[Path]) -> Any:
        """Merge the content of several files.

        paths (List[Path]): The files.
        RETURNS (Any): As from `build`.
        """
        if self.job.format == "docbin":
            merged = DocBin(store_user_data=True)
            for path in paths:
                found = DocBin(store_user_data=True).from_disk(path)
                if len(found):
                    merged.merge(found)
            return merged.to_bytes()
        import pyarrow

        tables = [parquet().read_table(path, schema=self.schema) for path in paths]
        return pyarrow.concat_tables(tables) if tables else self.schema.empty_table()
