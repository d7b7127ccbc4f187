"""Correct how often `mluke_ner` finds named entities: it was trained with a sample of the negative candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Sequence, Set, Tuple, cast

import numpy
from spacy.language import Language
from spacy.training import Example
from thinc.types import Ragged
from thinc.util import to_numpy

from scripts.xx_mluke_small.evaluation_sets import CALIBRATION_SETS, EVALUATION_FILES
from scripts.xx_mluke_small.examples import make_example
from scripts.xx_mluke_small.sentences import NamedText, read_named_texts
from scripts.xx_mluke_small.training_files import NAMES, DataFolder

# Offsets of the negative class's logit that are tried.
OFFSETS = tuple(numpy.arange(-1.5, 3.01, 0.25).tolist())
LABELS = frozenset({"PER", "ORG", "LOC"})
TOLERANCE = 0.002  # F1 from 0 to 1
Spans = Set[Tuple[int, int, str]]
# Sentences of each development set.
DEVELOPMENT_TEXTS = 60


def development_examples(nlp: Language, root: Path) -> List[Example]:
    """Return the first sentences of each development set.

    nlp (Language): Its tokenizer is used.
    root (Path): The folder of the data.
    RETURNS (List[Example]): The sentences.
    """
    data = DataFolder(root, EVALUATION_FILES)
    texts: List[NamedText] = []
    for file in CALIBRATION_SETS:
        read = read_named_texts(data.path(f"{NAMES}/{file}"))
        texts += [item for item in read if item.text.strip()][:DEVELOPMENT_TEXTS]
    return [make_example(nlp, item, None) for item in texts]


def correct_negatives(ner: Any, examples: Sequence[Example]) -> float:
    """Add an offset to the bias of the negative class. Of those that are nearly the best by F1 over people,
    organisations and places, it is the one with which most nearly as many names are found as there are: precision and
    recall are about equal.

    ner (EntityRecognizer): The component, changed in place.
    examples (Sequence[Example]): Development sentences that were not trained on.
    RETURNS (float): The offset.
    """
    docs = [eg.predicted for eg in examples]
    spans, logits = ner.predict(docs)[:2]
    negative = ner.classes.index(ner.cfg["negative_label"])
    gold = [_bounds(eg.reference.ents) for eg in examples]
    found = {offset: _find(ner, docs, (spans, logits), negative, offset) for offset in OFFSETS}
    scores = {offset: _f1(own, gold) for offset, own in found.items()}
    good = [offset for offset, score in scores.items() if score >= max(scores.values()) - TOLERANCE]
    n_gold = _count(gold)
    best = min(good, key=lambda offset: (abs(_count(found[offset]) - n_gold), abs(offset)))
    linear = ner.model.get_ref("linear")
    bias = to_numpy(cast(Any, linear.get_param("b"))).copy()
    bias[negative] += best
    linear.set_param("b", linear.ops.asarray1f(bias))
    print("F1 by offset of the negative class:", {offset: round(100 * score, 1) for offset, score in scores.items()})
    return best


def _find(ner: Any, docs: Sequence[Any], prediction: Tuple[Ragged, Any], negative: int, offset: float) -> List[Spans]:
    changed = prediction[1].copy()
    changed[:, negative] += offset
    copies = [doc.copy() for doc in docs]
    ner.set_annotations(copies, (prediction[0], changed))
    return [_bounds(doc.ents) for doc in copies]


def _f1(found: Sequence[Spans], gold: Sequence[Spans]) -> float:
    n_right = sum(len(one & other) for one, other in zip(found, gold, strict=True))
    return 2 * n_right / max(1, _count(found) + _count(gold))


def _count(spans: Sequence[Spans]) -> int:
    return sum(map(len, spans))


def _bounds(ents: Sequence[Any]) -> Spans:
    return {(ent.start, ent.end, ent.label_) for ent in ents if ent.label_ in LABELS}
