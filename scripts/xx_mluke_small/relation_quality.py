"""Measure each relation on held-out data, select those that were learned, and calibrate their probabilities."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple

import numpy
from spacy.language import Language
from spacy.util import minibatch

from scripts.xx_mluke_small.relation_examples import (
    PairLabels,
    RelationReader,
    RelationText,
    doc_with_entities,
    token_bounds,
)
from scripts.xx_mluke_small.relations import OTHER, Bounds, FactDocument, RelationData, SentenceFact
from spacy_mluke.heads.calibration import ClassLogits, fit_calibration
from spacy_mluke.heads.losses import sigmoid

# A relation is kept with at least this precision, this recall, and so many facts in the held-out data.
LEAST_PRECISION, LEAST_RECALL, LEAST_FACTS = 0.65, 0.1, 5
# Relations whose predictions on running text were mostly wrong, judged by hand: date of death and inception take any
# date nearby, headquarters and residence any place. In news, work location and location take every place of a sentence.
JUDGED_WRONG = frozenset({"P570", "P571", "P159", "P551", "P937", "P276"})
# From so many facts in documents, their precision must be as high, too.
DOCUMENT_FACTS = 10
_NOTHING = numpy.zeros(0), numpy.zeros(0, dtype=bool)
# Newton's steps; and the strength of the common offset, in observations that are as likely as not.
_NEWTON, _PRIOR = 50, 1.0
# Sentences of each file that are measured.
MAX_SENTENCES = 400
_BATCH = 32
_ANY = "MISC"  # the types of the two mentions of a sentence are not annotated


@dataclass
class Measured:
    """Logits of one relation for pairs of mentions, and whether it holds."""

    documents: Tuple[Any, Any]  # logits and truth, (n_pairs,) each, of all pairs in held-out documents
    sentences: Tuple[Any, Any]  # of the annotated pairs, and their reverse, in held-out sentences
    n_facts: Tuple[int, int] = (0, 0)  # in documents, in sentences

    def best_f1(self) -> Tuple[float, float]:
        """Return the F1 at the best threshold, in documents and in sentences."""
        return _best_f1(*self.documents), _best_f1(*self.sentences)

    @property
    def pairs(self) -> Tuple[Tuple[Any, Any], Tuple[Any, Any]]:
        """Logits of documents and sentences, and the truth of both."""
        (document_logits, document_truth), (sentence_logits, sentence_truth) = self.documents, self.sentences
        return (document_logits, sentence_logits), (document_truth, sentence_truth)

    def precision_recall(self, scale: float, offset: float, threshold: float = 0.5) -> Tuple[float, float]:
        """Return precision and recall, over documents and sentences, of pairs that probably have the relation.

        scale (float): Of the logits.
        offset (float): Of the logits.
        threshold (float): Minimum probability.
        RETURNS (Tuple[float, float]): Precision and recall; 0.0 without predictions.
        """
        logits, truth = (numpy.concatenate(parts) for parts in self.pairs)
        predicted = sigmoid(scale * logits + offset) >= threshold
        right = float((predicted & truth).sum())
        return right / max(float(predicted.sum()), 1.0), right / max(float(truth.sum()), 1.0)

    def to_dict(self) -> Dict[str, Any]:
        """Return the numbers for the model card."""
        documents, sentences = self.best_f1()
        return {
            "facts in held-out documents": self.n_facts[0],
            "F1 in documents": round(documents, 3),
            "facts in held-out sentences": self.n_facts[1],
            "F1 in sentences": round(sentences, 3),
        }


def measure(nlp: Language, pipe: Any, relations: RelationData) -> Dict[str, Measured]:
    """Compute the logits of the held-out data, with the entities of the data.

    nlp (Language): The pipeline, for its tokenizer.
    pipe (RelationExtractor): The component with all labels.
    relations (RelationData): The data.
    RETURNS (Dict[str, Measured]): By relation.
    """
    labels: List[str] = list(pipe.classes)
    columns = {label: i for i, label in enumerate(labels)}
    document_logits, document_truth = _measure_documents(nlp, pipe, relations.documents.held_out, columns)
    reader = RelationReader(relations, nlp.make_doc, random.Random(0))
    parts = []
    for split in relations.sentences.values():
        facts = [fact for fact in split.held_out if fact.relation != OTHER]
        also = facts_of_pairs(facts)
        for batch in minibatch(facts[:MAX_SENTENCES], _BATCH):
            parts.append(
                _measure_sentences(
                    nlp, pipe, [(fact, reader.label_sentence(fact, fact.text)) for fact in batch], also, columns
                )
            )
    logits, truth, known = (numpy.concatenate(part) for part in zip(*parts, strict=True))
    found = {}
    for label, i in columns.items():
        found[label] = Measured(
            (document_logits[:, i], document_truth[:, i]),
            (logits[known[:, i], i], truth[known[:, i], i]),
            (int(document_truth[:, i].sum()), int(truth[:, i].sum())),
        )
    return found


def facts_of_pairs(facts: Iterable[SentenceFact]) -> Dict[Tuple[str, Bounds, Bounds], Set[str]]:
    """Return the relations of each pair of mentions: a sentence occurs once for each of its facts.

    facts (Iterable[SentenceFact]): The sentences of a file.
    RETURNS (Dict[Tuple[str, Bounds, Bounds], Set[str]]): By text, head and tail.
    """
    found: Dict[Tuple[str, Bounds, Bounds], Set[str]] = {}
    for fact in facts:
        found.setdefault((fact.text, fact.head, fact.tail), set()).add(fact.relation)
    return found


def _measure_documents(
    nlp: Language, pipe: Any, documents: Sequence[FactDocument], columns: Mapping[str, int]
) -> Tuple[Any, Any]:
    logits, truths = [], []
    for document in documents:
        doc = doc_with_entities(nlp, document.text, document.named_spans(set(document.types)))
        owners = {token_bounds(doc, bounds): i for i, entity in enumerate(document.entities) for bounds in entity}
        (groups,), output = pipe.predict([doc])
        facts: Dict[Tuple[int, int], Set[int]] = {}
        for head, tail, label in document.facts:
            if label in columns:
                facts.setdefault((head, tail), set()).add(columns[label])
        truth = numpy.zeros((len(groups), len(columns)), dtype=bool)
        same = numpy.zeros(len(groups), dtype=bool)
        for row, (head, tail) in enumerate(groups.tolist()):
            first, second = owners[tuple(head)], owners[tuple(tail)]
            same[row] = first == second
            truth[row, list(facts.get((first, second), ()))] = True
        # Two mentions of one entity are no pair.
        counted = ~same[output.kept]
        logits.append(output.logits[counted])
        truths.append(truth[output.kept][counted])
    return numpy.concatenate(logits), numpy.concatenate(truths)


def _measure_sentences(
    nlp: Language,
    pipe: Any,
    facts: Sequence[Tuple[SentenceFact, RelationText]],
    also: Mapping[Tuple[str, Bounds, Bounds], Set[str]],
    columns: Mapping[str, int],
) -> Tuple[Any, Any, Any]:
    """Logits of both directions of annotated pairs, which relations hold, and of which this is known."""
    docs = [doc_with_entities(nlp, fact.text, [(*side, _ANY) for side in (fact.head, fact.tail)]) for fact, _ in facts]
    groups, output = pipe.predict(docs)
    truth = numpy.zeros((len(output.kept), len(columns)), dtype=bool)
    known = numpy.ones_like(truth)
    row = 0
    for (fact, labelled), doc, own in zip(facts, docs, groups, strict=True):
        sides = [token_bounds(doc, side) for side in (fact.head, fact.tail)]
        for first, second in own.tolist():
            pair = sides.index(tuple(first)), sides.index(tuple(second))
            labels = labelled.pairs.get(pair, PairLabels([]))
            ends = [(fact.head, fact.tail)[side] for side in pair]
            # What other rows of the file say about the pair is right, too.
            unknown = {*labels.unknown, *also.get((fact.text, ends[0], ends[1]), ())}
            truth[row, [columns[label] for label in labels.relations if label in columns]] = True
            known[row, [columns[label] for label in unknown if label in columns]] = False
            row += 1
    known |= truth
    return output.logits, truth[output.kept], known[output.kept]


def calibrate(measured: Mapping[str, Measured]) -> Tuple[float, Dict[str, float]]:
    """Fit a scale of logits, and an offset for each relation, so that their sigmoid is the probability that it holds.

    measured (Mapping[str, Measured]): As from `measure`. Pairs in documents are as frequent as in use. Pairs in
        sentences count for the offsets only: documents have few facts of many relations, or none.
    RETURNS (Tuple[float, Dict[str, float]]): The scale, and the offset of each relation.
    """
    annotated = [found.documents for found in measured.values() if found.n_facts[0]]
    logits, truth = (numpy.concatenate(parts)[:, None] for parts in zip(*annotated, strict=True))
    fitted = fit_calibration(ClassLogits.of_rows(logits, truth, independent=True), with_bias=True)
    scale, offset = 1.0 / fitted.temperature, fitted.bias
    return scale, {label: _fit_offset(found, scale, offset) for label, found in measured.items()}


def _fit_offset(found: Measured, scale: float, offset: float) -> float:
    """The offset of one relation, drawn to that of all where there is little data."""
    logits, truth = (numpy.concatenate(parts).astype("float64") for parts in found.pairs)
    value = offset
    for _ in range(_NEWTON):
        p = sigmoid(scale * logits + value)
        step = ((p - truth).sum() + _PRIOR * (value - offset)) / ((p * (1.0 - p)).sum() + _PRIOR)
        value -= float(numpy.clip(step, -0.5, 0.5))
    return value


def select(
    measured: Mapping[str, Measured], scale: float, offsets: Mapping[str, float], *, threshold: float
) -> List[str]:
    """Return the relations that were learned well enough, by their precision and recall over documents and sentences.

    measured (Mapping[str, Measured]): As from `measure`.
    scale (float): As from `calibrate`.
    offsets (Mapping[str, float]): As from `calibrate`.
    threshold (float): Minimum probability of a prediction.
    RETURNS (List[str]): The relations, sorted.
    """
    kept = []
    for label, found in measured.items():
        precision, recall = found.precision_recall(scale, offsets[label], threshold)
        if found.n_facts[0] >= DOCUMENT_FACTS:
            # Sentences were chosen for a relation. In documents, pairs are as they are in use.
            in_documents = Measured(found.documents, _NOTHING, found.n_facts)
            own_precision, own_recall = in_documents.precision_recall(scale, offsets[label], threshold)
            precision = min(precision, own_precision) if own_recall else precision
        if label in JUDGED_WRONG:
            continue
        if sum(found.n_facts) >= LEAST_FACTS and precision >= LEAST_PRECISION and recall >= LEAST_RECALL:
            kept.append(label)
    return sorted(kept)


def _best_f1(logits: Any, truth: Any) -> float:
    if not truth.any():
        return 0.0
    order = numpy.argsort(-logits, kind="stable")
    right = numpy.cumsum(truth[order])
    return float((2 * right / (numpy.arange(1, len(order) + 1) + truth.sum())).max())
