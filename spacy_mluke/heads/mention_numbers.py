"""Number the mentions of pairs. Without torch: exported models (`onnx/`) use it, too."""

from __future__ import annotations

from typing import Tuple

import numpy

from ..types import Ints2d, Ints3d


def number_mentions(groups: Ints3d) -> Tuple[Ints2d, Ints2d]:
    """Number the mentions of one document.

    groups (Ints3d): Token bounds of pairs. Shape: (n_pairs, 2, 2).
    RETURNS (Tuple[Ints2d, Ints2d]): Token bounds of the mentions, each once, (n_mentions, 2); the numbers of head and
        tail of each pair, (n_pairs, 2).
    """
    bounds = numpy.asarray(groups, dtype="int32").reshape((-1, 2))
    if not len(bounds):
        return bounds, numpy.zeros((0, 2), dtype="int64")
    mentions, numbers = numpy.unique(bounds, axis=0, return_inverse=True)
    return mentions, numbers.reshape((-1, 2)).astype("int64")
