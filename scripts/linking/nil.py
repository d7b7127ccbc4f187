"""Train and measure the decision that a mention means nothing in the knowledge base."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy

from spacy_mluke.kb.nil import NIL_FEATURES, fit_nil
from spacy_mluke.types import Floats1d

IN_BASE, REMOVED, OUT_OF_BASE, UNLINKED = "in the base", "removed", "out of the base", "without an id"
LOSSES = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)  # points of accuracy


class Case(NamedTuple):
    """A mention, with its entity in the base or without it."""

    part: str
    corpus: str
    kind: str  # one of the four above
    features: Optional[Floats1d]  # of the best candidate; None if there is no candidate
    is_right: bool  # whether the best candidate is the gold one


def fit(cases: Sequence[Case]) -> Dict[str, float]:
    """Fit the weights. In each corpus, mentions that mean their best candidate count as much as the others together.

    Mentions whose best candidate is wrong while their entity is another candidate do not count.

    cases (Sequence[Case]): Mentions of the training part.
    RETURNS (Dict[str, float]): Weights of `NIL_FEATURES`.
    """
    used = [case for case in cases if case.features is not None and (case.is_right or case.kind != IN_BASE)]
    totals = Counter((case.corpus, case.is_right) for case in used)
    importance = [len(used) / 4 / totals[case.corpus, case.is_right] for case in used]
    features: Any = numpy.stack([own for own in (case.features for case in used) if own is not None])
    found = fit_nil(features, [case.is_right for case in used], importance)
    return {name: float(weight) for name, weight in zip(NIL_FEATURES, found, strict=True)}


def logits(weights: Dict[str, float], cases: Sequence[Case]) -> Floats1d:
    """Return the logarithms of the odds that mentions mean their best candidates; -inf without a candidate."""
    values = numpy.array([weights[name] for name in NIL_FEATURES])
    return numpy.array([-numpy.inf if case.features is None else float(case.features @ values) for case in cases])


def threshold_for(weights: Dict[str, float], cases: Sequence[Case], lost: float) -> float:
    """Return the largest logit below which the links of mentions may be left out.

    weights (Dict[str, float]): From `fit`.
    cases (Sequence[Case]): Mentions of the development part.
    lost (float): Points of accuracy that may be lost, in the mean over the corpora.
    RETURNS (float): The threshold.
    """
    right = [case for case in cases if case.kind == IN_BASE and case.is_right]
    totals = Counter(case.corpus for case in cases if case.kind == IN_BASE)
    scores = logits(weights, right)
    order = numpy.argsort(scores, kind="stable")
    losses = numpy.cumsum([100 / totals[right[i].corpus] / len(totals) for i in order])
    return float(scores[order[int(numpy.searchsorted(losses, lost, side="right"))]])


def measure(weights: Dict[str, float], cases: Sequence[Case], threshold: float) -> Dict[str, Dict[str, Any]]:
    """Return, for each corpus, accuracy and the shares of mentions that are not linked.

    weights (Dict[str, float]): From `fit`.
    cases (Sequence[Case]): The mentions.
    threshold (float): Minimum logit of a link.
    RETURNS (Dict[str, Dict[str, Any]]): Percentages and counts.
    """
    found: Dict[str, Dict[str, Any]] = {}
    for corpus in sorted({case.corpus for case in cases}):
        own = [case for case in cases if case.corpus == corpus]
        is_linked = logits(weights, own) >= threshold
        figures: Dict[str, Any] = {}
        for kind in (IN_BASE, REMOVED, OUT_OF_BASE, UNLINKED):
            places = [i for i, case in enumerate(own) if case.kind == kind]
            if not places:
                continue
            figures[f"n {kind}"] = len(places)
            if kind == IN_BASE:
                right = numpy.array([own[i].is_right for i in places])
                figures["right, all linked"] = _percent(right)
                figures["right"] = _percent(right & is_linked[places])
                figures["lost"] = round(figures["right, all linked"] - figures["right"], 1)
            else:
                figures[f"not linked, {kind}"] = _percent(~is_linked[places])
        found[corpus] = figures
    return found


def curve(weights: Dict[str, float], chosen_on: Sequence[Case], cases: Sequence[Case]) -> List[Dict[str, Any]]:
    """Return the figures of mentions at thresholds that were chosen on others.

    weights (Dict[str, float]): From `fit`.
    chosen_on (Sequence[Case]): Mentions of the development part.
    cases (Sequence[Case]): Those to measure.
    RETURNS (List[Dict[str, Any]]): Figures for each of `LOSSES` on the first ones.
    """
    found = []
    for lost in LOSSES:
        threshold = threshold_for(weights, chosen_on, lost)
        own = measure(weights, cases, threshold)
        found.append({"lost on development": lost, "threshold": round(threshold, 2), **own})
    return found


def _percent(values: Any) -> float:
    return round(100 * float(numpy.mean(values)), 1)
