"""What is counted in each document: the material of scores and of their confidence intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple

import numpy
from spacy.training import Example

from ..annotate.relations import has_relations
from ..scorers.cloze import gold_ranks
from ..scorers.groups import Facts, labelled_facts, pooled_label, relation_facts
from ..scorers.qa import compare_answers
from ..types import Floats2d
from .metrics import N_ITEMS, column_labels, label_columns

NONE = ""  # no label: nothing is there, or nothing was found
WRONG_WAY = "wrong way"  # the right relation in the wrong direction


@dataclass
class Counted:
    """What a system got right in each document of a corpus."""

    columns: List[str]
    counts: Floats2d  # (n_docs, n_columns)
    # How often what has one label (the key's first part) was given another; without labels, nothing.
    confusion: Dict[Tuple[str, str], int]

    @property
    def labels(self) -> List[str]:
        return column_labels(self.columns) if self.confusion else []


def count(task: str, examples: Sequence[Example]) -> Counted:
    """Count what is right in each document.

    task (str): One of `metrics.TASKS`.
    examples (Sequence[Example]): Predicted and reference documents. One without annotation has nothing to count.
    RETURNS (Counted): The counts.
    """
    return _COUNTERS[task](examples)


def count_relations(examples: Sequence[Example]) -> Counted:
    """Count relations as KBP37 and RELX are published: the two directions of a relation are one label, and a wrong
    direction is wrong. A gold relation between spans that are not given as entities is a miss.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    known = [eg for eg in examples if has_relations(eg.reference)]
    facts = [(relation_facts(eg.predicted), relation_facts(eg.reference)) for eg in known]
    return _count_facts(facts, pooled_label)


def count_names(examples: Sequence[Example]) -> Counted:
    """Count names: bounds and label have to be right.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    known = [eg for eg in examples if eg.reference.has_annotation("ENT_IOB")]
    return _count_facts([(labelled_facts(eg.predicted.ents), labelled_facts(eg.reference.ents)) for eg in known], str)


def count_answers(examples: Sequence[Example]) -> Counted:
    """Count exact matches and F1 of answers, as SQuAD's script does.

    examples (Sequence[Example]): Predicted and reference documents.
    RETURNS (Counted): The counts.
    """
    found = [list(compare_answers(eg)) for eg in examples]
    rows = [(len(own), sum(answer.em for answer in own), sum(answer.f1 for answer in own)) for own in found]
    return _of_rows((N_ITEMS, "em", "f1"), rows)


def count_fillers(examples: Sequence[Example]) -> Counted:
    """Count masks that are filled right.

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
    "ner": count_names,
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
    """Gold and predicted label of each place that either has; NONE for what only one has."""
    wanted = {fact[:-1]: fact[-1] for fact in gold}
    given = {fact[:-1]: fact[-1] for fact in predicted}
    for place in {*wanted, *given}:
        pair = name(wanted.get(place, NONE)), name(given.get(place, NONE))
        if pair[0] == pair[1] and wanted[place] != given[place]:
            pair = pair[0], WRONG_WAY
        yield pair
