"""Calibration recovers the temperature and the bias that labels were drawn with."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.heads.calibration import TEMPERATURES, Calibration, ClassLogits, fit_calibration, mean_loss
from spacy_mluke.heads.losses import sigmoid, softmax

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=10, deadline=None)


def drawn_classes(seed, temperature, n=6_000, n_classes=4):
    """Return logits, and classes drawn from their probabilities at a temperature."""
    rng = numpy.random.default_rng(seed)
    logits = rng.normal(scale=2 * temperature, size=(n, n_classes))
    ends = softmax(logits / temperature).cumsum(axis=1)
    classes = (rng.random((n, 1)) > ends[:, :-1]).sum(axis=1)
    return logits, classes[:, None] == numpy.arange(n_classes)


@FEW
@given(SEEDS, st.floats(0.2, 5))
def test_the_temperature_of_exclusive_classes_is_recovered(seed, temperature):
    found = fit_calibration(ClassLogits.of_rows(*drawn_classes(seed, temperature)))
    assert found.temperature == pytest.approx(temperature, rel=0.2)
    assert found.bias == 0.0


@FEW
@given(SEEDS, st.floats(0.2, 5), st.floats(-2, 2))
def test_temperature_and_bias_of_independent_classes_are_recovered(seed, temperature, bias):
    rng = numpy.random.default_rng(seed)
    logits = rng.normal(scale=2 * temperature, size=(4_000, 3))
    truth = rng.random(logits.shape) < sigmoid(logits / temperature + bias)
    items = ClassLogits.of_rows(logits, truth, independent=True)
    found = fit_calibration(items, with_bias=True)
    assert found.temperature == pytest.approx(temperature, rel=0.2)
    assert found.bias == pytest.approx(bias, abs=0.25)
    assert fit_calibration(items).bias == 0.0


@FEW
@given(SEEDS, st.lists(st.integers(1, 6), min_size=1, max_size=30), st.floats(0.1, 10))
def test_probabilities_of_items_with_different_numbers_of_classes_are_softmaxes(seed, lengths, temperature):
    rng = numpy.random.default_rng(seed)
    logits = rng.normal(size=sum(lengths))
    ends = numpy.cumsum(lengths)
    truth = numpy.isin(numpy.arange(len(logits)), ends - 1)
    items = ClassLogits.of(logits, truth, numpy.asarray(lengths))
    parts = [softmax(own / temperature) for own in numpy.split(logits, ends[:-1])]
    calibration = Calibration(temperature)
    numpy.testing.assert_allclose(items.probabilities(calibration), numpy.concatenate(parts))
    wanted = -numpy.mean([numpy.log(part[-1]) for part in parts])
    assert mean_loss(items, calibration) == pytest.approx(wanted)
    best, is_right = items.decisions(calibration)
    assert best == pytest.approx([part.max() for part in parts])
    assert is_right.tolist() == [bool(part.argmax() == len(part) - 1) for part in parts]


def test_the_fitted_temperature_has_the_lowest_loss_of_all():
    items = ClassLogits.of_rows(*drawn_classes(0, 3.0, n=200))
    found = fit_calibration(items)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert mean_loss(items, found) < mean_loss(items, Calibration(factor * found.temperature))


@pytest.mark.parametrize("independent", [False, True])
def test_if_every_prediction_is_right_the_temperature_is_low_but_not_zero(independent):
    truth = numpy.eye(3, dtype=bool)
    items = ClassLogits.of_rows(4.0 * truth - 1.0, truth, independent=independent)
    assert TEMPERATURES[0] <= fit_calibration(items).temperature < 0.3


def test_without_items_nothing_changes():
    empty = ClassLogits.of_rows(numpy.zeros((0, 3)), numpy.zeros((0, 3), dtype=bool))
    assert fit_calibration(empty) == Calibration()
    assert mean_loss(empty, Calibration()) == 0.0
    assert [len(part) for part in empty.decisions(Calibration())] == [0, 0]


def test_classes_that_an_item_lacks_and_items_without_a_gold_class_are_skipped():
    logits = numpy.asarray([[1.0, -numpy.inf, 2.0], [1.0, 2.0, -numpy.inf], [numpy.nan] * 3])
    truth = numpy.asarray([[True, False, False], [False, False, True], [True, False, False]])
    items = ClassLogits.of_rows(logits, truth)
    assert (items.logits.tolist(), items.truth.tolist(), items.lengths.tolist()) == ([1.0, 2.0], [True, False], [2])


def test_negative_classes_predict_nothing_and_undecided_classes_are_neither_right_nor_wrong():
    logits = numpy.asarray([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [0.0, 3.0, 0.0]])
    truth = numpy.asarray([[1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 1, 0]]) > 0
    items = ClassLogits.of_rows(logits, truth, negative=0)
    assert items.decisions(Calibration())[1].tolist() == [True, False]


def test_items_that_are_negative_do_not_decide_about_the_temperature():
    logits, truth = drawn_classes(0, 3.0, n=2_000)
    items = ClassLogits.of_rows(logits, truth, negative=0)
    # Many items that are negative with certainty, and had lower probabilities.
    certain = numpy.tile([1.0, 0.0, 0.0, 0.0], (5_000, 1))
    joined = ClassLogits.join([items, ClassLogits.of_rows(certain, certain > 0, negative=0)])
    assert len(joined.decided()) == len(items.decided()) == (logits.argmax(axis=1) > 0).sum()
    assert fit_calibration(joined).temperature < 1.0
    assert fit_calibration(joined.decided()).temperature == pytest.approx(3.0, rel=0.2)


def test_independent_classes_decide_about_the_temperature_if_they_are_possible():
    logits = numpy.asarray([[-3.0, 0.0], [-2.0, 5.0]])
    found = ClassLogits.of_rows(logits, logits > 0, independent=True).decided()
    assert (found.logits.tolist(), found.lengths.tolist()) == ([0.0, -2.0, 5.0], [1, 1, 1])


def test_joined_batches_are_one():
    logits, truth = drawn_classes(0, 1.0, n=30)
    parts = [ClassLogits.of_rows(logits[own], truth[own]) for own in (slice(0, 10), slice(10, 30))]
    joined, whole = ClassLogits.join(parts), ClassLogits.of_rows(logits, truth)
    assert joined.lengths.tolist() == whole.lengths.tolist()
    assert joined.probabilities(Calibration(2.0)).tolist() == whole.probabilities(Calibration(2.0)).tolist()
