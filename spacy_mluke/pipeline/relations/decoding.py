"""Probabilities of relations, made consistent: inverse and symmetric relations, and types of head and tail."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

import numpy

from ...heads.losses import sigmoid, softmax
from ...types import Bools2d, Floats1d, Floats2d, Ints1d, Ints3d

TypePairs = Mapping[str, Sequence[Sequence[str]]]  # label -> allowed labels of head and tail


def decide(logits: Floats2d, classes: Sequence[str], options: Mapping[str, Any]) -> Tuple[Ints1d, Ints1d, Floats1d]:
    """Return the predicted relations of pairs.

    logits (Floats2d): Shape: (n_pairs, n_classes).
    classes (Sequence[str]): Names of the classes.
    options (Mapping[str, Any]): `multi_label`, `threshold`, `thresholds`, `temperature`, `bias` and `no_label` of
        `RelationExtractor`. Exports of earlier versions have no `thresholds`.
    RETURNS (Tuple[Ints1d, Ints1d, Floats1d]): Rows of `logits`, classes, and probabilities.
    """
    multi_label, no_label = options["multi_label"], options["no_label"]
    least = options["threshold"] or (0.5 if multi_label else 0.0)
    own = options.get("thresholds", {})
    thresholds = numpy.asarray([max(least, own.get(label, 0.0)) for label in classes], dtype=logits.dtype)
    if multi_label:
        probabilities = sigmoid(logits / options["temperature"] + options["bias"])
        rows, columns = numpy.nonzero(probabilities >= thresholds)
        return rows, columns, probabilities[rows, columns]
    probabilities = softmax(logits / options["temperature"])
    columns, scores = probabilities.argmax(axis=1), probabilities.max(axis=1, initial=0.0)
    holds = scores >= thresholds[columns]
    if no_label in classes:
        holds &= columns != classes.index(no_label)
    rows = numpy.flatnonzero(holds)
    return rows, columns[rows], scores[rows]


def agreeing_logits(
    logits: Floats2d,
    pairs: Sequence[Ints3d],
    kept: Ints1d,
    names: Sequence[Mapping[Tuple[int, ...], str]],
    classes: Sequence[str],
    inverses: Mapping[str, str],
    type_pairs: TypePairs,
) -> Floats2d:
    """Return the logits that agree with what is known about the labels.

    logits (Floats2d): Logits of the kept pairs. Shape: (n_kept, n_classes).
    pairs (Sequence[Ints3d]): Token bounds of the pairs of each document. Shape of each: (n_pairs, 2, 2).
    kept (Ints1d): Which of all pairs have logits. Shape: (n_kept,), ascending.
    names (Sequence[Mapping[Tuple[int, ...], str]]): Labels of the named entities of each document, by their token
        bounds.
    classes (Sequence[str]): Names of the classes.
    inverses (Mapping[str, str]): The inverse of a label, if it has one.
    type_pairs (TypePairs): Allowed labels of head and tail.
    RETURNS (Floats2d): The logits of a relation and of its inverse are averaged; relations that their entities' labels
        do not allow have -inf. Shape: (n_kept, n_classes).
    """
    if inverses:
        rows = {label: i for i, label in enumerate(classes)}
        inverse_of = numpy.asarray([rows.get(inverses.get(label, ""), -1) for label in classes])
        logits = join_directions(logits, pairs, kept, inverse_of)
    if type_pairs:
        heads, tails = (
            [
                own.get(tuple(span), "")
                for own, found in zip(names, pairs, strict=True)
                for span in found[:, side].tolist()
            ]
            for side in (0, 1)
        )
        chosen = kept.tolist()
        is_allowed = allowed_classes(type_pairs, classes, [heads[i] for i in chosen], [tails[i] for i in chosen])
        logits = numpy.where(is_allowed, logits, -numpy.inf)
    return logits


def join_directions(logits: Floats2d, pairs: Sequence[Ints3d], kept: Ints1d, inverse_of: Ints1d) -> Floats2d:
    """Average the logit of a relation from A to B with that of its inverse from B to A: both hold, or neither.

    logits (Floats2d): Logits of the kept pairs. Shape: (n_kept, n_classes).
    pairs (Sequence[Ints3d]): Token bounds of the pairs of each document. Shape of each: (n_pairs, 2, 2).
    kept (Ints1d): Which of all pairs have logits. Shape: (n_kept,), ascending.
    inverse_of (Ints1d): The inverse of each class, itself if it is symmetric; -1 for none. Shape: (n_classes,).
    RETURNS (Floats2d): The averaged logits; those of a pair without its reverse do not change.
    """
    columns = numpy.flatnonzero(inverse_of >= 0)
    rows, reversed_rows = _reversed(pairs, kept)
    if not len(columns) or not len(rows):
        return logits
    joined = logits.copy()
    others = logits[numpy.ix_(reversed_rows, inverse_of[columns])]
    joined[numpy.ix_(rows, columns)] = (logits[numpy.ix_(rows, columns)] + others) / 2
    return joined


def _reversed(pairs: Sequence[Ints3d], kept: Ints1d) -> Tuple[Ints1d, Ints1d]:
    """Rows of the kept pairs whose reverse is kept, too, and the rows of these."""
    known: Dict[Tuple[int, ...], int] = {}
    keys: List[Tuple[int, ...]] = []
    numbers = iter(range(len(kept)))
    is_kept = set(kept.tolist())
    n = 0
    for i, own in enumerate(pairs):
        for bounds in own.reshape((-1, 4)).tolist():
            if n in is_kept:
                key = (i, *bounds)
                known[key] = next(numbers)
                keys.append(key)
            n += 1
    found = [(row, known.get((i, *key[2:], *key[:2]), -1)) for row, (i, *key) in enumerate(keys)]
    table = numpy.asarray([pair for pair in found if pair[1] >= 0], dtype="int64").reshape((-1, 2))
    return table[:, 0], table[:, 1]


def allowed_classes(
    type_pairs: TypePairs, classes: Sequence[str], head_types: Sequence[str], tail_types: Sequence[str]
) -> Bools2d:
    """Return which classes the labels of head and tail allow.

    type_pairs (TypePairs): Allowed labels of head and tail; a class that is not listed is always allowed.
    classes (Sequence[str]): The classes.
    head_types (Sequence[str]): Label of each pair's head.
    tail_types (Sequence[str]): Label of each pair's tail.
    RETURNS (Bools2d): Shape: (n_pairs, n_classes).
    """
    allowed = {label: {tuple(pair) for pair in found} for label, found in type_pairs.items()}
    rows: Dict[Tuple[str, str], List[bool]] = {}
    for pair in set(zip(head_types, tail_types, strict=True)):
        rows[pair] = [label not in allowed or pair in allowed[label] for label in classes]
    found = [rows[pair] for pair in zip(head_types, tail_types, strict=True)]
    return numpy.asarray(found, dtype=bool).reshape((-1, len(classes)))


def count_type_pairs(found: Sequence[Tuple[str, str, str]], *, min_share: float) -> Dict[str, List[List[str]]]:
    """Return the labels of head and tail with which each relation occurs.

    found (Sequence[Tuple[str, str, str]]): Relation, label of its head, label of its tail; with repetitions.
    min_share (float): Minimum share of a relation's occurrences that a pair of labels must have.
    RETURNS (Dict[str, List[List[str]]]): Relation -> allowed pairs, sorted.
    """
    counts: Dict[str, Dict[Tuple[str, str], int]] = {}
    for label, head, tail in found:
        own = counts.setdefault(label, {})
        own[head, tail] = own.get((head, tail), 0) + 1
    allowed: Dict[str, Set[Tuple[str, str]]] = {
        label: {pair for pair, n in own.items() if n >= min_share * sum(own.values())} for label, own in counts.items()
    }
    return {label: [list(pair) for pair in sorted(pairs)] for label, pairs in sorted(allowed.items())}
