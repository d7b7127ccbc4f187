"""Confidence intervals."""

from __future__ import annotations

import numpy
import pytest

from spacy_mluke.report.bootstrap import interval, resampled_totals


def test_every_sample_has_as_many_documents_as_the_corpus():
    (totals,) = resampled_totals([numpy.ones((7, 1))], n_samples=50, seed=0)
    assert totals.shape == (50, 1) and (totals == 7).all()


def test_the_interval_of_a_proportion_is_that_of_the_binomial_distribution():
    right = (numpy.arange(400) < 100).astype("float64")[:, None]
    (totals,) = resampled_totals([right], n_samples=4000, seed=0)
    found = interval(0.25, totals[:, 0] / 400)
    # 1.96 standard errors
    assert found.low == pytest.approx(0.25 - 1.96 * 0.02165, abs=0.004)
    assert found.high == pytest.approx(0.25 + 1.96 * 0.02165, abs=0.004)


def test_systems_share_samples_so_equal_systems_never_differ():
    counts = numpy.random.default_rng(0).integers(0, 5, size=(30, 3)).astype("float64")
    first, second = resampled_totals([counts, counts[:, ::-1]], n_samples=20, seed=1)
    assert (first == second[:, ::-1]).all()
    assert len({tuple(row) for row in first.tolist()}) > 10


def test_samples_depend_on_the_seed_and_not_on_the_batch_size(monkeypatch):
    counts = numpy.eye(5)
    (whole,) = resampled_totals([counts], n_samples=8, seed=3)
    monkeypatch.setattr("spacy_mluke.report.bootstrap._MAX_CELLS", 10)
    (parts,) = resampled_totals([counts], n_samples=8, seed=3)
    assert (whole == parts).all()


def test_without_documents_or_samples_the_interval_is_the_score():
    assert resampled_totals([numpy.zeros((0, 2))], n_samples=3, seed=0)[0].shape == (3, 2)
    assert interval(0.5, numpy.zeros(0)) == (0.5, 0.5, 0.5)
