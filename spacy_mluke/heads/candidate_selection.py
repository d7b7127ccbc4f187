"""Select the candidate spans that most probably are named entities, by the logits of the pruner. NumPy only."""

from __future__ import annotations

import math
from typing import Any, Mapping, NamedTuple, Optional

import numpy

from ..align.boundaries import boundary_rows
from ..ragged import positions
from ..types import AlignedBatch, Floats1d, Floats2d, Ints1d, Ints2d

# Lengths of named entities, in wordpieces; longer ones count as this long.
MAX_LENGTH = 32
# A sequence counts as so many wordpieces longer: a short sentence may consist of names, and needs more candidates.
EXTRA_PIECES = 16
# Features of a candidate before it is encoded: log-probabilities that a named entity begins with its first wordpiece,
# ends with its last one, has its length, that no other begins and none ends inside; and by how much the head prefers a
# label to the negative class, by the words alone.
FEATURES = ("begins", "ends", "length", "none_begins_inside", "none_ends_inside", "head")
BIAS = "bias"


class Pruning(NamedTuple):
    """Which candidates are encoded."""

    max_per_piece: float  # for each wordpiece of a sequence and for `EXTRA_PIECES` more
    least_likelihood: float = 0.0  # that a candidate must have, as from `log_likelihoods`; 0 for no bound
    # Weights of `FEATURES`, and the bias: a candidate whose weighted sum is negative is not encoded. None: no weights.
    weights: Optional[Mapping[str, float]] = None
    negative: int = 0  # the negative class of the head


def select_candidates(logits: Floats2d, lengths: Floats1d, batch: AlignedBatch, pruning: Pruning) -> Ints1d:
    """Select candidates of each sequence.

    logits (Floats2d): As from the pruner, for each piece; with weights, also the columns of the head, as from
        `pruning.edge_columns`. Shape: (n_pieces, 2), or (n_pieces, 2 + 2 * n_classes).
    lengths (Floats1d): Log-probabilities of lengths. Shape: (32,).
    batch (AlignedBatch): Sequences and their candidates.
    pruning (Pruning): Which ones to select.
    RETURNS (Ints1d): Numbers of the selected candidates, rising.
    """
    scores = log_likelihoods(logits, lengths, batch)
    # <s> and </s> are no words.
    quotas = numpy.ceil(pruning.max_per_piece * (batch.piece_lengths - 2 + EXTRA_PIECES)).astype("int64")
    sequence_of = numpy.arange(batch.n_sequences).repeat(batch.entity_lengths)
    order = numpy.lexsort((-scores, sequence_of))
    selected = order[positions(batch.entity_lengths) < quotas[sequence_of]]
    if pruning.least_likelihood:
        selected = selected[scores[selected] >= math.log(pruning.least_likelihood)]
    if pruning.weights is not None:
        features = candidate_features(logits, lengths, batch, selected, pruning.negative)
        weights = numpy.asarray([pruning.weights[name] for name in FEATURES])
        selected = selected[features @ weights + pruning.weights[BIAS] >= 0]
    return numpy.sort(selected)


def log_likelihoods(logits: Floats2d, lengths: Floats1d, batch: AlignedBatch) -> Floats1d:
    """Return the log-likelihood that each candidate is a named entity, by its first and last wordpiece and its length.

    logits (Floats2d): As from the pruner, for each piece, in the first two columns. Shape: (n_pieces, 2 or more).
    lengths (Floats1d): Log-probabilities of lengths. Shape: (32,).
    batch (AlignedBatch): Sequences and their candidates.
    RETURNS (Floats1d): Shape: (n_entities,).
    """
    log_probs = _log_sigmoid(logits[:, :2])
    edges = boundary_rows(batch)
    return log_probs[edges[:, 0], 0] + log_probs[edges[:, 1], 1] + lengths[length_rows(batch.entity_bounds)]


def candidate_features(
    columns: Floats2d, lengths: Floats1d, batch: AlignedBatch, which: Ints1d, negative: int
) -> Floats2d:
    """Return what says whether a candidate is a named entity before it is encoded.

    columns (Floats2d): As from `pruning.edge_columns`. Shape: (n_pieces, 2 + 2 * n_classes).
    lengths (Floats1d): Log-probabilities of lengths. Shape: (32,).
    batch (AlignedBatch): Sequences and their candidates.
    which (Ints1d): Numbers of the candidates. Shape: (n,).
    negative (int): The negative class.
    RETURNS (Floats2d): The columns `FEATURES`. Shape: (n, 6), float64.
    """
    firsts, lasts = boundary_rows(batch)[which].T
    begins, ends = columns[:, 0], columns[:, 1]
    others = numpy.full((2, len(which)), -numpy.inf)
    for step in range(1, int((lasts - firsts).max(initial=0)) + 1):
        longer = numpy.flatnonzero(firsts + step <= lasts)
        others[0, longer] = numpy.maximum(others[0, longer], begins[firsts[longer] + step])
        others[1, longer] = numpy.maximum(others[1, longer], ends[lasts[longer] - step])
    n_classes = (columns.shape[1] - 2) // 2
    words = columns[firsts, 2 : 2 + n_classes] + columns[lasts, 2 + n_classes :]
    best = numpy.delete(words, negative, axis=1).max(axis=1, initial=-numpy.inf)
    found = [
        _log_sigmoid(begins[firsts]),
        _log_sigmoid(ends[lasts]),
        lengths[length_rows(batch.entity_bounds[which])],
        *_log_sigmoid(-others),
        best - words[:, negative],
    ]
    return numpy.stack(found, axis=1).astype("float64")


def length_rows(bounds: Ints2d) -> Ints1d:
    """Return the row of each span's length in the table of lengths.

    bounds (Ints2d): First piece and end. Shape: (n_spans, 2).
    RETURNS (Ints1d): Shape: (n_spans,).
    """
    return numpy.clip(bounds[:, 1] - bounds[:, 0], 1, MAX_LENGTH) - 1


def _log_sigmoid(logits: Any) -> Any:
    return -numpy.logaddexp(0.0, -logits)
