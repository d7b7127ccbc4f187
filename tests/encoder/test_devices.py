"""Moving encoders between devices, and what runs on another one than the CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from thinc.api import Model, NumpyOps

from spacy_mluke.encoder import shim as shim_module
from spacy_mluke.encoder.model import build_encoder_v1, get_shim

from .checkpoints import make_checkpoint
from .far import FAR, Mixed, far_device
from .reference import make_pair, random_passes

SHAPES = [(6, 2), (4, 0), (6, 2), (3, 4)]


def gpu_ops() -> NumpyOps:
    """Ops that call themselves a GPU's, as `Model.to_gpu` hands them to shims."""
    return NumpyOps("gpu", 0)


@pytest.fixture(scope="module")
def path(tmp_path_factory, tiny_sentencepiece):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"), tiny_sentencepiece)


def devices(model: Model) -> set:
    return {parameter.device.type for _, parameter in get_shim(model).loaded.named_parameters()}


# --- the device that is none ---


def test_the_pretended_device_refuses_tensors_of_both():
    with far_device() as far:
        there = torch.ones(2, device=far)
        assert (there * 2 + torch.tensor(1.0)).cpu().tolist() == [3.0, 3.0]
        with pytest.raises(Mixed):
            there + torch.ones(2)
        with pytest.raises(RuntimeError):
            there.numpy()


# --- moving ---


def test_a_loaded_encoder_moves_to_a_gpu_and_back(path):
    model = build_encoder_v1(str(path), frozen=["word_embeddings"])
    model.initialize()
    parameters = dict(get_shim(model).loaded.named_parameters())
    before = {name: (p.detach().clone(), p.requires_grad) for name, p in parameters.items()}
    with far_device():
        model._to_ops(gpu_ops())
        assert devices(model) == {FAR.type}
        model._to_ops(NumpyOps())
    assert devices(model) == {"cpu"}
    for name, parameter in get_shim(model).loaded.named_parameters():
        assert torch.equal(parameter, before[name][0])
        assert parameter.requires_grad is before[name][1]


def test_an_encoder_that_is_not_loaded_stays_so_when_it_is_moved():
    model = build_encoder_v1("/no/such/checkpoint")
    model.to_cpu()
    model._to_ops(gpu_ops())
    assert not get_shim(model).is_loaded


def test_eight_bits_are_for_the_cpu_alone(path, monkeypatch):
    monkeypatch.setattr(shim_module, "has_int8", lambda: True)
    model = build_encoder_v1(str(path), quantize="int8")
    model.initialize()
    layer = get_shim(model).loaded.network.encoder.layer[0].intermediate
    first = layer.int8
    assert first is not None
    with far_device():
        with pytest.warns(UserWarning, match="ML141"):
            model._to_ops(gpu_ops())
        assert layer.int8 is None
        model.to_cpu()
    # Not the former layers: weights may have been trained elsewhere meanwhile.
    assert layer.int8 is not None and layer.int8 is not first


def test_the_bundled_encoder_moves_to_the_cpu_without_being_copied():
    model = build_encoder_v1()
    model.initialize()
    words: Any = get_shim(model).loaded.network.embeddings.word_embeddings
    blocks = words.blocks.data_ptr()
    model.to_cpu()
    assert words.blocks.data_ptr() == blocks


# --- running ---


@pytest.mark.parametrize("is_entity_aware", [False, True])
@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_the_network_mixes_no_devices(is_entity_aware, visibility):
    ours, _ = make_pair(is_entity_aware=is_entity_aware)
    ours.visibility = visibility
    passes = random_passes(SHAPES, ours.config)
    expected = passes.run(ours)
    sum(states.square().sum() for states in expected).backward()
    gradients = {name: p.grad.clone() for name, p in ours.named_parameters() if p.grad is not None}
    ours.zero_grad()
    with far_device() as far:
        ours.to(far)
        moved = replace(
            passes,
            piece_ids=passes.piece_ids.to(far),
            entity_ids=passes.entity_ids.to(far),
            entity_bounds=passes.entity_bounds.to(far),
        )
        with torch.no_grad():
            found = moved.run(ours)
            for states, wanted in zip(found, expected, strict=True):
                torch.testing.assert_close(states.cpu(), wanted.detach(), atol=1e-5, rtol=1e-4)
        sum(states.square().sum() for states in moved.run(ours)).backward()
        for name, gradient in gradients.items():
            torch.testing.assert_close(ours.get_parameter(name).grad.cpu(), gradient, atol=1e-3, rtol=1e-3)
