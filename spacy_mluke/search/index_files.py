"""The files of a search index: a SQLite file with documents, ids and types, and two files with an array each.

Vectors are rounded to eight bits, each with a scale of its own: a quarter of float32's size, and about as fast to
multiply (docs/guides/search.md has the figures).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Tuple

import numpy

from ..errors import Errors
from ..storage.sqlite import ReadOnlyDatabase
from ..types import Floats1d, Floats2d

FORMAT = 1
DATABASE, MENTIONS, VECTORS = FILES = ("index.sqlite", "mentions.bin", "vectors.bin")
_LARGEST = 127
MENTION = numpy.dtype(
    [
        ("doc", "<u4"),  # row of `documents`
        ("start", "<i4"),
        ("end", "<i4"),
        ("entity", "<u4"),  # row of `entities`; 0 for a mention without an id
        ("kind", "<u4"),  # row of `kinds`
        ("lang", "<u4"),  # row of `languages`
        ("score", "<f4"),  # probability of the mention; NaN if there is none
        ("link_score", "<f4"),  # probability of its link; NaN if there is none
        ("scale", "<f4"),  # of its vector; 0 for a mention without a vector
    ]
)
SCHEMA = f"""
    PRAGMA user_version = {FORMAT};
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
    CREATE TABLE documents (num INTEGER PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL);
    CREATE TABLE entities (num INTEGER PRIMARY KEY, id TEXT NOT NULL, n_mentions INTEGER NOT NULL);
    CREATE TABLE kinds (num INTEGER PRIMARY KEY, labels TEXT NOT NULL);
    CREATE TABLE languages (num INTEGER PRIMARY KEY, lang TEXT NOT NULL, n_mentions INTEGER NOT NULL);
    CREATE INDEX entities_by_id ON entities (id);
"""


class IndexDatabase(ReadOnlyDatabase):
    """The SQLite file of an index. It need not be trusted.

    path (Path): The file.
    """

    message = Errors.ML431
    version = FORMAT
    schema = SCHEMA


def round_vectors(vectors: Floats2d) -> Tuple[Any, Floats1d]:
    """Round vectors to eight bits.

    vectors (Floats2d): Shape: (n, width), float32.
    RETURNS (Tuple[Any, Floats1d]): int8 of the same shape; the scale of each row, 0 for a row of zeros, and for one
        with a number that is not finite. A row times its scale has length 1.
    """
    norms = numpy.linalg.norm(vectors, axis=1)
    is_usable = numpy.isfinite(norms) & (norms > 0)
    usable = numpy.where(is_usable[:, None], vectors, 0)
    largest = numpy.abs(usable).max(axis=1, initial=0.0, keepdims=True)
    rounded = numpy.round(usable * (_LARGEST / numpy.where(largest > 0, largest, 1)))
    lengths = numpy.linalg.norm(rounded, axis=1)
    scales = numpy.divide(1, lengths, where=lengths > 0, out=numpy.zeros(len(lengths), dtype="float32"))
    return rounded.astype("int8"), scales


def map_array(folder: Path, name: str, dtype: Any, shape: Tuple[int, ...]) -> Any:
    """Map a file with an array into memory, for reading.

    folder (Path): The folder of the index.
    name (str): Name of the file.
    dtype (Any): Type of the array's elements.
    shape (Tuple[int, ...]): Shape of the array.
    RETURNS (Any): The array.
    RAISES (ValueError): ML431 if the file is missing, or has another size.
    """
    path = folder / name
    expected = int(numpy.prod(shape, dtype="int64")) * numpy.dtype(dtype).itemsize
    try:
        size = path.stat().st_size
        if size != expected:
            raise ValueError(Errors.ML431.format(path=folder, reason=f"{name} has {size} bytes, not {expected}"))
        return numpy.memmap(path, dtype, "r", shape=shape) if expected else numpy.zeros(shape, dtype)
    except OSError as error:
        raise ValueError(Errors.ML431.format(path=folder, reason=error)) from error


def split_kinds(labels: str) -> List[str]:
    """Return the labels of a row of `kinds`.

    labels (str): The labels, each on a line.
    RETURNS (List[str]): The mention's label, and the finer types of its entity.
    """
    return labels.split("\n")
