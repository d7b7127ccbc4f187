"""Calibrate the components of a pipeline: fit their temperatures to annotated documents, and say what it changes."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch

from ..errors import Errors, did_you_mean
from ..heads.calibration import TEMPERATURES, Calibration, ClassLogits, fit_calibration, mean_loss
from ..scorers.confidence import Judged
from ..types import Bools1d, Floats1d
from .reliability import Reliability, Threshold, log_loss, reliability, threshold_scores

THRESHOLDS = tuple(n / 10 for n in range(1, 10))
_TEMPERATURE, _BIAS, _THRESHOLD = "temperature", "bias", "threshold"
_DOCS = 64  # documents that are predicted together
_TRIALS = 16  # the last two temperatures that are tried differ by less than one percent
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Calibratable(Protocol):
    """A component with probabilities."""

    name: str
    cfg: Dict[str, Any]  # with the option "temperature", and perhaps "bias" and "threshold"

    def predict(self, docs: Iterable[Doc]) -> Any: ...

    def set_annotations(self, docs: Iterable[Doc], prediction: Any) -> None: ...

    def class_logits(self, examples: Sequence[Example], prediction: Any) -> ClassLogits:
        """Return the logits of what was classified, and the gold classes."""
        ...

    def judge(self, example: Example) -> Judged:
        """Compare the predictions for a document with the gold annotation."""
        ...


@dataclass
class Confidence:
    """How often a component is right, by its probabilities, and what its thresholds leave."""

    # Mean negative log-likelihood, which the temperature minimizes: of predictions being right or wrong; if classes are
    # independent, of the gold classes of the items.
    loss: float
    # Of everything that was classified: for mluke_ner, also candidates that overlap a better one.
    classified: Reliability
    predicted: Reliability  # of the component's predictions, without a threshold


@dataclass
class CalibratedComponent:
    """The calibration of a component."""

    name: str
    # Number of items that the temperature was fitted to: those whose best class is not negative.
    n_items: int
    temperature: float
    bias: float
    before: Confidence  # with a temperature of 1
    after: Confidence
    thresholds: List[Threshold]  # after calibration


def calibrate(
    nlp: Language, examples: Iterable[Example], *, components: Optional[Sequence[str]] = None
) -> List[CalibratedComponent]:
    """Fit the temperature of each component that has probabilities, so that of predictions with a probability of 0.8,
    80 % are right. Component after component, documents are annotated with the calibrated predictions.

    nlp (Language): The pipeline. The options `temperature` of its components are set.
    examples (Iterable[Example]): Annotated documents that the pipeline was not trained on, such as development data.
    components (Optional[Sequence[str]]): Names of the components to calibrate. By default, all that have probabilities
        and gold annotation in the examples.
    RETURNS (List[CalibratedComponent]): Temperatures, reliability tables, and precision and recall by threshold, in the
        order of the pipeline.
    RAISES (ValueError): ML251, ML397 for a component that cannot be calibrated, ML396 if the pipeline has none, ML398
        without gold annotation or predictions.
    """
    wanted = _check_names(nlp, components)
    batches = [list(batch) for batch in minibatch(examples, _DOCS)]
    found: List[CalibratedComponent] = []
    for name in nlp.pipe_names:
        pipe: Any = nlp.get_pipe(name)
        if name in wanted:
            predictions = [pipe.predict([eg.predicted for eg in batch]) for batch in batches]
            calibrated = _calibrate(pipe, batches, predictions)
            if calibrated is not None:
                found.append(calibrated)
            elif components is not None:
                raise ValueError(Errors.ML398.format(names=f"'{name}'"))
            for batch, prediction in zip(batches, predictions, strict=True):
                pipe.set_annotations([eg.predicted for eg in batch], prediction)
        else:
            _annotate(nlp, name, batches)
    if not found:
        raise ValueError(Errors.ML398.format(names=", ".join(f"'{name}'" for name in wanted)))
    return found


def calibratable(nlp: Language) -> List[str]:
    """Return the names of the components that have probabilities with a temperature.

    nlp (Language): The pipeline.
    RETURNS (List[str]): Names, in the order of the pipeline.
    """
    pipes: List[Any] = [nlp.get_pipe(name) for name in nlp.pipe_names]
    can = [hasattr(pipe, "class_logits") and _TEMPERATURE in pipe.cfg for pipe in pipes]
    return [name for name, is_one in zip(nlp.pipe_names, can, strict=True) if is_one]


def _check_names(nlp: Language, components: Optional[Sequence[str]]) -> List[str]:
    known = calibratable(nlp)
    for name in components or ():
        if name not in nlp.pipe_names:
            hint = did_you_mean(name, nlp.pipe_names)
            raise ValueError(Errors.ML251.format(name=name, names=", ".join(nlp.pipe_names), hint=hint))
        if name not in known:
            raise ValueError(Errors.ML397.format(name=name, names=", ".join(known) or "none"))
    if not known:
        raise ValueError(Errors.ML396.format(names=", ".join(nlp.pipe_names) or "none"))
    return known if components is None else list(components)


def _calibrate(
    pipe: Calibratable, batches: List[List[Example]], predictions: List[Any]
) -> Optional[CalibratedComponent]:
    """Calibrate one component; None without gold annotation or predictions."""
    items = ClassLogits.join([pipe.class_logits(*pair) for pair in zip(batches, predictions, strict=True)])
    decided = items.decided()
    if not len(decided):
        return None
    if items.independent:
        calibration = fit_calibration(decided, with_bias=_BIAS in pipe.cfg)
    else:
        calibration = _fit_predictions(pipe, batches, predictions)
    before = _confidence(pipe, items, Calibration(), batches, predictions)
    after = _confidence(pipe, items, calibration, batches, predictions)
    pipe.cfg.update(_options(pipe, calibration))
    thresholds = []
    for threshold in THRESHOLDS if _THRESHOLD in pipe.cfg else ():
        _, is_right, n_gold = _judge(pipe, batches, predictions, {_THRESHOLD: threshold})
        thresholds.append(threshold_scores(threshold, is_right, n_gold))
    return CalibratedComponent(
        pipe.name, len(decided), calibration.temperature, calibration.bias, before, after, thresholds
    )


def _fit_predictions(pipe: Calibratable, batches: List[List[Example]], predictions: List[Any]) -> Calibration:
    """Fit the temperature to predictions being right or wrong. The likelihood of gold classes also depends on how
    probability is shared among all others, which are thousands of possible answers to a question."""

    def loss(log_temperature: float) -> float:
        options = _without_threshold(pipe, Calibration(math.exp(log_temperature)))
        return log_loss(*_judge(pipe, batches, predictions, options)[:2])

    low, high = map(math.log, TEMPERATURES)
    return Calibration(math.exp(_lowest_point(loss, low, high, _TRIALS)))


def _lowest_point(function: Callable[[float], float], low: float, high: float, trials: int) -> float:
    """Where a function with one minimum is lowest, by golden-section search."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(trials - 2):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return left if at_left <= at_right else right


def _options(pipe: Calibratable, calibration: Calibration) -> Dict[str, float]:
    options = {_TEMPERATURE: calibration.temperature, _BIAS: calibration.bias}
    return {option: value for option, value in options.items() if option in pipe.cfg}


def _without_threshold(pipe: Calibratable, calibration: Calibration) -> Dict[str, float]:
    return {**_options(pipe, calibration), **({_THRESHOLD: 0.0} if _THRESHOLD in pipe.cfg else {})}


def _confidence(
    pipe: Calibratable,
    items: ClassLogits,
    calibration: Calibration,
    batches: List[List[Example]],
    predictions: List[Any],
) -> Confidence:
    probabilities, is_right, _ = _judge(pipe, batches, predictions, _without_threshold(pipe, calibration))
    loss = mean_loss(items.decided(), calibration) if items.independent else log_loss(probabilities, is_right)
    return Confidence(loss, reliability(*items.decisions(calibration)), reliability(probabilities, is_right))


def _judge(
    pipe: Calibratable, batches: List[List[Example]], predictions: List[Any], options: Dict[str, float]
) -> Tuple[Floats1d, Bools1d, int]:
    """Annotate copies of the documents with other values of options. Return the probability of each prediction, whether
    it is right, and the number of gold annotations."""
    judged: List[Judged] = []
    with changed_options(pipe.cfg, options):
        for batch, prediction in zip(batches, predictions, strict=True):
            docs = [eg.predicted.copy() for eg in batch]
            pipe.set_annotations(docs, prediction)
            judged += [pipe.judge(Example(doc, eg.reference)) for doc, eg in zip(docs, batch, strict=True)]
    found = [pair for own in judged for pair in own.found]
    probabilities = numpy.asarray([probability for probability, _ in found], dtype="float64")
    is_right = numpy.asarray([right for _, right in found], dtype=bool)
    return probabilities, is_right, sum(own.n_gold for own in judged)


@contextmanager
def changed_options(cfg: Dict[str, Any], options: Mapping[str, Any]) -> Iterator[None]:
    """Give a component other values of options for a while.

    cfg (Dict[str, Any]): Its options, changed in place and restored.
    options (Mapping[str, Any]): The other values.
    """
    before = {option: cfg[option] for option in options}
    cfg.update(options)
    try:
        yield
    finally:
        cfg.update(before)


def _annotate(nlp: Language, name: str, batches: List[List[Example]]) -> None:
    """Annotate the predicted documents with one component."""
    others = [other for other in nlp.pipe_names if other != name]
    for batch in batches:
        docs = nlp.pipe([eg.predicted for eg in batch], disable=others)
        for eg, doc in zip(batch, docs, strict=True):
            eg.predicted = doc
