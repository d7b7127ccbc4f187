"""The optimizer takes the same steps as PyTorch's AdamW, for parameters of both libraries."""

from __future__ import annotations

import numpy
import pytest
import torch
from spacy.util import registry
from thinc.api import Linear, Model, Optimizer, PyTorchWrapper, chain, warmup_linear
from torch import nn

from spacy_mluke.encoder import optimizer as module
from spacy_mluke.encoder.optimizer import AdamW, Stepped, finish_update, is_decayed


def small_network() -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Linear(4, 3))
    names = {"0": "dense", "1": "LayerNorm", "2": "output"}
    return nn.ModuleDict({names[name]: layer for name, layer in network.named_children()})


def give_gradients(network: nn.Module, seed: int, scale: float = 1.0) -> None:
    torch.manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter) * scale


def torch_groups(network: nn.Module, decay: float) -> list:
    named = list(network.named_parameters())
    return [
        {"params": [p for name, p in named if is_decayed(name)], "weight_decay": decay},
        {"params": [p for name, p in named if not is_decayed(name)], "weight_decay": 0.0},
    ]


@pytest.fixture(params=["fused", "foreach"])
def kernel(request, monkeypatch):
    if request.param == "foreach":
        monkeypatch.setattr(module, "_has_fused", lambda: False)


@pytest.mark.parametrize("clip", [0.0, 0.5], ids=["no_clipping", "clipped"])
def test_steps_equal_those_of_torch(kernel, clip):
    ours, theirs = small_network(), small_network()
    optimizer = AdamW(0.01, weight_decay=0.1, grad_clip=clip, eps=1e-8)
    reference = torch.optim.AdamW(torch_groups(theirs, 0.1), lr=0.01, eps=1e-8)
    for seed in range(5):
        give_gradients(ours, seed)
        give_gradients(theirs, seed)
        if clip:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        reference.step()
        optimizer.step_parameters(1, ours.named_parameters())
        assert all(p.grad is None for p in ours.parameters())
    for found, wanted in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-7, rtol=1e-6)


def test_thinc_parameters_take_the_same_steps(kernel):
    weights = numpy.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)
    parameter = nn.Parameter(torch.from_numpy(weights.copy()))
    optimizer = AdamW(0.01, weight_decay=0.1, grad_clip=0.0)
    reference = torch.optim.AdamW([parameter], lr=0.01, weight_decay=0.1)
    for step in range(4):
        gradient = numpy.full_like(weights, 0.3 * (step - 1))
        parameter.grad = torch.from_numpy(gradient.copy())
        reference.step()
        same, cleared = optimizer((7, "W"), weights, gradient)
        assert same is weights
        assert not cleared.any()
    numpy.testing.assert_allclose(weights, parameter.detach().numpy(), atol=1e-6)


def test_biases_and_layer_norms_are_not_decayed():
    names = ["encoder.layer.0.output.dense.weight", "W", "E", "entity_embeddings.entity_embeddings.special"]
    spared = [
        "encoder.layer.0.output.dense.bias",
        "encoder.layer.0.output.LayerNorm.weight",
        "b",
        "G",
        "layer_norm.weight",
    ]
    assert all(map(is_decayed, names))
    assert not any(map(is_decayed, spared))
    network = small_network()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    AdamW(0.1, weight_decay=0.5).step_parameters(1, network.named_parameters())
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name] * (0.95 if is_decayed(name) else 1.0))


def test_encoder_and_head_are_clipped_by_one_norm():
    def gradients_used(step) -> float:
        torch.manual_seed(0)
        network = nn.Linear(3, 3, bias=False)
        head = Linear(2, 3).initialize()
        model: Model = chain(PyTorchWrapper(network), head)
        network.weight.grad = torch.full((3, 3), 3.0)
        head.set_grad("W", numpy.full((2, 3), 4.0, dtype="float32"))
        head.set_grad("b", numpy.zeros(2, dtype="float32"))
        optimizer = AdamW(0.0, grad_clip=1.0)
        step(model, optimizer)
        # After one step, the first moment is a tenth of the gradient.
        return float(sum((10 * moment).square().sum() for moment in optimizer.mom1.values())) ** 0.5

    assert gradients_used(finish_update) == pytest.approx(1.0, abs=1e-4)
    assert gradients_used(Model.finish_update) > 1.3


def test_a_layer_that_has_grown_starts_with_new_moments():
    optimizer = AdamW(0.01)
    for rows in (2, 2, 3):
        weights, gradient = numpy.ones((rows, 4), dtype="float32"), numpy.ones((rows, 4), dtype="float32")
        optimizer((1, "W"), weights, gradient)
        assert (weights < 1.0).all()
    assert optimizer.mom1[(1, "W")].shape == (3, 4)
    assert optimizer.nr_update[(1, "W")] == 1


def test_spacy_accepts_it_as_an_optimizer():
    optimizer = registry.resolve(
        {
            "optimizer": {
                "@optimizers": "spacy-mluke.AdamW.v1",
                "learn_rate": {
                    "@schedules": "warmup_linear.v1",
                    "initial_rate": 1.0,
                    "warmup_steps": 2,
                    "total_steps": 4,
                },
            }
        }
    )["optimizer"]
    assert isinstance(optimizer, Optimizer)
    rates = []
    for _ in range(5):
        rates.append(optimizer.learn_rate)
        optimizer.step_schedules()
    assert rates == [0.0, 0.5, 1.0, 0.5, 0.0]
    optimizer.learn_rate = 0.25
    assert optimizer.learn_rate == 0.25
    assert optimizer.averages is None


def test_a_step_uses_the_rate_of_the_schedule():
    weights = numpy.ones((1, 1), dtype="float32")
    optimizer = AdamW(warmup_linear(1.0, 2, 4), weight_decay=0.0)
    optimizer((1, "W"), weights, numpy.ones((1, 1), dtype="float32"))
    assert weights[0, 0] == 1.0
    optimizer.step_schedules()
    optimizer((1, "W"), weights, numpy.ones((1, 1), dtype="float32"))
    assert weights[0, 0] == pytest.approx(0.5, abs=1e-4)


def test_averages_equal_those_of_thinc():
    from thinc.api import Adam

    results = []
    for optimizer in (
        AdamW(0.01, weight_decay=0.0, grad_clip=0.0, use_averages=True),
        Adam(0.01, L2=0.0, grad_clip=0.0, eps=1e-8, use_averages=True),
    ):
        weights = numpy.ones((2, 2), dtype="float32")
        for _ in range(20):
            optimizer((1, "W"), weights, numpy.ones((2, 2), dtype="float32"))
        results.append(optimizer.averages[(1, "W")].copy())
    numpy.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_gradients_that_are_not_finite_raise_an_error():
    with pytest.raises(ValueError, match=r"\[ML246\].*nan"):
        AdamW(0.01)((1, "W"), numpy.ones((1, 1), dtype="float32"), numpy.full((1, 1), numpy.nan, dtype="float32"))


def test_steps_too_small_for_half_precision_add_up():
    weights = torch.ones(4, 4, dtype=torch.bfloat16)
    optimizer = AdamW(1e-4, weight_decay=0.0)
    for _ in range(100):
        optimizer.step_together([Stepped((1, "dense.weight"), weights, torch.ones(4, 4, dtype=torch.bfloat16))])
    assert float(weights[0, 0]) == pytest.approx(0.99, abs=0.004)
    # Weights that were loaded meanwhile are not overwritten by those of before.
    weights.fill_(0.5)
    optimizer.step_together([Stepped((1, "dense.weight"), weights, torch.ones(4, 4, dtype=torch.bfloat16))])
    assert float(weights[0, 0]) == pytest.approx(0.5, abs=0.004)
