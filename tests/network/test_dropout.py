"""Dropout with the given probability, which keeps the mean."""

from __future__ import annotations

import pytest
import torch

from spacy_mluke.network.dropout import dropout


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_the_fraction_p_is_dropped_and_the_mean_kept(p):
    torch.manual_seed(0)
    rows = torch.ones(500, 401)
    found = dropout(rows, p)
    n = rows.numel()
    deviation = (p * (1 - p) / n) ** 0.5
    assert float((found == 0).float().mean()) == pytest.approx(p, abs=5 * deviation)
    assert float(found.mean()) == pytest.approx(1.0, abs=5 * deviation / (1 - p))
    assert set(found.unique().tolist()) == {0.0, float(found.max())}


def test_neighbours_are_dropped_independently():
    # Four values come from one number.
    torch.manual_seed(0)
    dropped = (dropout(torch.ones(200_000), 0.5) == 0).view(-1, 4).float()
    together = (dropped.T @ dropped) / len(dropped)
    assert (together - 0.25 - 0.25 * torch.eye(4)).abs().max() < 0.01


def test_only_kept_values_have_gradients():
    rows = torch.randn(7, 9, dtype=torch.float64, requires_grad=True)
    found = dropout(rows, 0.3)
    found.sum().backward()
    kept = found.detach() != 0
    assert torch.equal(rows.grad != 0, kept)
    torch.testing.assert_close(found.detach()[kept], (rows * rows.grad).detach()[kept])


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (2, 3, 0)])
def test_all_shapes_are_kept(shape):
    assert dropout(torch.ones(shape), 0.5).shape == shape


def test_the_seed_determines_dropped_values_and_p_zero_drops_none():
    rows = torch.ones(50)
    torch.manual_seed(1)
    first = dropout(rows, 0.5)
    torch.manual_seed(1)
    assert torch.equal(dropout(rows, 0.5), first)
    assert torch.equal(dropout(rows, 0.0), rows)
    assert not dropout(rows, 1.0).any()
    assert dropout(rows.bfloat16(), 0.5).dtype == torch.bfloat16
