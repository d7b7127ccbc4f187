"""Counts in each document, from which scores and their confidence intervals are computed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple

import numpy
from spacy.training import Example

from ..annotate.relations import has_relations
from ..scorers.cloze import gold_ranks
from ..scorers.groups import Facts, labelled_facts, pooled_label, relation_facts
from ..scorers.ner import counted_spans
from ..scorers.qa import compare_answers
from ..types import Floats2d
from .metrics import N_ITEMS, column_labels, label_columns

NONE = ""  # no label: no gold annotation, or no prediction
WRONG_WAY = "wrong way"  # the right relation in the wrong direction


@dataclass
class Counted:
    """Counts of a system's right predictions, predictions and gold annotations in each document of a corpus."""

    columns: List[str]
    counts: Floats2d  # (n_docs, n_columns)
    # By gold label and predicted label: how often. Empty for tasks without labels.
    confusion: Dict[Tuple[str, str], int]

    @property
    def labels(self) -> List[str]:
        return column_labels(self.columns) if self.confusion else []


def count(task: str, examples: Sequence[Example]) -> Counted:
    """Count right predictions in each document.

    task (str): One of `metrics.TASKS`.
    examples (Sequence[Example]): Predicted and reference documents. Documents without annotation have no counts.
    RETURNS (Counted): The counts.
    """
    return _COUNTERS[task](examples)


def count_relations(examples: Sequence[Example]) -> Counted:
    """Count relations as the papers of KBP37 and RELX do: the two directions of a relation are one label, and a wrong
    direction is an error. A gold relation is a miss if its spans are not entities of the input.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    known = [eg for eg in examples if has_relations(eg.reference)]
    facts = [(relation_facts(eg.predicted), relation_facts(eg.reference)) for eg in known]
    return _count_facts(facts, pooled_label)


def count_entities(examples: Sequence[Example]) -> Counted:
    """Count named entities: bounds and label must be right. A predicted label that the annotators of a document did not
    mark does not count.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    facts = []
    for eg in examples:
        if eg.reference.has_annotation("ENT_IOB"):
            gold = eg.reference.ents
            counted = counted_spans(eg.predicted.ents, eg.reference, gold)
            facts.append((labelled_facts(counted), labelled_facts(gold)))
    return _count_facts(facts, str)


def count_answers(examples: Sequence[Example]) -> Counted:
    """Count exact matches and F1 of answers, as SQuAD's script does.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    found = [list(compare_answers(eg)) for eg in examples]
    rows = [(len(own), sum(answer.em for answer in own), sum(answer.f1 for answer in own)) for own in found]
    return _of_rows((N_ITEMS, "em", "f1"), rows)


def count_fillers(examples: Sequence[Example]) -> Counted:
    """Count masks with right fillers.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    rows = []
    for eg in examples:
        ranks = gold_ranks(eg)
        found = [rank for rank in ranks if rank is not None]
        within = [sum(rank <= n for rank in found) for n in (1, 5)]
        rows.append((len(ranks), *within, sum(1 / rank for rank in found)))
    return _of_rows((N_ITEMS, "p1", "p5", "mrr"), rows)


def count_links(examples: Sequence[Example]) -> Counted:
    """Count mentions that are linked right, of all that have a gold entity.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    rows = []
    for eg in examples:
        given = {(ent.start_char, ent.end_char): ent.kb_id_ for ent in eg.predicted.ents}
        gold = [ent for ent in eg.reference.ents if ent.kb_id_]
        rows.append((len(gold), sum(given.get((ent.start_char, ent.end_char)) == ent.kb_id_ for ent in gold)))
    return _of_rows((N_ITEMS, "p1"), rows)


_COUNTERS: Dict[str, Callable[[Sequence[Example]], Counted]] = {
    "relations": count_relations,
    "ner": count_entities,
    "qa": count_answers,
    "cloze": count_fillers,
    "linking": count_links,
}


def _of_rows(columns: Iterable[str], rows: List[Any]) -> Counted:
    names = list(columns)
    return Counted(names, numpy.asarray(rows, dtype="float64").reshape((-1, len(names))), {})


def _count_facts(facts: List[Tuple[Facts, Facts]], name: Callable[[str], str]) -> Counted:
    labels = sorted({name(fact[-1]) for pair in facts for side in pair for fact in side})
    at = {label: i for i, label in enumerate(labels)}
    counts = numpy.zeros((len(facts), len(labels), 3))
    confusion: Counter[Tuple[str, str]] = Counter()
    for row, (predicted, gold) in enumerate(facts):
        for column, part in enumerate((predicted & gold, predicted, gold)):
            for fact in part:
                counts[row, at[name(fact[-1])], column] += 1
        confusion.update(_confused(predicted, gold, name))
    return Counted(label_columns(labels), counts.reshape((len(facts), 3 * len(labels))), confusion)


def _confused(predicted: Facts, gold: Facts, name: Callable[[str], str]) -> Iterable[Tuple[str, str]]:
    """Yield gold and predicted label of each span or pair with a label; NONE where one side has no label."""
    gold_labels = {fact[:-1]: fact[-1] for fact in gold}
    labels = {fact[:-1]: fact[-1] for fact in predicted}
    for place in {*gold_labels, *labels}:
        pair = name(gold_labels.get(place, NONE)), name(labels.get(place, NONE))
        if pair[0] == pair[1] and gold_labels[place] != labels[place]:
            pair = pair[0], WRONG_WAY
        yield pair
