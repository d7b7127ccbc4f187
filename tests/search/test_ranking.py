"""The best rows of a stream are those of a sort of all rows."""

from __future__ import annotations

import numpy
import pytest

from spacy_mluke.search.index_files import round_vectors
from spacy_mluke.search.ranking import BestRows


def sort_all(scores, groups, limit, per_group):
    found, counts = [], {}
    for row in numpy.argsort(-scores, kind="stable").tolist():
        counts[groups[row]] = counts.get(groups[row], 0) + 1
        if per_group is None or counts[groups[row]] <= per_group:
            found.append(row)
    return found[:limit]


@pytest.mark.parametrize(("limit", "per_group"), [(1, None), (7, None), (7, 2), (50, 3), (500, None)])
def test_blocks_give_the_rows_of_a_sort_of_all(limit, per_group):
    random = numpy.random.default_rng(limit)
    scores = random.integers(0, 500, 20_000) / 500.0  # with ties
    groups = random.integers(0, 9, 20_000)
    best = BestRows(limit, per_group)
    for start in range(0, 20_000, 900):
        rows = numpy.arange(start, min(start + 900, 20_000))
        best.add(rows, scores[rows], groups[rows])
    assert best.sorted() == sort_all(scores, groups, limit, per_group)


def test_vectors_in_eight_bits_keep_their_direction():
    vectors = numpy.random.default_rng(0).standard_normal((20, 64)).astype("float32")
    rounded, scales = round_vectors(vectors)
    found = rounded * scales[:, None]
    assert numpy.linalg.norm(found, axis=1) == pytest.approx(1)
    cosines = (found * vectors).sum(1) / numpy.linalg.norm(vectors, axis=1)
    assert cosines.min() > 0.999


def test_vectors_of_zeros_and_of_numbers_that_are_not_finite_have_no_scale():
    rounded, scales = round_vectors(numpy.asarray([[0, 0], [numpy.nan, 1], [numpy.inf, 1], [0, 2]], dtype="float32"))
    assert scales.tolist() == pytest.approx([0, 0, 0, 1 / 127]) and rounded[:3].any() == 0
