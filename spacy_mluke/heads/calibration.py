"""Calibration of probabilities: one temperature, fitted to annotated documents (Guo et al., 2017, section 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy
import torch

from ..ragged import row_offsets
from ..types import Bools1d, Bools2d, Floats1d, Floats2d, Ints1d
from .losses import sigmoid

# Smallest and largest temperature. If every prediction is right, the best temperature would be 0.
TEMPERATURES = (0.05, 20.0)
_BIASES = (-20.0, 20.0)
_STEPS = 100
_LEAST_LOGIT = math.log(0.1 / 0.9)


@dataclass(frozen=True)
class Calibration:
    """What makes probabilities of logits: `softmax(logits / temperature)` of classes that exclude each other,
    `sigmoid(logits / temperature + bias)` of independent classes."""

    temperature: float = 1.0
    bias: float = 0.0


@dataclass
class ClassLogits:
    """Logits of the classes of items, and the gold classes. An item is what a component classifies: a candidate span, a
    pair of entities, a mention, a question."""

    logits: Floats1d  # (n,): finite, of all classes of the first item, then of the second...
    truth: Bools1d  # (n,): whether each class is a gold class of its item
    negative: Bools1d  # (n,): whether each class is a negative one, such as "no relation"
    lengths: Ints1d  # (n_items,): number of classes of each item
    independent: bool = False  # whether an item may have any number of its classes, or has exactly one

    @classmethod
    def of(
        cls,
        logits: Floats1d,
        truth: Bools1d,
        lengths: Ints1d,
        *,
        negative: Optional[Bools1d] = None,
        independent: bool = False,
    ) -> ClassLogits:
        """Make the logits of items with different numbers of classes.

        logits (Floats1d): Logits; -inf and NaN for classes that an item does not have. Shape: (n,).
        truth (Bools1d): Whether each class is a gold class of its item. If classes exclude each other and several are
            gold, then any of them is right. Shape: (n,).
        lengths (Ints1d): Number of classes of each item. Shape: (n_items,).
        negative (Optional[Bools1d]): Whether each class is a negative one. Shape: (n,).
        independent (bool): Whether an item may have any number of classes.
        RETURNS (ClassLogits): The items. If classes exclude each other, items without a gold class are skipped.
        """
        kept = numpy.isfinite(logits)
        items = numpy.arange(len(lengths)).repeat(lengths)
        if not independent:
            kept &= (numpy.bincount(items[kept & truth], minlength=len(lengths)) > 0)[items]
        found = numpy.bincount(items[kept], minlength=len(lengths))
        is_negative = numpy.zeros(len(logits), dtype=bool) if negative is None else negative
        return cls(logits[kept], truth[kept], is_negative[kept], found[found > 0], independent)

    @classmethod
    def of_rows(
        cls, logits: Floats2d, truth: Bools2d, *, negative: Optional[int] = None, independent: bool = False
    ) -> ClassLogits:
        """Make the logits of items with the same classes.

        logits (Floats2d): Logits, as for `of`. Shape: (n_items, n_classes).
        truth (Bools2d): Whether each class is a gold class of its item. Shape: (n_items, n_classes).
        negative (Optional[int]): The negative class.
        independent (bool): As for `of`.
        RETURNS (ClassLogits): The items.
        """
        n_items, n_classes = logits.shape
        is_negative = numpy.tile(numpy.arange(n_classes) == (-1 if negative is None else negative), n_items)
        lengths = numpy.full(n_items, n_classes)
        return cls.of(
            logits.ravel(), truth.astype(bool).ravel(), lengths, negative=is_negative, independent=independent
        )

    @classmethod
    def join(cls, parts: Sequence[ClassLogits]) -> ClassLogits:
        """Join the items of several batches.

        parts (Sequence[ClassLogits]): The items of each batch, at least one.
        RETURNS (ClassLogits): All items.
        """
        return cls(
            numpy.concatenate([part.logits for part in parts]),
            numpy.concatenate([part.truth for part in parts]),
            numpy.concatenate([part.negative for part in parts]),
            numpy.concatenate([part.lengths for part in parts]),
            parts[0].independent,
        )

    def decided(self) -> ClassLogits:
        """Return the items that decide about predictions.

        Of classes that exclude each other, these are the items whose best class is not negative. Of independent
        classes, these are the classes with a probability of 0.1 or more, each as an item. The many others are negative
        with certainty. Their probabilities are no scores of predictions, and if they decided about the temperature,
        those of predictions would be wrong.

        RETURNS (ClassLogits): Some of the items.
        """
        if self.independent:
            kept = self.logits >= _LEAST_LOGIT
            lengths = numpy.ones(int(kept.sum()), dtype="int64")
            return ClassLogits(self.logits[kept], self.truth[kept], self.negative[kept], lengths, True)
        is_positive = ~self.negative[self._best()]
        kept = is_positive.repeat(self.lengths)
        return ClassLogits(self.logits[kept], self.truth[kept], self.negative[kept], self.lengths[is_positive])

    def _best(self) -> Ints1d:
        """The first row with the highest logit of each item."""
        if not len(self):
            return numpy.zeros(0, dtype="int64")
        items = numpy.arange(len(self)).repeat(self.lengths)
        tops = numpy.maximum.reduceat(self.logits, row_offsets(self.lengths)[:-1])
        is_top = numpy.flatnonzero(self.logits == tops[items])
        return is_top[numpy.unique(items[is_top], return_index=True)[1]]

    def __len__(self) -> int:
        return len(self.lengths)

    def probabilities(self, calibration: Calibration) -> Floats1d:
        """Return the probabilities of all classes.

        calibration (Calibration): Temperature and bias.
        RETURNS (Floats1d): Shape: (n,), float64.
        """
        scaled = self.logits.astype("float64") / calibration.temperature
        if self.independent or not len(self):
            return sigmoid(scaled + calibration.bias)
        at = row_offsets(self.lengths)[:-1]
        powers = numpy.exp(scaled - numpy.maximum.reduceat(scaled, at).repeat(self.lengths))
        return powers / numpy.add.reduceat(powers, at).repeat(self.lengths)

    def decisions(self, calibration: Calibration) -> Tuple[Floats1d, Bools1d]:
        """Return the probabilities of predicted classes, and whether each is right.

        Of independent classes, each is a prediction. Of classes that exclude each other, the most probable one is
        predicted; items whose best class is negative predict nothing. If several classes of an item are gold, because
        its annotation does not tell them apart, then a prediction of one of them is neither right nor wrong.

        calibration (Calibration): Temperature and bias.
        RETURNS (Tuple[Floats1d, Bools1d]): Probabilities and whether each is right. Shape of each: (n_predictions,).
        """
        found = self.probabilities(calibration)
        if self.independent:
            return found, self.truth
        best = self._best()
        items = numpy.arange(len(self)).repeat(self.lengths)
        n_gold = numpy.bincount(items[self.truth], minlength=len(self))
        best = best[~self.negative[best] & ~(self.truth[best] & (n_gold > 1))]
        return found[best], self.truth[best]


def mean_loss(items: ClassLogits, calibration: Calibration) -> float:
    """Return the mean negative log-likelihood of the gold classes: of an item, or of each of its independent classes.

    items (ClassLogits): The items.
    calibration (Calibration): Temperature and bias.
    RETURNS (float): The loss; 0 without items.
    """
    if not len(items):
        return 0.0
    logits, truth, owners = _tensors(items)
    scaled = logits / calibration.temperature + calibration.bias
    return float(_loss(scaled, truth, owners, len(items), items.independent))


def fit_calibration(items: ClassLogits, *, with_bias: bool = False) -> Calibration:
    """Fit the temperature, and optionally the bias, that minimize the negative log-likelihood of the gold classes.

    The most probable class of an item does not change.

    items (ClassLogits): The items, from documents that the classifier was not trained on.
    with_bias (bool): Whether to fit a bias, too; for independent classes only.
    RETURNS (Calibration): A temperature from 0.05 to 20. 1 without items.
    """
    if not len(items):
        return Calibration()
    logits, truth, owners = _tensors(items)
    with_bias &= items.independent
    log_scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=with_bias)
    parameters = [log_scale, bias] if with_bias else [log_scale]
    optimizer = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")
    lowest, highest = numpy.log(1 / numpy.asarray(TEMPERATURES[::-1]))

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        scaled = logits * log_scale.clamp(lowest, highest).exp() + bias.clamp(*_BIASES)
        value = _loss(scaled, truth, owners, len(items), items.independent)
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    temperature = float((-log_scale.detach().clamp(lowest, highest)).exp())
    return Calibration(temperature, float(bias.detach().clamp(*_BIASES)))


def _tensors(items: ClassLogits) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, whether they are of gold classes, and their items."""
    owners = torch.arange(len(items)).repeat_interleave(torch.from_numpy(items.lengths.astype("int64")))
    return torch.from_numpy(items.logits.astype("float64")), torch.from_numpy(items.truth), owners


def _loss(
    logits: torch.Tensor, truth: torch.Tensor, owners: torch.Tensor, n_items: int, independent: bool
) -> torch.Tensor:
    if independent:
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth.double())
    gold = _log_sums(logits[truth], owners[truth], n_items)
    return (_log_sums(logits, owners, n_items) - gold).mean()


def _log_sums(logits: torch.Tensor, owners: torch.Tensor, n_items: int) -> torch.Tensor:
    """The logarithm of the sum of exp(logits) of each item."""
    tops = torch.full((n_items,), -torch.inf, dtype=logits.dtype)
    tops = tops.scatter_reduce(0, owners, logits.detach(), "amax")
    sums = torch.zeros((n_items,), dtype=logits.dtype).index_add(0, owners, (logits - tops[owners]).exp())
    return tops + sums.log()
