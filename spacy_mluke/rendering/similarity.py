"""The similarity of a text's mentions, as a heat map of their vectors."""

from __future__ import annotations

from typing import List, Tuple

import numpy

from ..errors import Errors
from ..types import Floats2d
from .annotated import AnnotatedText
from .line_wrapping import shorten
from .markup import Html, fill, join
from .tables import heat_map

MAX_MENTIONS = 60
_MAX_NAME = 28  # characters


def similarity_map(content: AnnotatedText) -> Html:
    """Compare the vectors of a text's mentions by their cosine.

    content (AnnotatedText): The text.
    RETURNS (Html): A heat map of the cosines times 100, whose colours extend from the lowest cosine to 1. Notes count
        mentions that have no vector, and mentions that are not shown because there are too many.
    RAISES (ValueError): ML451 if no mention has a vector.
    """
    numbers, cosines = _cosines(content)
    if not numbers:
        if content.mentions:
            raise ValueError(Errors.ML451)
        return Html('<p class="mluke-note">No entities.</p>')
    shown = numbers[:MAX_MENTIONS]
    cosines = cosines[: len(shown), : len(shown)]
    lowest = float(cosines.min())
    names = [f"{k} {shorten(content.string(i), _MAX_NAME)}" for k, i in enumerate(shown, 1)]
    columns = [str(k) for k in range(1, len(shown) + 1)]
    levels = (cosines - lowest) / max(1.0 - lowest, 1e-6)
    cells = [[f"{100 * value:.0f}" for value in row] for row in cosines.tolist()]
    notes = [f"Cosine of the mentions' vectors, times 100. The colours extend from {100 * lowest:.0f} to 100."]
    if len(content.mentions) > len(numbers):
        notes.append(f"Mentions without a vector: {len(content.mentions) - len(numbers)}.")
    if len(numbers) > len(shown):
        notes.append(f"Shown are the first {len(shown)} of {len(numbers)} mentions.")
    drawn = heat_map(names, columns, levels, cells, name="Similarity of mentions")
    return join((drawn, fill('<p class="mluke-note">{}</p>', " ".join(notes))))


def _cosines(content: AnnotatedText) -> Tuple[List[int], Floats2d]:
    """Return the mentions that have vectors, and the cosines of these. Shape: (n, n)."""
    if content.cosines is not None:
        numbers = numpy.flatnonzero(~numpy.isnan(content.cosines.diagonal())).tolist()
        return numbers, content.cosines[numpy.ix_(numbers, numbers)]
    numbers = sorted(content.vectors)
    if not numbers:
        return numbers, numpy.zeros((0, 0))
    vectors = numpy.stack([numpy.asarray(content.vectors[i], dtype="float64") for i in numbers])
    lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / numpy.where(lengths > 0, lengths, 1.0)
    return numbers, vectors @ vectors.T
