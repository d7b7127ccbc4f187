"""Index arithmetic for ragged arrays: sequences that lie end to end, with an array of their lengths."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from .types import Ints1d, Ints2d


class Spans(NamedTuple):
    """Spans of several documents, end to end: what a suggester returns, without thinc's `Ragged`."""

    dataXd: Ints2d  # (n_spans, 2): token bounds
    lengths: Ints1d  # (n_docs,): number of spans of each document


def to_numpy(values: Any) -> Any:
    """Return an array on the CPU.

    values (Any): An array of NumPy, or of another library that thinc knows.
    RETURNS (numpy.ndarray): The same array if it is NumPy's.
    """
    if isinstance(values, numpy.ndarray):
        return values
    # thinc imports torch, which alignment must not need.
    from thinc.util import to_numpy as copy_to_numpy

    return copy_to_numpy(values)


def ranges(starts: Ints1d, lengths: Ints1d) -> Ints1d:
    """Return the numbers of several ranges, end to end.

    starts (Ints1d): First number of each range. Shape: (n,).
    lengths (Ints1d): Number of numbers of each range; zero is allowed. Shape: (n,).
    RETURNS (Ints1d): Shape: (sum of lengths,), int64. `ranges([5, 2], [2, 3])` is 5 6 2 3 4.
    """
    ends = lengths.cumsum(dtype="int64")
    total = int(ends[-1]) if len(ends) else 0
    return numpy.arange(total) + (starts - (ends - lengths)).repeat(lengths)


def positions(lengths: Ints1d) -> Ints1d:
    """Return the position of each member within its sequence.

    lengths (Ints1d): Shape: (n,).
    RETURNS (Ints1d): Shape: (sum of lengths,), int64. `positions([3, 2])` is 0 1 2 0 1.
    """
    starts = row_offsets(lengths)
    return numpy.arange(starts[-1]) - starts[:-1].repeat(lengths)


def row_offsets(lengths: Ints1d) -> Ints1d:
    """Return the start of each sequence, and the end of the last one.

    lengths (Ints1d): Shape: (n,).
    RETURNS (Ints1d): Shape: (n + 1,), int64. `row_offsets([3, 2])` is 0 3 5.
    """
    found = numpy.zeros(len(lengths) + 1, dtype="int64")
    lengths.cumsum(dtype="int64", out=found[1:])
    return found


def ragged_rows(lengths: Ints1d, which: Ints1d) -> Ints1d:
    """Return the row numbers of some of the sequences.

    lengths (Ints1d): Number of rows of each sequence.
    which (Ints1d): Numbers of the selected sequences.
    RETURNS (Ints1d): Their rows, sequence after sequence, int64.
    """
    return ranges(row_offsets(lengths)[which], lengths[which])
