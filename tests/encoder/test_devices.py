"""Encoders on devices other than the CPU, and moves between devices."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy
import pytest
import thinc.util
import torch
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model, NumpyOps
from thinc.types import Ragged

from spacy_mluke.checkpoint import load as checkpoint_module
from spacy_mluke.checkpoint.add_entities import add_entities, add_heads
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.save import save_encoder
from spacy_mluke.encoder import shim as shim_module
from spacy_mluke.encoder.access import is_loaded, load_model
from spacy_mluke.encoder.inputs import EncoderInput
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.encoder.optimizer import AdamW
from spacy_mluke.network.quantized_table import Q4Embedding
from spacy_mluke.vocabulary.entity_names import NewEntity
from tests.checkpoint.checkpoints import make_checkpoint
from tests.checkpoint.far import FAR, Mixed, far_device
from tests.network.reference import make_pair, random_sequences

SHAPES = [(6, 2), (4, 0), (6, 2), (3, 4)]


def gpu_ops() -> NumpyOps:
    """Ops with the device type of a GPU, as `Model.to_gpu` passes them to shims."""
    return NumpyOps("gpu", 0)


@pytest.fixture(scope="module")
def path(tmp_path_factory, tiny_sentencepiece):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"), tiny_sentencepiece)


def devices(model: Model) -> set:
    return {parameter.device.type for _, parameter in load_model(model).named_parameters()}


# --- the simulated device ---


def test_the_simulated_device_refuses_to_mix_devices():
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
    parameters = dict(load_model(model).named_parameters())
    before = {name: (p.detach().clone(), p.requires_grad) for name, p in parameters.items()}
    with far_device():
        model._to_ops(gpu_ops())
        assert devices(model) == {FAR.type}
        model._to_ops(NumpyOps())
    assert devices(model) == {"cpu"}
    for name, parameter in load_model(model).named_parameters():
        assert torch.equal(parameter, before[name][0])
        assert parameter.requires_grad is before[name][1]


def test_moving_does_not_load_an_encoder():
    model = build_encoder_v1("/no/such/checkpoint")
    model.to_cpu()
    model._to_ops(gpu_ops())
    assert not is_loaded(model)


def test_int8_is_used_on_the_cpu_only(path, monkeypatch):
    monkeypatch.setattr(shim_module, "has_int8", lambda: True)
    model = build_encoder_v1(str(path), quantize="int8")
    model.initialize()
    layer = load_model(model).network.encoder.layer[0].intermediate
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
    words: Any = load_model(model).network.embeddings.word_embeddings
    blocks = words.blocks.data_ptr()
    model.to_cpu()
    assert words.blocks.data_ptr() == blocks


# --- running ---


@pytest.mark.parametrize("is_entity_aware", [False, True])
@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_the_network_does_not_mix_devices(is_entity_aware, visibility):
    ours, _ = make_pair(is_entity_aware=is_entity_aware)
    ours.visibility = visibility
    sequences = random_sequences(SHAPES, ours.config)
    expected = sequences.run(ours)
    sum(states.square().sum() for states in expected).backward()
    gradients = {name: p.grad.clone() for name, p in ours.named_parameters() if p.grad is not None}
    ours.zero_grad()
    with far_device() as far:
        ours.to(far)
        moved = replace(
            sequences,
            piece_ids=sequences.piece_ids.to(far),
            entity_ids=sequences.entity_ids.to(far),
            entity_bounds=sequences.entity_bounds.to(far),
        )
        with torch.no_grad():
            found = moved.run(ours)
            for states, wanted in zip(found, expected, strict=True):
                torch.testing.assert_close(states.cpu(), wanted.detach(), atol=1e-5, rtol=1e-4)
        sum(states.square().sum() for states in moved.run(ours)).backward()
        for name, gradient in gradients.items():
            torch.testing.assert_close(ours.get_parameter(name).grad.cpu(), gradient, atol=1e-3, rtol=1e-3)


@pytest.fixture
def elsewhere(monkeypatch):
    """Make the simulated device the default one, as `require_gpu` does with a GPU."""
    with far_device() as far:
        monkeypatch.setattr(shim_module, "get_torch_default_device", lambda: far)
        monkeypatch.setattr(thinc.util, "get_torch_default_device", lambda: far)
        yield far


@pytest.mark.parametrize("dtype, max_plain", [("float32", 100_000), ("bfloat16", 2)], ids=["plain", "mapped"])
def test_predictions_and_training_steps_on_another_device_equal_those_on_the_cpu(path, monkeypatch, dtype, max_plain):
    monkeypatch.setattr(checkpoint_module, "MAX_PLAIN_ENTITIES", max_plain)
    docs = [Doc(Vocab(), words=["Tokyo", "is", "far", "."]), Doc(Vocab(), words=["Paris"])]
    bounds = numpy.asarray([[0, 1], [2, 4], [0, 1]], dtype="int32")
    inputs = EncoderInput(docs, Ragged(bounds, numpy.asarray([2, 1], dtype="int32")))
    results = {}
    for place in ("cpu", "elsewhere"):
        with contextlib.ExitStack() as stack:
            if place == "elsewhere":
                stack.enter_context(far_device())
                stack.enter_context(mock.patch.object(shim_module, "get_torch_default_device", lambda: FAR))
                stack.enter_context(mock.patch.object(thinc.util, "get_torch_default_device", lambda: FAR))
            model = build_encoder_v1(str(path), dtype=dtype, entity_input="kb_id")
            model.initialize()
            for module in load_model(model).network.modules():
                if hasattr(module, "dropout"):
                    module.dropout = 0.0
            assert devices(model) == {"cpu" if place == "cpu" else FAR.type}
            optimizer = AdamW(0.01, use_averages=True)
            found = [model.predict(inputs)]
            for _ in range(2):
                output, backprop = model.begin_update(inputs)
                backprop(output)
                model.shims[0].finish_update(optimizer)
            found.append(model.predict(inputs))
            results[place] = [array for output in found for array in (output.piece_states, output.entity_states)]
            results[place] += [
                optimizer.averages[key] for key in sorted(optimizer.averages, key=str) if "LayerNorm" in key[1]
            ]
    atol = 1e-3 if dtype == "float32" else 0.1
    for ours, wanted in zip(results["elsewhere"], results["cpu"], strict=True):
        numpy.testing.assert_allclose(ours, wanted, atol=atol)


def test_entities_and_heads_are_added_on_another_device(path, elsewhere, tmp_path):
    loaded = load_encoder(path, device=elsewhere)
    add_heads(loaded, words=True, entities=True)
    assert add_entities(loaded, [NewEntity("Q90", {"en": "Paris of Tokyo"})]).tolist() == [6]
    assert {p.device.type for _, p in loaded.named_parameters()} == {FAR.type}
    save_encoder(loaded, tmp_path / "saved")
    assert load_encoder(tmp_path / "saved").heads.lm_head is not None


def test_the_4_bit_word_table_returns_the_same_rows_on_another_device():
    words = Q4Embedding(torch.randint(0, 256, (50, 36), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)))
    words.blocks[:, 0:2] = torch.tensor([0, 60], dtype=torch.uint8)
    words.blocks[:, 18:20] = torch.tensor([0, 60], dtype=torch.uint8)
    ids = torch.tensor([3, 3, 49, 0])
    expected = words(ids)
    with far_device() as far:
        assert torch.equal(words.to(far)(ids.to(far)).cpu(), expected)


def test_an_optimizer_follows_weights_to_another_device():
    optimizer = AdamW(0.1, use_averages=True)
    results = []
    for moves in (False, True):
        with far_device() as far:
            layer = torch.nn.Linear(3, 2, dtype=torch.bfloat16)
            torch.nn.init.ones_(layer.weight)
            optimizer = AdamW(0.1, use_averages=True)
            for step in range(3):
                if moves and step == 1:
                    layer.to(far)
                layer.weight.grad = torch.full_like(layer.weight, 0.5)
                optimizer.step_parameters(1, layer.named_parameters())
            results.append((layer.weight.detach().float().cpu().numpy(), optimizer.averages[1, "weight"]))
    for found, wanted in zip(*results, strict=True):
        numpy.testing.assert_allclose(found, wanted, atol=1e-2)
