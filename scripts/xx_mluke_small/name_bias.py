"""Correct how often `mluke_ner` finds named entities: it was trained with a sample of the negative candidates, and what
is known about names counts for people, organisations and places only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Collection, List, Optional, Sequence, Set, Tuple, cast

import numpy
from spacy.language import Language
from spacy.training import Example
from thinc.types import Ragged
from thinc.util import to_numpy

from scripts.xx_mluke_small.evaluation_sets import CALIBRATION_SETS, EVALUATION_FILES
from scripts.xx_mluke_small.examples import make_example
from scripts.xx_mluke_small.sentences import read_named_texts
from scripts.xx_mluke_small.sources import ALWAYS, source_of
from scripts.xx_mluke_small.training_files import NAMES, DataFolder

# Offsets of logits that are tried.
OFFSETS = tuple(numpy.arange(-1.5, 3.01, 0.25).tolist())
TOLERANCE = 0.002  # F1 from 0 to 1
Spans = Set[Tuple[int, int, str]]
# Sentences of each development set.
DEVELOPMENT_TEXTS = 60


def development_examples(nlp: Language, root: Path) -> List[Example]:
    """Return the first sentences of each development set.

    nlp (Language): Its tokenizer is used.
    root (Path): The folder of the data.
    RETURNS (List[Example]): The sentences, with the labels that their source annotates.
    """
    data = DataFolder(root, EVALUATION_FILES)
    found: List[Example] = []
    for file in CALIBRATION_SETS:
        read = [item for item in read_named_texts(data.path(f"{NAMES}/{file}")) if item.text.strip()]
        found += [make_example(nlp, item, source_of(file).labels) for item in read[:DEVELOPMENT_TEXTS]]
    return found


def correct_biases(ner: Any, examples: Sequence[Example]) -> Tuple[float, float]:
    """Add an offset to the bias of the negative class, then one to the biases of dates, works and all other labels but
    people, organisations and places.

    ner (EntityRecognizer): The component, changed in place.
    examples (Sequence[Example]): Development sentences that were not trained on.
    RETURNS (Tuple[float, float]): The two offsets.
    """
    others = [label for label in ner.labels if label not in ALWAYS]
    negatives = correct_bias(ner, examples, [ner.cfg["negative_label"]], ALWAYS)
    return negatives, correct_bias(ner, examples, others, others)


def correct_bias(ner: Any, examples: Sequence[Example], classes: Sequence[str], labels: Collection[str]) -> float:
    """Add an offset to the biases of some classes. Of those that are nearly the best by F1 over some labels, it is the
    one with which most nearly as many names are found as there are: precision and recall are about equal.

    ner (EntityRecognizer): The component, changed in place.
    examples (Sequence[Example]): Development sentences that were not trained on.
    classes (Sequence[str]): The classes that get the offset.
    labels (Collection[str]): The labels that count. Where their source does not annotate one, it does not count.
    RETURNS (float): The offset; 0 if none of the labels is annotated.
    """
    docs = [eg.predicted for eg in examples]
    spans, logits = ner.predict(docs)[:2]
    columns = [ner.classes.index(name) for name in classes]
    known = [_annotated(eg) for eg in examples]
    counted = [set(labels) if own is None else set(labels) & own for own in known]
    gold = _bounds([eg.reference for eg in examples], counted)
    n_gold = _count(gold)
    if not n_gold:
        return 0.0
    found = {offset: _find(ner, docs, (spans, logits), columns, offset, counted) for offset in OFFSETS}
    scores = {offset: _f1(own, gold) for offset, own in found.items()}
    good = [offset for offset, score in scores.items() if score >= max(scores.values()) - TOLERANCE]
    best = min(good, key=lambda offset: (abs(_count(found[offset]) - n_gold), abs(offset)))
    linear = ner.model.get_ref("linear")
    bias = to_numpy(cast(Any, linear.get_param("b"))).copy()
    bias[columns] += best
    linear.set_param("b", linear.ops.asarray1f(bias))
    shown = {offset: round(100 * score, 1) for offset, score in scores.items()}
    print(f"F1 of {', '.join(sorted(labels))} by offset of {', '.join(classes)}: {shown}; {best} is added.")
    return best


def _annotated(eg: Example) -> Optional[Set[str]]:
    labels = eg.reference._.mluke_annotated_labels
    return None if labels is None else set(labels)


def _find(
    ner: Any,
    docs: Sequence[Any],
    prediction: Tuple[Ragged, Any],
    columns: Sequence[int],
    offset: float,
    counted: Sequence[Set[str]],
) -> List[Spans]:
    changed = prediction[1].copy()
    changed[:, columns] += offset
    copies = [doc.copy() for doc in docs]
    ner.set_annotations(copies, (prediction[0], changed))
    return _bounds(copies, counted)


def _f1(found: Sequence[Spans], gold: Sequence[Spans]) -> float:
    n_right = sum(len(one & other) for one, other in zip(found, gold, strict=True))
    return 2 * n_right / max(1, _count(found) + _count(gold))


def _count(spans: Sequence[Spans]) -> int:
    return sum(map(len, spans))


def _bounds(docs: Sequence[Any], counted: Sequence[Set[str]]) -> List[Spans]:
    """The named entities of each document whose label counts there."""
    return [
        {(ent.start, ent.end, ent.label_) for ent in doc.ents if ent.label_ in labels}
        for doc, labels in zip(docs, counted, strict=True)
    ]
