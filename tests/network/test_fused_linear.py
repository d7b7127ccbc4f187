"""Fused projections always have the current values of the parameters."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from spacy_mluke.network.fused_linear import fused

from .reference import make_pair, random_sequences, run_reference

RAGGED = [(6, 2), (4, 0), (6, 2), (3, 4)]


@pytest.fixture(params=[False, True], ids=["plain", "entity_aware"])
def pair(request):
    ours, reference = make_pair(is_entity_aware=request.param, entity_width=8)
    _check(ours, reference)  # from here on, the parameters are packed
    return ours, reference


def test_packed_weights_follow_an_optimizer(pair):
    networks = pair
    for network in networks:
        optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
        generator = torch.Generator().manual_seed(0)
        for name, parameter in sorted(network.named_parameters()):
            if name != "entity_embeddings.entity_embeddings.weight":
                parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()
    _check(*networks)


def test_packed_weights_follow_a_training_step(pair):
    ours, _ = pair
    sequences = random_sequences(RAGGED, ours.config)
    before = _states(ours, sequences)
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    sequences.run(ours)[0].square().sum().backward()
    optimizer.step()
    after = _states(ours, sequences)
    assert not torch.allclose(before[0], after[0])
    torch.testing.assert_close(after, tuple(s.detach() for s in sequences.run(ours)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("assign", [True, False])
def test_packed_weights_follow_loading(pair, assign):
    ours, reference = pair
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.mul_(0.7)
    state = {name: tensor.clone() for name, tensor in reference.state_dict().items()}
    ours.load_state_dict(state, assign=assign)
    _check(ours, reference)


def test_packed_weights_follow_a_single_parameter(pair):
    ours, reference = pair
    for network in pair:
        layer = network.encoder.layer[1].attention.self
        layer.key.weight = torch.nn.Parameter(layer.query.weight.detach() * 0.5)
    _check(ours, reference)


def test_packed_weights_follow_a_change_of_type(pair):
    ours, reference = pair
    sequences = random_sequences(RAGGED, ours.config)
    expected = run_reference(reference.double(), sequences)
    ours.double()
    torch.testing.assert_close(_states(ours, sequences), tuple(s.detach() for s in expected))
    ours.float()
    reference.float()
    _check(ours, reference)


@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_are_correct_and_independent(pair, make_copy):
    ours, reference = pair
    other = make_copy(ours)
    _check(other, reference)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(0.5)
    _states(other, random_sequences(RAGGED, ours.config))
    _check(ours, reference)


def test_packed_weights_have_one_copy(pair):
    ours, _ = pair
    attention = ours.encoder.layer[0].attention.self
    layers = [getattr(attention, name) for name in attention.fused_names]
    with torch.no_grad():
        weight, bias = fused(layers, 0, len(layers))
    assert weight.data_ptr() == layers[0].weight.data_ptr()
    assert bias.data_ptr() == layers[0].bias.data_ptr()
    assert torch.equal(weight, torch.cat([layer.weight for layer in layers]))


def test_packing_does_not_enlarge_pickles(pair):
    fresh, _ = make_pair(is_entity_aware=pair[0].config.use_entity_aware_attention, entity_width=8)
    assert len(pickle.dumps(pair[0])) == pytest.approx(len(pickle.dumps(fresh)), rel=0.01)


def test_a_copy_with_its_optimizer_trains(pair):
    optimizer = torch.optim.SGD(pair[0].parameters(), lr=0.1)
    network, optimizer = copy.deepcopy((pair[0], optimizer))
    assert {id(p) for p in network.parameters()} == {id(p) for p in optimizer.param_groups[0]["params"]}


def test_threads_may_pack_at_the_same_time():
    ours, reference = make_pair()
    sequences = random_sequences(RAGGED, ours.config)
    expected = tuple(states.detach() for states in run_reference(reference, sequences))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(_states, [ours] * 32, [sequences] * 32):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_packing_in_inference_mode_leaves_parameters_trainable():
    ours, _ = make_pair()
    sequences = random_sequences(RAGGED, ours.config)
    with torch.inference_mode():
        sequences.run(ours)
    pieces, entities = sequences.run(ours)
    (pieces.sum() + entities.sum()).backward()
    torch.optim.SGD(ours.parameters(), lr=0.1).step()
    assert ours.encoder.layer[0].attention.self.query.weight.grad is not None


def test_packing_between_forward_and_backward_changes_no_gradient():
    (ours, _), (undisturbed, _) = make_pair(), make_pair()
    sequences = random_sequences(RAGGED, ours.config)
    states = sequences.run(ours)[0]
    _states(ours, sequences)  # packs
    states.square().sum().backward()
    sequences.run(undisturbed)[0].square().sum().backward()
    for parameter, expected in zip(ours.parameters(), undisturbed.parameters(), strict=True):
        if expected.grad is not None:
            torch.testing.assert_close(parameter.grad, expected.grad)


def _states(network, sequences):
    with torch.no_grad():
        return sequences.run(network)


def _check(ours, reference):
    sequences = random_sequences(RAGGED, ours.config)
    expected = tuple(states.detach() for states in run_reference(reference, sequences))
    for _ in range(2):
        torch.testing.assert_close(_states(ours, sequences), expected, atol=1e-5, rtol=1e-4)
