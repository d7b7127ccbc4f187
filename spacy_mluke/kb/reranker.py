"""A small trained model that ranks a mention's candidates by features."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any, Collection, Dict, List, Optional, Sequence, Tuple, Union

import numpy

from ..errors import Errors
from ..storage.files import replacing
from ..storage.untrusted import parse_json, read_untrusted
from ..types import Floats1d, Floats2d, Ints1d
from .bundled import ASSETS
from .evidence import FACT_FEATURES
from .nil import LATER_NIL_FEATURES, NIL_FEATURES
from .vector_space import VectorSpace

# The last one: the similarity of a candidate's description with the text around the mention, by the encoder.
FEATURES = (*FACT_FEATURES, "text")
_LATER = {"country": 0.0, "keywords": 0.0}
BUNDLED = ASSETS / "reranker" / "weights.json"
_MOST_BYTES = 1 << 24
# Probability without the encoder of a mention's best candidate, from which on the encoder is not asked.
_CLEAR = 0.8
# Part of the best candidate's probability, below which a candidate is not compared with the text.
_POSSIBLE = 0.03
_STEPS = 50
_TOLERANCE = 1e-9
Weights = Dict[str, float]
Item = Tuple[Floats2d, int]  # features of a mention's candidates, and the index of the gold one


class Reranker:
    """Probabilities of candidates: the softmax of a weighted sum of their features.

    weights (Weights): Weight of each feature of `FEATURES`.
    without_encoder (Weights): Weights that are used without the features of the encoder.
    encoder (str): Name of the encoder that the weights were trained with; with another, its features are not used.
    space (Optional[VectorSpace]): Makes the encoder's states of texts and descriptions comparable; None if the features
        of the encoder are not used.
    nil (Optional[Weights]): Weight of each feature of `NIL_FEATURES`; None if it does not say whether the knowledge
        base lacks what a mention means.
    first_names (Collection[str]): First names of people, in lower case. A mention that is only one of these is NIL.
    RAISES (ValueError): ML415 for unknown features, and weights that are no numbers.
    """

    def __init__(
        self,
        weights: Weights,
        without_encoder: Weights,
        encoder: str = "",
        space: Optional[VectorSpace] = None,
        nil: Optional[Weights] = None,
        first_names: Collection[str] = (),
    ):
        self.weights = _check(weights, FEATURES)
        self.without_encoder = _check(without_encoder, FACT_FEATURES)
        self.encoder = encoder
        self.space = space
        self.nil = None if nil is None else _check(nil, NIL_FEATURES)
        self.first_names = frozenset(map(str, first_names))

    def probabilities(self, features: Floats2d) -> Floats1d:
        """Return the probabilities of a mention's candidates.

        features (Floats2d): A row for each candidate, with the columns `FEATURES`, or `FACT_FEATURES` without encoder.
            Shape: (n, 6) or (n, 5).
        RETURNS (Floats1d): Probabilities, which sum to 1. Shape: (n,), float64.
        """
        is_complete = features.shape[1] == len(FEATURES)
        names, weights = (FEATURES, self.weights) if is_complete else (FACT_FEATURES, self.without_encoder)
        return _softmax(features @ numpy.asarray([weights[name] for name in names]))

    def compared(self, probabilities: Floats1d, rows: Ints1d, features: Floats2d) -> Floats1d:
        """Return the probabilities after some candidates were compared with the text.

        probabilities (Floats1d): Those without encoder. Shape: (n,).
        rows (Ints1d): The candidates that were compared, from `open_candidates`. They share what they had together.
        features (Floats2d): Their features, with the columns `FEATURES`. Shape: (n_rows, 6).
        RETURNS (Floats1d): Probabilities, which sum to 1. Shape: (n,), float64.
        """
        found = probabilities.copy()
        found[rows] = found[rows].sum() * self.probabilities(features)
        return found

    def to_bytes(self) -> bytes:
        """Return the weights as JSON."""
        content: Dict[str, Any] = {"encoder": self.encoder, "weights": self.weights}
        content.update(without_encoder=self.without_encoder, nil=self.nil, first_names=sorted(self.first_names))
        space = None if self.space is None else self.space.to_json()
        return (json.dumps({**content, "space": space}, ensure_ascii=False) + "\n").encode("utf8")

    @classmethod
    def from_bytes(cls, data: bytes, source: Union[str, Path] = "these bytes") -> Reranker:
        """Read the weights from `to_bytes`.

        data (bytes): The JSON.
        source (Union[str, Path]): Where it is from, for the message.
        RETURNS (Reranker): The model.
        RAISES (ValueError): ML415 if they are no weights of a re-ranker.
        """
        try:
            content = parse_json(data)
            space = content["space"] and VectorSpace.from_json(content["space"])
            # Files of earlier versions have other features.
            weights, reduced = ({**_LATER, **content[key]} for key in ("weights", "without_encoder"))
            nil = content.get("nil") and {**dict.fromkeys(LATER_NIL_FEATURES, 0.0), **content["nil"]}
            first_names = content.get("first_names", [])
            return cls(weights, reduced, str(content["encoder"]), space, nil, first_names)
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise ValueError(Errors.ML415.format(source=source, reason=err)) from err

    def to_disk(self, path: Path) -> None:
        """Write the weights to a file."""
        with replacing(path) as aside:
            aside.write_bytes(self.to_bytes())

    @classmethod
    def from_disk(cls, path: Path) -> Reranker:
        """Read the weights from a file.

        path (Path): The file.
        RETURNS (Reranker): The model.
        RAISES (ValueError): ML415 if it cannot be read, or has no weights of a re-ranker.
        """
        try:
            data = read_untrusted(path, most=_MOST_BYTES)
        except (OSError, ValueError) as err:
            raise ValueError(Errors.ML415.format(source=path, reason=err)) from err
        return cls.from_bytes(data, path)


def open_candidates(probabilities: Floats1d) -> Ints1d:
    """Return which candidates of a mention must be compared with its text.

    probabilities (Floats1d): Probabilities without encoder. Shape: (n,).
    RETURNS (Ints1d): Indices of candidates; none if one of them is probable enough, or the only possible one.
    """
    best = probabilities.max()
    rows: Ints1d = numpy.flatnonzero(probabilities >= _POSSIBLE * best)
    return rows if best < _CLEAR and len(rows) > 1 else rows[:0]


@lru_cache(maxsize=1)
def bundled_reranker() -> Reranker:
    """Return the model that comes with the package, for the bundled knowledge base."""
    return Reranker.from_disk(BUNDLED)


def fit_reranker(
    items: Sequence[Item],
    encoder: str,
    space: VectorSpace,
    *,
    l2: float = 1.0,
    importance: Optional[Sequence[float]] = None,
) -> Reranker:
    """Train a re-ranker: maximize the probability of the gold candidates, by Newton's method.

    items (Sequence[Item]): Mentions with several candidates, with all features.
    encoder (str): Name of the encoder that computed the features.
    space (VectorSpace): The space of its features.
    l2 (float): Weight of the penalty: half the sum of the squared weights.
    importance (Optional[Sequence[float]]): How much each item counts; None for 1.
    RETURNS (Reranker): The model.
    RAISES (ValueError): ML416 if there is no item.
    """
    if not items:
        raise ValueError(Errors.ML416)
    n_facts = len(FACT_FEATURES)
    complete = fit_weights(items, l2=l2, importance=importance)
    reduced = fit_weights([(features[:, :n_facts], gold) for features, gold in items], l2=l2, importance=importance)
    named = [dict(zip(FEATURES, map(_rounded, own), strict=False)) for own in (complete, reduced)]
    return Reranker(named[0], named[1], encoder, space)


def fit_weights(items: Sequence[Item], *, l2: float, importance: Optional[Sequence[float]] = None) -> Floats1d:
    """Return the weights of a softmax over candidates with the highest penalized likelihood.

    items (Sequence[Item]): Features of the candidates of each mention, and the index of the gold one.
    l2 (float): Weight of the penalty.
    importance (Optional[Sequence[float]]): How much each item counts; None for 1.
    RETURNS (Floats1d): The weights. Shape: (n_features,), float64.
    """
    n = items[0][0].shape[1]
    counts = [1.0] * len(items) if importance is None else importance
    weights: Any = numpy.zeros(n)
    for _ in range(_STEPS):
        gradient = -l2 * weights
        hessian = l2 * numpy.eye(n)
        for (features, gold), count in zip(items, counts, strict=True):
            found = _softmax(features @ weights)
            mean = found @ features
            gradient += count * (features[gold] - mean)
            hessian += count * ((features * found[:, None]).T @ features - numpy.outer(mean, mean))
        step = numpy.linalg.solve(hessian, gradient)
        weights = weights + step
        if float(numpy.abs(step).max()) < _TOLERANCE:
            break
    return weights


def _softmax(logits: Floats1d) -> Floats1d:
    found = numpy.exp(logits - logits.max())
    return found / found.sum()


def _rounded(value: float) -> float:
    return round(float(value), 4)


def _check(weights: Any, names: Sequence[str]) -> Weights:
    missing = [name for name in names if name not in weights]
    found: List[Optional[float]] = [weights.get(name) for name in names]
    wrong = [name for name, value in zip(names, found, strict=True) if not _is_number(value)]
    if missing or wrong:
        raise ValueError(f"there is no number for {', '.join(missing or wrong)}")
    return {name: float(value) for name, value in zip(names, found, strict=True) if value is not None}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
