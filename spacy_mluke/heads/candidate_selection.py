"""Select the candidate spans that most probably are named entities, by the logits of the pruner. NumPy only."""

from __future__ import annotations

import math

import numpy

from ..align.boundaries import boundary_rows
from ..ragged import positions
from ..types import AlignedBatch, Floats1d, Floats2d, Ints1d, Ints2d

# Lengths of named entities, in wordpieces; longer ones count as this long.
MAX_LENGTH = 32
# A sequence counts as so many wordpieces longer: a short sentence may consist of names, and needs more candidates.
EXTRA_PIECES = 16


def select_candidates(
    logits: Floats2d, lengths: Floats1d, batch: AlignedBatch, max_per_piece: float, least_likelihood: float = 0.0
) -> Ints1d:
    """Select candidates of each sequence.

    logits (Floats2d): As from the pruner, for each piece. Shape: (n_pieces, 2).
    lengths (Floats1d): Log-probabilities of lengths. Shape: (32,).
    batch (AlignedBatch): Sequences and their candidates.
    max_per_piece (float): Candidates of a sequence to select, for each of its wordpieces and for `EXTRA_PIECES` more.
    least_likelihood (float): Likelihood that a candidate must have, as from `log_likelihoods`; 0 for no bound.
    RETURNS (Ints1d): Numbers of the selected candidates, rising.
    """
    scores = log_likelihoods(logits, lengths, batch)
    # <s> and </s> are no words.
    quotas = numpy.ceil(max_per_piece * (batch.piece_lengths - 2 + EXTRA_PIECES)).astype("int64")
    sequence_of = numpy.arange(batch.n_sequences).repeat(batch.entity_lengths)
    order = numpy.lexsort((-scores, sequence_of))
    selected = order[positions(batch.entity_lengths) < quotas[sequence_of]]
    if least_likelihood:
        selected = selected[scores[selected] >= math.log(least_likelihood)]
    return numpy.sort(selected)


def log_likelihoods(logits: Floats2d, lengths: Floats1d, batch: AlignedBatch) -> Floats1d:
    """Return the log-likelihood that each candidate is a named entity, by its first and last wordpiece and its length.

    logits (Floats2d): As from the pruner, for each piece. Shape: (n_pieces, 2).
    lengths (Floats1d): Log-probabilities of lengths. Shape: (32,).
    batch (AlignedBatch): Sequences and their candidates.
    RETURNS (Floats1d): Shape: (n_entities,).
    """
    log_probs = -numpy.logaddexp(0.0, -logits)
    edges = boundary_rows(batch)
    return log_probs[edges[:, 0], 0] + log_probs[edges[:, 1], 1] + lengths[length_rows(batch.entity_bounds)]


def length_rows(bounds: Ints2d) -> Ints1d:
    """Return the row of each span's length in the table of lengths.

    bounds (Ints2d): First piece and end. Shape: (n_spans, 2).
    RETURNS (Ints1d): Shape: (n_spans,).
    """
    return numpy.clip(bounds[:, 1] - bounds[:, 0], 1, MAX_LENGTH) - 1
