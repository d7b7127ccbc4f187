"""What a process imports so that it can be forked: all that reading, a pipeline and writing need, with the packages
that spaCy imports when the first Language is made, and pyarrow when the first table is."""

from __future__ import annotations

import contextlib

import spacy

from ..training import jsonl
from . import worker

__all__ = ["jsonl", "worker"]

spacy.blank("xx")
# Only those who write Parquet need it.
with contextlib.suppress(ImportError):
    import pyarrow.parquet

    pyarrow.Table.from_pylist([{"n": 0}])
