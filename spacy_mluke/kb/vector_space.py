"""Make mean states of texts and of descriptions comparable."""

from __future__ import annotations

from typing import Any, Dict, Mapping

import numpy

from ..types import Floats1d, Floats2d

_ANY = ""  # the key of the mean over all languages
_DIGITS = 4


class VectorSpace:
    """Centres vectors, and removes the direction in which they differ most.

    Mean states of all texts point in nearly the same direction, and those of a language even more so: without its mean,
    a vector says what its text is about.

    texts (Mapping[str, Floats1d]): Mean vector of texts by language; "" for all languages. Shape: (width,).
    descriptions (Floats1d): Mean vector of descriptions. Shape: (width,).
    common (Floats1d): The direction that is removed, of length 1. Shape: (width,).
    RAISES (ValueError): If "" is missing or the vectors differ in length.
    """

    def __init__(self, texts: Mapping[str, Floats1d], descriptions: Floats1d, common: Floats1d):
        # Rounded as in files, so that a saved space gives the same results.
        self.texts = {lang: _rounded(mean) for lang, mean in texts.items()}
        self.descriptions, self.common = _rounded(descriptions), _rounded(common)
        shapes = {own.shape for own in (*self.texts.values(), self.descriptions, self.common)}
        if _ANY not in self.texts or len(shapes) > 1 or self.common.ndim != 1:
            raise ValueError("its vectors do not fit together")
        if not all(numpy.isfinite(own).all() for own in (*self.texts.values(), self.descriptions, self.common)):
            raise ValueError("its vectors are not finite")

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
        RETURNS (Floats2d): Vectors of length 1, or 0. Shape: (n, width), float64.
        """
        return self._project(vectors - self.texts.get(lang, self.texts[_ANY]))

    def description(self, vectors: Floats2d) -> Floats2d:
        """Return the vectors of descriptions in this space.

        vectors (Floats2d): Mean states. Shape: (n, width).
        RETURNS (Floats2d): Vectors of length 1, or 0. Shape: (n, width), float64.
        """
        return self._project(vectors - self.descriptions)

    def _project(self, centred: Floats2d) -> Floats2d:
        found: Any = centred - numpy.outer(centred @ self.common, self.common)
        lengths = numpy.linalg.norm(found, axis=1, keepdims=True)
        return found / numpy.where(lengths > 0, lengths, 1.0)

    def to_json(self) -> Dict[str, Any]:
        """Return the vectors as lists, rounded to four digits."""
        return {
            "texts": {lang: mean.tolist() for lang, mean in sorted(self.texts.items())},
            "descriptions": self.descriptions.tolist(),
            "common": self.common.tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> VectorSpace:
        """Read a space from `to_json`.

        content (Mapping[str, Any]): The content.
        RETURNS (VectorSpace): The space.
        RAISES (ValueError, TypeError, KeyError, AttributeError): If it is no such content.
        """
        return cls(dict(content["texts"].items()), content["descriptions"], content["common"])


def _rounded(vector: Any) -> Floats1d:
    return numpy.round(numpy.asarray(vector, dtype="float64"), _DIGITS)
