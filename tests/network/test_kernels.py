"""Fast dense layers equal torch's, and numbers of rows are rounded to few different ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from spacy_mluke.network import kernels

from .reference import make_pair, random_sequences


@pytest.mark.parametrize("n_rows", [1, 7, 64, 130])
def test_dense_layers_equal_those_of_torch(n_rows):
    torch.manual_seed(0)
    rows, weight, bias, residual = (torch.randn(s) for s in ((n_rows, 24), (40, 24), (40,), (n_rows, 40)))
    plain = F.linear(rows, weight, bias)
    with torch.no_grad():
        torch.testing.assert_close(kernels.linear(rows, weight, bias), plain, atol=1e-5, rtol=1e-5)
        added = kernels.linear_added(rows, weight, bias, residual)
        torch.testing.assert_close(added, plain + residual, atol=1e-5, rtol=1e-5)
        for name, activation in kernels.ACTIVATIONS.items():
            found = kernels.linear_activated(rows, weight, bias, name)
            torch.testing.assert_close(found, activation(plain), atol=1e-5, rtol=1e-5)


def test_gelu_is_exact_over_its_whole_range():
    rows, weight, bias = torch.linspace(-9, 9, 4001).unsqueeze(1), torch.ones(1, 1), torch.zeros(1)
    with torch.no_grad():
        found = kernels.linear_activated(rows, weight, bias, "gelu")
    torch.testing.assert_close(found, F.gelu(rows.double()).float(), atol=1e-6, rtol=1e-5)


def test_the_encoder_works_without_fast_kernels(monkeypatch):
    ours, _ = make_pair()
    sequences = random_sequences([(9, 3), (5, 0)], ours.config)
    with torch.no_grad():
        expected = sequences.run(ours)
        monkeypatch.setattr(kernels, "_has_pointwise", bool)
        for states, wanted in zip(sequences.run(ours), expected, strict=True):
            torch.testing.assert_close(states, wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("capability", "is_preferred"), [("AVX2", True), ("AVX512", False)])
def test_mkl_is_preferred_without_avx512(monkeypatch, capability, is_preferred):
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert kernels._prefers_mkl.__wrapped__() is is_preferred


@pytest.mark.parametrize("is_preferred", [True, False])
def test_states_do_not_depend_on_the_library(monkeypatch, is_preferred):
    ours, _ = make_pair()
    sequences = random_sequences([(9, 3), (5, 0)], ours.config)
    with torch.no_grad():
        expected = sequences.run(ours)
        monkeypatch.setattr(kernels, "_prefers_mkl", lambda: is_preferred)
        for states, wanted in zip(sequences.run(ours), expected, strict=True):
            torch.testing.assert_close(states, wanted, atol=1e-5, rtol=1e-4)


def test_a_torch_without_the_kernel_is_detected(monkeypatch):
    def refuse(*args):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", refuse)
    assert kernels._has_pointwise.__wrapped__() is False


@given(n_rows=st.integers(1, 5000))
def test_few_spare_rows_are_added(n_rows):
    rounded = kernels.round_rows(n_rows)
    assert n_rows <= rounded <= max(n_rows + 7, n_rows * 17 / 16)
    assert kernels.round_rows(rounded) == rounded


def test_ragged_batches_have_few_numbers_of_rows():
    # Each costs a compiled kernel for every dense layer, about two megabytes together.
    assert len({kernels.round_rows(n) for n in range(1, 2049)}) < 90
