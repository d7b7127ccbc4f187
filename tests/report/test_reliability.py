"""Reliability tables and thresholds."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_mluke.heads.calibration import Calibration, ClassLogits, fit_calibration
from spacy_mluke.report.reliability import log_loss, reliability, threshold_scores
from tests.heads.test_calibration import drawn_classes


def test_a_table_has_the_mean_probability_and_the_fraction_right_of_each_bin():
    table = reliability(numpy.asarray([0.0, 0.05, 0.1, 0.95, 1.0]), numpy.asarray([0, 0, 1, 1, 0], dtype=bool))
    assert [part.n for part in table.bins] == [2, 1, *[0] * 7, 2]
    assert table.bins[0].probability == pytest.approx(0.025)
    assert [part.right for part in table.bins if part.n] == [0.0, 1.0, 0.5]
    assert table.bins[5].probability is None
    assert table.error == pytest.approx((2 * 0.025 + 1 * 0.9 + 2 * 0.475) / 5)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=50), st.integers(1, 20))
def test_every_prediction_is_in_one_bin(predictions, n_bins):
    found, is_right = (numpy.asarray([pair[i] for pair in predictions], dtype=t) for i, t in ((0, float), (1, bool)))
    table = reliability(found, is_right, n_bins)
    assert sum(part.n for part in table.bins) == table.n == len(predictions)
    assert 0.0 <= table.error <= 1.0
    for part in table.bins:
        assert part.probability is None or part.low - 1e-9 <= part.probability <= part.high + 1e-9


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_calibration_lowers_the_calibration_error(temperature):
    items = ClassLogits.of_rows(*drawn_classes(0, temperature))
    errors = [reliability(*items.decisions(own)).error for own in (Calibration(), fit_calibration(items))]
    assert errors[1] < 0.03 < errors[0]


def test_thresholds_have_precision_recall_and_f():
    found = threshold_scores(0.5, numpy.asarray([True, False, True, True]), 6)
    assert (found.predicted, found.precision, found.recall, found.f) == (4, 0.75, 0.5, 0.6)
    nothing = threshold_scores(0.9, numpy.zeros(0, dtype=bool), 0)
    assert (nothing.precision, nothing.recall, nothing.f) == (0.0, 0.0, 0.0)


def test_the_loss_of_predictions_is_that_of_being_right_or_wrong():
    probabilities, is_right = numpy.asarray([0.8, 0.5, 1.0]), numpy.asarray([True, False, False])
    assert log_loss(probabilities, is_right) == pytest.approx(-numpy.log([0.8, 0.5, 1e-7]).mean())
    assert log_loss(probabilities[:0], is_right[:0]) == 0.0
