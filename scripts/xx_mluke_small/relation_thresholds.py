"""Choose a minimum probability for each relation, by the precision that it gives in held-out data."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.language import Language

from scripts.xx_mluke_small.relation_measurements import MeasuredText, Measurements
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.report.calibrate import changed_options
from spacy_mluke.types import Counts, Floats1d, GroupLogits

# The thresholds that are tried. With 0.55 as the lowest, 4 of 12 predictions below 0.65 on running text were right,
# judged by hand, and 41 of 48 above.
THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
DOCUMENT_PRECISION, SENTENCE_PRECISION = 0.7, 0.7
# With so many right predictions in documents, sentences need this precision only: they annotate one relation each, so
# other right ones count as wrong there.
CONFIRMED, CONFIRMED_SENTENCE_PRECISION = 5, 0.5
# Sentences were chosen for their relation. Where documents do not confirm it, its threshold is at least this high.
UNCONFIRMED = 0.8
# Predictions that are added, as right as their probability says: few observations say little.
PRIOR = 3
LEAST_RECALL, LEAST_FACTS = 0.05, 5
# Relations whose predictions on running text were mostly wrong, judged by hand: date of death and inception take any
# date nearby, headquarters and residence any place. In news, work location and location take every place of a sentence,
# with probabilities up to 0.99.
JUDGED_WRONG = frozenset({"P570", "P571", "P159", "P551", "P937", "P276"})
# Of 29 predictions of "member of" on running text, 11 were right, and of 5 pairs with "part of" and "has part", 2:
# clubs and leagues in lists, and places that are mentioned together, get up to 0.97 and 0.91.
JUDGED_THRESHOLDS = {
    "P463": 0.98, "P361": 0.92, "P527": 0.92,
    # Predictions of earlier thresholds on running text that were right: none of 5 of "located in or next to body of
    # water" (coasts and lakes in the same sentence), none of 4 between parents and subsidiaries, 3 of 18 of "owned by"
    # (companies in lists or in a partnership), one of 4 of "manufacturer", one of 7 of characters and cast members.
    "P206": 0.99, "P355": 0.97, "P749": 0.97, "P127": 0.95, "P176": 0.9, "P161": 0.8, "P674": 0.8,
}  # fmt: skip


@dataclass
class Evidence:
    """What would be predicted of one relation in some texts."""

    scores: List[float] = field(default_factory=list)
    is_right: List[bool] = field(default_factory=list)
    n_facts: int = 0

    def right(self, threshold: float) -> int:
        """Return the number of right predictions.

        threshold (float): Minimum probability.
        RETURNS (int): The number.
        """
        return int(self._above(threshold)[1].sum())

    def precision(self, threshold: float) -> Optional[float]:
        """Return the precision of predictions, drawn to their mean probability where they are few.

        threshold (float): Minimum probability.
        RETURNS (Optional[float]): None without predictions.
        """
        scores, is_right = self._above(threshold)
        return float((is_right.sum() + PRIOR * scores.mean()) / (len(scores) + PRIOR)) if len(scores) else None

    def _above(self, threshold: float) -> Tuple[Floats1d, Any]:
        scores, is_right = numpy.asarray(self.scores), numpy.asarray(self.is_right, dtype=bool)
        return scores[scores >= threshold], is_right[scores >= threshold]


def choose_thresholds(
    nlp: Language,
    pipe: Any,
    measurements: Measurements,
    scale: float,
    offsets: Mapping[str, float],
    *,
    documents_annotate: Collection[str],
) -> Dict[str, float]:
    """Choose the relations to predict, and the lowest threshold of each that keeps its precision.

    nlp (Language): The pipeline, for its tokenizer.
    pipe (RelationExtractor): The component with all labels, and with its limits: predictions are decided by it.
    measurements (Measurements): As from `measure`.
    scale (float): As from `calibrate`.
    offsets (Mapping[str, float]): As from `calibrate`.
    documents_annotate (Collection[str]): The relations that documents annotate.
    RETURNS (Dict[str, float]): Relation -> threshold. Relations that reach the precision at none are not listed. A
        relation and its inverse have the same.
    """
    shift = numpy.asarray([offsets[label] for label in measurements.labels], dtype="float32")
    settings = {"threshold": THRESHOLDS[0], "thresholds": {}}
    with changed_options(pipe.cfg, settings):
        documents = _collect(nlp, pipe, measurements.documents, measurements.labels, scale, shift)
        with changed_options(pipe.cfg, {"type_pairs": {}}):
            sentences = _collect(nlp, pipe, measurements.sentences, measurements.labels, scale, shift)
    chosen = {}
    for label in measurements.labels:
        own = documents[label], sentences[label]
        threshold = None if label in JUDGED_WRONG else lowest_threshold(*own, confirm=label in documents_annotate)
        if threshold is not None:
            chosen[label] = threshold
    return _with_inverses(chosen, pipe.inverses)


def lowest_threshold(documents: Evidence, sentences: Evidence, *, confirm: bool = True) -> Optional[float]:
    """Return the lowest threshold that keeps the precision of a relation.

    documents (Evidence): Predictions in documents.
    sentences (Evidence): Predictions in sentences.
    confirm (bool): Whether documents annotate the relation.
    RETURNS (Optional[float]): None if no threshold does, or if too few facts are found at it.
    """
    n_facts = documents.n_facts + sentences.n_facts
    if n_facts < LEAST_FACTS:
        return None
    for threshold in THRESHOLDS:
        is_confirmed = confirm and documents.right(threshold) >= CONFIRMED
        if not is_confirmed and threshold < UNCONFIRMED:
            continue
        wanted = CONFIRMED_SENTENCE_PRECISION if is_confirmed else SENTENCE_PRECISION
        found = documents.precision(threshold), sentences.precision(threshold)
        if all(own is None or own >= least for own, least in zip(found, (DOCUMENT_PRECISION, wanted), strict=True)):
            n_right = documents.right(threshold) + sentences.right(threshold)
            return threshold if n_right >= LEAST_RECALL * n_facts else None
    return None


def _with_inverses(thresholds: Mapping[str, float], inverses: Mapping[str, str]) -> Dict[str, float]:
    """Give a relation and its inverse the higher of their thresholds; without one of them, leave out both."""
    found = {}
    for label, own in thresholds.items():
        other = thresholds.get(inverses.get(label, label))
        if other is not None:
            found[label] = max(own, other)
    return found


def _collect(
    nlp: Language, pipe: Any, texts: Sequence[MeasuredText], labels: Sequence[str], scale: float, shift: Any
) -> Mapping[str, Evidence]:
    """Let the component decide. A relation of two entities counts once, with its highest score."""
    found: Dict[str, Evidence] = defaultdict(Evidence)
    columns = {label: i for i, label in enumerate(labels)}
    for text in texts:
        doc = text.make_doc(nlp)
        logits = text.logits * numpy.float32(scale) + shift
        lengths = numpy.asarray([len(text.groups)], dtype="int64")
        pipe.set_annotations([doc], ([text.groups], GroupLogits(logits, text.kept, lengths, Counts())))
        kept = [pair for pair, has_logits in zip(text.entities, text.kept, strict=True) if has_logits]
        bounds = [tuple(map(tuple, pair)) for pair in text.groups[text.kept].tolist()]
        rows = {pair: row for row, pair in enumerate(bounds)}
        best: Dict[Tuple[Any, str], Tuple[float, bool]] = {}
        for relation in get_relations(doc):
            row = rows[(relation.head.start, relation.head.end), (relation.tail.start, relation.tail.end)]
            column = columns[relation.label]
            if text.known[row, column]:
                key = (kept[row], relation.label)
                is_right = bool(text.truth[row, column])
                best[key] = max(best.get(key, (0.0, is_right)), (relation.score, is_right))
        for (_, label), (score, is_right) in best.items():
            found[label].scores.append(score)
            found[label].is_right.append(is_right)
        facts = {(kept[row], column) for row, column in numpy.argwhere(text.truth).tolist()}
        for _, column in facts:
            found[labels[column]].n_facts += 1
    return found
