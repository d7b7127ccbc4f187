"""Probabilities of relations, made consistent: inverse and symmetric relations, and types of head and tail."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Set, Tuple

import numpy

from ...types import Bools2d, Floats2d, Ints1d, Ints3d

TypePairs = Mapping[str, Sequence[Sequence[str]]]  # label -> allowed labels of head and tail


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
