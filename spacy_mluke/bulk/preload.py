"""Modules that the fork server imports before worker processes are forked: those for reading, pipelines and writing,
including packages that spaCy imports for the first Language, and pyarrow for the first table."""

from __future__ import annotations

import contextlib

import spacy

from ..training import jsonl
from . import worker

__all__ = ["jsonl", "worker"]

spacy.blank("xx")
# Only needed to write Parquet.
with contextlib.suppress(ImportError):
    import pyarrow.parquet

    pyarrow.Table.from_pylist([{"n": 0}])
