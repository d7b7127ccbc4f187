"""The type that predictions are computed in, for `dtype = "auto"`: simulated processors and timers."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from spacy_mluke.network import precision
from spacy_mluke.network.precision import CPU

from .reference import make_pair, random_sequences


class Timer:
    """Gives a layer's seconds by its type, and counts the calls."""

    def __init__(self, full, half):
        self.seconds = {torch.float32: full, torch.bfloat16: half}
        self.calls = {torch.float32: 0, torch.bfloat16: 0}

    def __call__(self, layer, rows, layout):
        # The layer really runs, in its own type.
        assert layer(rows, layout, "joint").dtype == rows.dtype
        seconds = self.seconds[rows.dtype]
        self.calls[rows.dtype] += 1
        return seconds[self.calls[rows.dtype] % len(seconds)]


@pytest.fixture
def simulate(monkeypatch):
    """Simulate a processor with units for bfloat16, and a layer's seconds."""

    def simulate(full=(1.0,), half=(1.0,), units=True):
        timer = Timer(full, half)
        monkeypatch.setattr(precision, "_measured", {})
        monkeypatch.setattr(precision, "has_bfloat16_units", lambda device: units)
        monkeypatch.setattr(precision, "measure_layer", timer)
        return timer

    return simulate


@pytest.fixture(params=[False, True], ids=["shared_queries", "entity_aware"])
def network(request):
    return make_pair(is_entity_aware=request.param)[0]


@pytest.mark.parametrize(("half", "chosen"), [(0.5, "bfloat16"), (0.9, "float32"), (1.0, "float32"), (3.0, "float32")])
def test_bfloat16_is_chosen_if_a_layer_is_faster_by_the_margin(network, simulate, half, chosen):
    simulate(full=(1.0,), half=(half,))
    assert precision.choose_dtype(network.config) == chosen


def test_without_units_nothing_is_measured(network, simulate):
    timer = simulate(half=(0.1,), units=False)
    assert precision.choose_dtype(network.config) == "float32"
    assert set(timer.calls.values()) == {0}


@pytest.mark.parametrize(("slow", "chosen"), [("half", "bfloat16"), ("full", "float32")])
def test_a_few_disturbed_rounds_do_not_change_the_choice(network, simulate, slow, chosen):
    noisy = (9.0, 1.0, 1.0, 1.0)
    simulate(**({"full": (2.0,), "half": noisy} if slow == "half" else {"full": noisy, "half": (1.0,)}))
    assert precision.choose_dtype(network.config) == chosen


def test_the_type_is_measured_once_for_each_size(network, simulate):
    timer = simulate()
    precision.choose_dtype(network.config)
    n_calls = dict(timer.calls)
    precision.choose_dtype(dataclasses.replace(network.config, num_hidden_layers=7))
    assert timer.calls == n_calls
    precision.choose_dtype(dataclasses.replace(network.config, intermediate_size=64))
    assert timer.calls == {dtype: 2 * n for dtype, n in n_calls.items()}


def test_measuring_keeps_the_random_state_and_ignores_autocast(network, simulate):
    simulate()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        precision.choose_dtype(network.config)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_measured_run_takes_time(network):
    layer = network.encoder.layer[0].eval()
    rows = torch.zeros(4, network.config.hidden_size)
    layout = precision.make_layout([4], [0], mixed=True, device=CPU, round_rows=int)
    with torch.no_grad():
        assert precision.measure_layer(layer, rows, layout) > 0


@pytest.mark.parametrize(
    ("found", "expected"),
    [({"amx_bf16": True}, True), ({"avx512_bf16": True}, True), ({"avx512_f": True, "amx_bf16": False}, False)],
    ids=["amx", "avx512_bf16", "avx512"],
)
def test_units_of_a_cpu_are_recognized(monkeypatch, found, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert precision.has_bfloat16_units(CPU) is expected


def test_a_torch_that_does_not_know_the_cpu_finds_no_units(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not precision.has_bfloat16_units(CPU)


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_units_of_a_gpu_are_recognized(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.has_bfloat16_units(torch.device("cuda:0")) is expected


def test_other_devices_have_no_units():
    assert not precision.has_bfloat16_units(torch.device("mps"))


@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_a_copy_with_bfloat16_layers_has_nearly_the_same_states(network, visibility):
    network.eval()
    network.visibility = visibility
    sequences = random_sequences([(6, 2), (4, 0), (3, 4)], network.config)
    copy = precision.with_bfloat16_layers(network)
    with torch.no_grad():
        for found, expected in zip(sequences.run(copy), sequences.run(network), strict=True):
            assert (found.dtype, expected.dtype) == (torch.bfloat16, torch.float32)
            assert float(torch.cosine_similarity(found.float(), expected, dim=1).min()) > 0.99


def test_a_copy_shares_the_embeddings_and_leaves_the_network_unchanged(network):
    before = {name: (p.requires_grad, p.detach().clone()) for name, p in network.named_parameters()}
    copy = precision.with_bfloat16_layers(network)
    assert copy.embeddings is network.embeddings and copy.entity_embeddings is network.entity_embeddings
    assert {parameter.dtype for parameter in copy.encoder.parameters()} == {torch.bfloat16}
    assert not any(parameter.requires_grad for parameter in copy.encoder.parameters())
    for name, parameter in network.named_parameters():
        is_trained, weights = before[name]
        assert parameter.requires_grad == is_trained and torch.equal(parameter, weights)


def test_a_copy_made_in_inference_mode_is_used_outside_of_it(network):
    sequences = random_sequences([(6, 2)], network.config)
    with torch.inference_mode():
        copy = precision.with_bfloat16_layers(network)
        expected = sequences.run(copy)[0]
    with torch.no_grad():
        torch.testing.assert_close(sequences.run(copy)[0], expected.clone())
