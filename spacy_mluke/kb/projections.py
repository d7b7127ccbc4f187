"""Learned maps of mean states of texts and of descriptions into one space."""

from __future__ import annotations

import base64
from typing import Any, Dict, Mapping, NamedTuple

import numpy

from ..types import Floats1d, Floats2d, Ints1d

# Distances of wordpieces from a mention, in wordpieces: up to each of these, they have one weight.
DISTANCES = (1, 2, 4, 8, 16, 32, 64)
_LARGEST = 127
_DIGITS = 4


class Projections(NamedTuple):
    """Maps vectors so that those of a text and of what its mention means are similar.

    They are trained on mentions (`scripts/train_similarity.py`).

    text (Floats2d): The map of centred vectors of texts. Shape: (n, width), float32.
    description (Floats2d): That of descriptions. Shape: (n, width), float32.
    nearness (Floats1d): How much a wordpiece of a text counts, for each of `DISTANCES` from the mention. Shape: (7,),
        float32.
    """

    text: Floats2d
    description: Floats2d
    nearness: Floats1d

    def to_json(self) -> Dict[str, Any]:
        """Return the maps in eight bits, and the weights of distances."""
        return {
            "text": _pack(self.text),
            "description": _pack(self.description),
            "nearness": [round(float(value), _DIGITS) for value in self.nearness],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Projections:
        """Read the maps from `to_json`.

        content (Mapping[str, Any]): The content.
        RETURNS (Projections): The maps.
        RAISES (ValueError, TypeError, KeyError): If it is no such content.
        """
        text, description = _unpack(content["text"]), _unpack(content["description"])
        nearness = numpy.asarray(content["nearness"], dtype="float32")
        if text.shape != description.shape or nearness.shape != (len(DISTANCES),):
            raise ValueError("its projections do not fit together")
        if not (numpy.isfinite(nearness).all() and (nearness > 0).all()):
            raise ValueError("its weights of distances are no positive numbers")
        return cls(text, description, nearness)

    def rounded(self) -> Projections:
        """Return the maps as `from_json` reads them."""
        return Projections.from_json(self.to_json())

    def piece_weights(self, distances: Ints1d) -> Floats1d:
        """Return how much wordpieces count.

        distances (Ints1d): Their distances from the mention: 1 for the next ones, at most 64. Shape: (n,).
        RETURNS (Floats1d): Their weights. Shape: (n,), float32.
        """
        return self.nearness[numpy.searchsorted(DISTANCES, distances)]


def _pack(matrix: Floats2d) -> Dict[str, Any]:
    """A matrix of integers from -127 to 127, and the factor of each row."""
    scales = numpy.abs(matrix).max(axis=1, keepdims=True) / _LARGEST
    scales = numpy.asarray([[float(f"{value:.5g}") for value in row] for row in numpy.where(scales > 0, scales, 1.0)])
    whole = numpy.clip(numpy.round(matrix / scales), -_LARGEST, _LARGEST).astype("int8")
    return {"scales": scales[:, 0].tolist(), "int8": base64.b64encode(whole.tobytes()).decode("ascii")}


def _unpack(content: Mapping[str, Any]) -> Floats2d:
    scales = numpy.asarray(content["scales"], dtype="float32")
    whole = numpy.frombuffer(base64.b64decode(content["int8"], validate=True), dtype="int8")
    if scales.ndim != 1 or not len(scales) or not len(whole) or len(whole) % len(scales):
        raise ValueError("its projections are no matrices")
    if not numpy.isfinite(scales).all():
        raise ValueError("its projections are not finite")
    return whole.reshape(len(scales), -1).astype("float32") * scales[:, None]
