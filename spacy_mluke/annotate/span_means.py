"""Mean states of spans, which `span_vectors = "centered"` subtracts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import numpy

from ..types import Floats1d, Floats2d
from .states import join_words

_DIGITS = 4
_FOLDER = Path(__file__).resolve().parent.parent / "assets" / "span_means"


class SpanMeans(NamedTuple):
    """Mean states over the spans of many texts.

    entities (Floats1d): Mean state of their entities. Shape: (width,), float32.
    words (Floats1d): Mean of the mean states of their wordpieces. Shape: (width,), float32.
    """

    entities: Floats1d
    words: Floats1d

    def center(self, entities: Floats2d, words: Floats2d) -> Floats2d:
        """Return the vectors of spans: differences from the means, joined as by `join_words`.

        entities (Floats2d): States of their entities. Shape: (n, width).
        words (Floats2d): Means of their wordpieces' states. Shape: (n, width).
        RETURNS (Floats2d): Shape: (n, width), float32.
        """
        return join_words(entities - self.entities, words - self.words)

    def to_json(self) -> Dict[str, List[float]]:
        """Return the means as lists, rounded to four digits."""
        return {"entities": _rounded(self.entities).tolist(), "words": _rounded(self.words).tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SpanMeans:
        """Read means from `to_json`.

        content (Mapping[str, Any]): The content.
        RETURNS (SpanMeans): The means.
        RAISES (ValueError, TypeError, KeyError): If it is no such content.
        """
        found = cls(*(numpy.asarray(content[name], dtype="float32") for name in cls._fields))
        shapes = {own.shape for own in found}
        if len(shapes) > 1 or found.words.ndim != 1 or not all(numpy.isfinite(own).all() for own in found):
            raise ValueError("its mean states are no two vectors of one length")
        return found


@cache
def bundled_means(checkpoint: str) -> Optional[SpanMeans]:
    """Return the means that come with the package for a bundled checkpoint.

    checkpoint (str): Its name.
    RETURNS (Optional[SpanMeans]): The means; None for another checkpoint.
    """
    path = _FOLDER / f"{Path(checkpoint).name}.json"
    if checkpoint != path.stem or not path.is_file():
        return None
    return SpanMeans.from_json(json.loads(path.read_text(encoding="utf8")))


def _rounded(vector: Any) -> Any:
    return numpy.round(numpy.asarray(vector, dtype="float64"), _DIGITS)
