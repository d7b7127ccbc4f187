"""Keep the best rows of a stream of scored rows."""

from __future__ import annotations

from typing import Any, List, Optional

import numpy

from ..types import Floats1d, Ints1d


class BestRows:
    """The rows with the highest scores so far. Memory does not grow with the number of rows that were added.

    limit (int): Number of rows to keep.
    per_group (Optional[int]): Number of rows to keep of each group, such as a language; None for no limit.
    """

    def __init__(self, limit: int, per_group: Optional[int] = None):
        self.limit = limit
        self.per_group = per_group
        self._parts: List[Any] = []
        self._n = 0

    def add(self, rows: Ints1d, scores: Floats1d, groups: Ints1d) -> None:
        """Add rows.

        rows (Ints1d): Numbers of the rows, higher than those added before.
        scores (Floats1d): Their scores.
        groups (Ints1d): Their groups.
        """
        if self.per_group is None and len(rows) > self.limit:
            best = numpy.argsort(-scores, kind="stable")[: self.limit]
            rows, scores, groups = rows[best], scores[best], groups[best]
        self._parts.append((rows, scores, groups))
        self._n += len(rows)
        if self._n > 64 * self.limit + 4096:
            self._parts = [self._best()]
            self._n = len(self._parts[0][0])

    def sorted(self) -> List[int]:
        """Return the best rows.

        RETURNS (List[int]): Their numbers, best first; equally good ones in the order in which they were added.
        """
        return self._best()[0][: self.limit].tolist() if self._parts else []

    def _best(self) -> Any:
        rows, scores, groups = (numpy.concatenate(parts) for parts in zip(*self._parts, strict=True))
        order = numpy.argsort(-scores, kind="stable")
        if self.per_group is not None:
            order = order[_rank_in_group(groups[order]) < self.per_group]
        order = order[: self.limit]
        return rows[order], scores[order], groups[order]


def _rank_in_group(groups: Ints1d) -> Ints1d:
    """Return for each element how many elements of its group are before it."""
    order = numpy.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = numpy.flatnonzero(numpy.diff(ordered, prepend=-1))
    lengths = numpy.diff(starts, append=len(ordered))
    ranks = numpy.empty(len(groups), dtype="int64")
    ranks[order] = numpy.arange(len(groups)) - numpy.repeat(starts, lengths)
    return ranks
