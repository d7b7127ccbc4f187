"""Make mean states of texts and of descriptions comparable."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict, Mapping, Optional

import numpy

from ..types import Floats1d, Floats2d
from .projections import Projections

_ANY = ""  # the key of the mean over all languages
_DIGITS = 4


class VectorSpace:
    """Centres vectors, and maps them by learned projections, or removes the direction in which they differ most.

    Mean states of all texts point in nearly the same direction, and those of a language even more so: without its mean,
    a vector says what its text is about.

    texts (Mapping[str, Floats1d]): Mean vector of texts by language; "" for all languages. Shape: (width,).
    descriptions (Floats1d): Mean vector of descriptions. Shape: (width,).
    common (Floats1d): The direction that is removed if there are no projections, of length 1. Shape: (width,).
    projections (Optional[Projections]): Learned maps of centred vectors.
    RAISES (ValueError): If "" is missing or the vectors differ in length.
    """

    def __init__(
        self,
        texts: Mapping[str, Floats1d],
        descriptions: Floats1d,
        common: Floats1d,
        projections: Optional[Projections] = None,
    ):
        # Rounded as in files, so that a saved space gives the same results.
        self.texts = {lang: _rounded(mean) for lang, mean in texts.items()}
        self.descriptions, self.common = _rounded(descriptions), _rounded(common)
        self.projections = None if projections is None else projections.rounded()
        shapes = {own.shape for own in (*self.texts.values(), self.descriptions, self.common)}
        if _ANY not in self.texts or len(shapes) > 1 or self.common.ndim != 1:
            raise ValueError("its vectors do not fit together")
        if not all(numpy.isfinite(own).all() for own in (*self.texts.values(), self.descriptions, self.common)):
            raise ValueError("its vectors are not finite")
        if self.projections is not None and self.projections.text.shape[1:] != self.common.shape:
            raise ValueError("its projections do not fit its vectors")

    @cached_property
    def plain(self) -> VectorSpace:
        """The same means without projections: for descriptions in other words than those that these were trained on."""
        return self if self.projections is None else VectorSpace(self.texts, self.descriptions, self.common)

    @classmethod
    def fit(cls, texts: Mapping[str, Floats2d], descriptions: Floats2d) -> VectorSpace:
        """Compute means, and the direction in which the centred vectors differ most.

        texts (Mapping[str, Floats2d]): Vectors of texts by language. Shape: (n, width).
        descriptions (Floats2d): Vectors of descriptions. Shape: (n, width).
        RETURNS (VectorSpace): The space.
        """
        means = {lang: own.mean(axis=0) for lang, own in texts.items()}
        means[_ANY] = numpy.mean(list(means.values()), axis=0)
        mean = descriptions.mean(axis=0)
        centred = [own - means[lang] for lang, own in texts.items()] + [descriptions - mean]
        _, _, directions = numpy.linalg.svd(numpy.vstack(centred), full_matrices=False)
        return cls(means, mean, directions[0])

    def text(self, vectors: Floats2d, lang: str) -> Floats2d:
        """Return the vectors of texts in this space.

        vectors (Floats2d): Mean states. Shape: (n, width).
        lang (str): The language of the texts.
        RETURNS (Floats2d): Vectors of length 1, or 0. Shape: (n, width), or (n, n_rows) with projections; float64.
        """
        centred = vectors - self.texts.get(lang, self.texts[_ANY])
        return _unit(self._without_common(centred) if self.projections is None else centred @ self.projections.text.T)

    def description(self, vectors: Floats2d) -> Floats2d:
        """Return the vectors of descriptions in this space.

        vectors (Floats2d): Mean states. Shape: (n, width).
        RETURNS (Floats2d): Vectors of length 1, or 0. Shape: (n, width), or (n, n_rows) with projections; float64.
        """
        centred = vectors - self.descriptions
        own = self.projections
        return _unit(self._without_common(centred) if own is None else centred @ own.description.T)

    def _without_common(self, centred: Floats2d) -> Floats2d:
        return centred - numpy.outer(centred @ self.common, self.common)

    def to_json(self) -> Dict[str, Any]:
        """Return the vectors as lists, rounded to four digits, and the projections in eight bits."""
        found: Dict[str, Any] = {
            "texts": {lang: mean.tolist() for lang, mean in sorted(self.texts.items())},
            "descriptions": self.descriptions.tolist(),
            "common": self.common.tolist(),
        }
        if self.projections is not None:
            found["projections"] = self.projections.to_json()
        return found

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> VectorSpace:
        """Read a space from `to_json`.

        content (Mapping[str, Any]): The content.
        RETURNS (VectorSpace): The space.
        RAISES (ValueError, TypeError, KeyError, AttributeError): If it is no such content.
        """
        own = content.get("projections")
        projections = None if own is None else Projections.from_json(own)
        return cls(dict(content["texts"].items()), content["descriptions"], content["common"], projections)


def _unit(vectors: Any) -> Floats2d:
    lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / numpy.where(lengths > 0, lengths, 1.0)


def _rounded(vector: Any) -> Floats1d:
    return numpy.round(numpy.asarray(vector, dtype="float64"), _DIGITS)
