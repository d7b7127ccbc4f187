"""Dense layers in 8 bits."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from spacy_mluke.network import int8, kernels
from spacy_mluke.network.int8 import Int8Cache, Int8Linear, clear_int8, has_int8, runs_int8, set_int8

from .reference import make_pair, random_sequences

RAGGED = [(6, 2), (4, 0), (6, 2), (3, 4)]

pytestmark = pytest.mark.skipif(not has_int8(), reason="this torch or processor has no products in eight bits")


def layer(n_in=24, n_out=40):
    torch.manual_seed(0)
    return torch.randn(n_out, n_in), torch.randn(n_out)


def rounded_weight(weight):
    """A weight after rounding to 8 bits."""
    scales = weight.abs().amax(1, keepdim=True) / 127
    return (weight / scales).round() * scales


def step_of(rows):
    """The size of a step of 8 bits in each row."""
    return (rows.amax(1, keepdim=True).clamp(min=0) - rows.amin(1, keepdim=True).clamp(max=0)) / 255


def rounded_rows(rows):
    """Rows after rounding to 8 bits."""
    least, step = rows.amin(1, keepdim=True).clamp(max=0), step_of(rows)
    return ((rows - least) / step).round() * step + least


@pytest.mark.parametrize("n_rows", [1, 7, 64, 130])
def test_products_are_those_of_rounded_rows_and_weights(n_rows):
    weight, bias = layer()
    rows, residual = torch.randn(n_rows, 24), torch.randn(n_rows, 40)
    expected = F.linear(rounded_rows(rows), rounded_weight(weight), bias)
    with torch.no_grad():
        found = Int8Linear(weight, bias)
        torch.testing.assert_close(found(rows), expected, atol=0.02, rtol=0.01)
        torch.testing.assert_close(found(rows, residual), found(rows) + residual, atol=1e-5, rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(rows=npst.arrays("float32", (5, 16), elements=st.floats(-1e4, 1e4, width=32)))
def test_the_error_of_a_number_is_at_most_one_rounding(rows):
    rows = torch.from_numpy(rows)
    weight = torch.eye(16)
    with torch.no_grad():
        found = Int8Linear(weight, torch.zeros(16))(rows)
    assert bool(((found - rows).abs() <= step_of(rows) * 0.51 + 1e-30).all())


def test_numbers_of_one_sign_use_all_steps():
    torch.manual_seed(0)
    rows = torch.rand(9, 64) * 10
    with torch.no_grad():
        found = Int8Linear(torch.eye(64), torch.zeros(64))(rows)
    assert float((found - rows).abs().max()) <= 10 / 255 * 0.51


def test_a_row_does_not_depend_on_the_other_rows():
    weight, bias = layer()
    rows = torch.randn(70, 24)
    rows[3] *= 1000
    dense = Int8Linear(weight, bias)
    with torch.no_grad():
        together = dense(rows)
        for i in (0, 3, 69):
            assert torch.equal(dense(rows[i : i + 1])[0], together[i])


def test_many_rows_are_processed_in_parts(monkeypatch):
    weight, bias = layer()
    rows, residual = torch.randn(100, 24), torch.randn(100, 40)
    with torch.no_grad():
        whole = Int8Linear(weight, bias)(rows, residual)
        monkeypatch.setattr(int8, "_MAX_FLOATS", 40 * 32)
        assert torch.equal(Int8Linear(weight, bias)(rows, residual), whole)


def test_no_rows_give_no_rows():
    with torch.no_grad():
        assert Int8Linear(*layer())(torch.empty(0, 24)).shape == (0, 40)


def test_rows_and_weights_of_zeros_give_the_bias():
    weight, bias = layer()
    with torch.no_grad():
        assert torch.equal(Int8Linear(weight, bias)(torch.zeros(3, 24)), bias.expand(3, 40))
        assert torch.equal(Int8Linear(torch.zeros(40, 24), bias)(torch.ones(3, 24)), bias.expand(3, 40))


@pytest.mark.parametrize("name", kernels.ACTIVATIONS)
def test_activations_are_applied(name):
    weight, bias = layer()
    rows, cache = torch.randn(9, 24), Int8Cache()
    with torch.no_grad():
        found = kernels.linear_activated(rows, weight, bias, name, cache)
        assert torch.equal(found, kernels.ACTIVATIONS[name](kernels.linear(rows, weight, bias, cache)))


# --- networks ---


@pytest.mark.parametrize("is_entity_aware", [False, True])
@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_states_in_eight_bits_are_close_to_those_in_float32(is_entity_aware, visibility):
    ours, _ = make_pair(is_entity_aware=is_entity_aware, width=32, entity_width=8)
    ours.visibility = visibility
    sequences = random_sequences(RAGGED, ours.config)
    with torch.no_grad():
        expected = sequences.run(ours)
        set_int8(ours, True)
        found = sequences.run(ours)
        for states, wanted in zip(found, expected, strict=True):
            assert not torch.equal(states, wanted)
            assert float(torch.cosine_similarity(states, wanted, dim=1).min()) > 0.99
        set_int8(ours, False)
        for states, wanted in zip(sequences.run(ours), expected, strict=True):
            assert torch.equal(states, wanted)


def test_training_uses_full_precision():
    ours, _ = make_pair()
    sequences = random_sequences(RAGGED, ours.config)
    expected = sequences.run(ours)
    set_int8(ours, True)
    for states, wanted in zip(sequences.run(ours), expected, strict=True):
        assert torch.equal(states, wanted)


def test_changed_weights_are_used_after_clearing_the_cache():
    ours, _ = make_pair()
    sequences = random_sequences(RAGGED, ours.config)
    set_int8(ours, True)
    with torch.no_grad():
        before = sequences.run(ours)
        for parameter in ours.parameters():
            parameter.data.mul_(0.5)
        clear_int8(ours)
        after = sequences.run(ours)
        set_int8(ours, False)
        exact = sequences.run(ours)
    assert not torch.allclose(before[0], after[0])
    assert float(torch.cosine_similarity(after[0], exact[0], dim=1).min()) > 0.99


@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_have_separate_caches(make_copy):
    ours, _ = make_pair()
    sequences = random_sequences(RAGGED, ours.config)
    set_int8(ours, True)
    with torch.no_grad():
        expected = sequences.run(ours)
        other = make_copy(ours)
        assert torch.equal(sequences.run(other)[0], expected[0])
        for parameter in other.parameters():
            parameter.data.mul_(0.5)
        clear_int8(other)
        sequences.run(other)
        assert torch.equal(sequences.run(ours)[0], expected[0])


def test_half_precision_does_not_use_eight_bits():
    with torch.no_grad():
        assert runs_int8(torch.zeros(1))
        assert not runs_int8(torch.zeros(1, dtype=torch.bfloat16))


def test_a_torch_without_the_operator_is_detected(monkeypatch):
    def refuse(*args):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(torch.ops.onednn, "qlinear_pointwise", refuse)
    assert has_int8.__wrapped__() is False


def test_an_operator_that_overflows_is_detected(monkeypatch):
    def saturate(rows, scale, zero, weight, *args):
        return torch.full((len(rows), 24), 32767.0)

    monkeypatch.setattr(torch.ops.onednn, "qlinear_pointwise", saturate)
    assert has_int8.__wrapped__() is False
