"""Training the network: gradients, dropout, checkpointing, half precision."""

from __future__ import annotations

import copy

import pytest
import torch

from spacy_mluke.network.attention import takes_mixed_layout
from spacy_mluke.network.config import EncoderConfig
from spacy_mluke.network.layout import make_layout
from spacy_mluke.network.transformer import LukeEncoder
from tests.network.reference import make_pair, random_sequences

RAGGED = [(6, 2), (4, 0), (6, 2), (3, 4)]
MICRO = EncoderConfig(
    vocab_size=9,
    entity_vocab_size=3,
    hidden_size=4,
    entity_emb_size=3,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=5,
    max_position_embeddings=9,
    type_vocab_size=1,
    layer_norm_eps=1e-5,
    use_entity_aware_attention=False,
    initializer_range=0.5,
)


@pytest.fixture(params=["joint", "isolated"])
def visibility(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["plain", "entity_aware"])
def is_entity_aware(request):
    return request.param


@pytest.fixture
def encoder(visibility, is_entity_aware):
    ours, _ = make_pair(is_entity_aware=is_entity_aware, entity_width=8)
    ours.visibility = visibility
    return ours


def test_gradients_equal_finite_differences(visibility, is_entity_aware):
    torch.manual_seed(0)
    config = EncoderConfig.from_dict({**MICRO.to_dict(), "use_entity_aware_attention": is_entity_aware})
    encoder = LukeEncoder(config, visibility=visibility).double().eval()
    sequences = random_sequences([(3, 2), (2, 0), (4, 1)], config)
    names, parameters = zip(*encoder.named_parameters(), strict=True)

    def run(*values):
        return torch.func.functional_call(
            encoder,
            dict(zip(names, values, strict=True)),
            (
                sequences.piece_ids,
                sequences.piece_lengths,
                sequences.entity_ids,
                sequences.entity_bounds,
                sequences.entity_lengths,
            ),
            {"max_mention_length": sequences.max_mention_length},
        )

    values = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    assert torch.autograd.gradcheck(run, values, atol=1e-6, fast_mode=True)


def test_evaluation_is_deterministic(encoder):
    sequences = random_sequences(RAGGED, encoder.config)
    assert all(map(torch.equal, sequences.run(encoder), sequences.run(encoder)))


def test_training_applies_dropout(encoder):
    sequences = random_sequences(RAGGED, encoder.config)
    encoder.train()
    first, second = sequences.run(encoder), sequences.run(encoder)
    assert not torch.allclose(first[0], second[0])
    assert not torch.allclose(first[1], second[1])


@pytest.mark.parametrize("kind", ["hidden_dropout_prob", "attention_probs_dropout_prob"])
def test_both_dropouts_are_active_and_keep_the_mean(encoder, kind):
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = EncoderConfig.from_dict({**encoder.config.to_dict(), "num_hidden_layers": 1, **none, kind: 0.1})
    noisy = LukeEncoder(config, visibility=encoder.visibility)
    # Only as deep as the attention: nothing bends the mean between it and what is compared.
    attention = noisy.encoder.layer[0].attention.self
    sequences = random_sequences(RAGGED, config)
    if kind == "hidden_dropout_prob":
        assert not torch.equal(sequences.run(noisy.train())[0], sequences.run(noisy)[0])
        return
    mixed = takes_mixed_layout(attention.is_entity_aware, encoder.visibility)
    layout = make_layout(
        sequences.piece_lengths, sequences.entity_lengths, mixed=mixed, device=torch.device("cpu"), round_rows=int
    )
    rows = torch.randn(layout.n_rows, config.hidden_size)
    with torch.no_grad():
        expected = attention.eval()(rows, layout, encoder.visibility)
        attention.train()
        samples = torch.stack([attention(rows, layout, encoder.visibility) for _ in range(300)])
    assert samples.std(0).min() > 0
    error = (samples.mean(0) - expected).abs() / (samples.std(0) / 300**0.5)
    assert error.mean() < 1.2


def test_checkpointing_does_not_change_gradients(encoder):
    sequences = random_sequences(RAGGED, encoder.config)
    lean = copy.deepcopy(encoder)
    lean.encoder.checkpointing = True
    for network in (encoder, lean):
        pieces, entities = sequences.run(network)
        (pieces.square().sum() + entities.square().sum()).backward()
    for (name, expected), parameter in zip(encoder.named_parameters(), lean.parameters(), strict=True):
        if expected.grad is not None:
            torch.testing.assert_close(parameter.grad, expected.grad, msg=name)


@pytest.mark.parametrize("dtype,tolerance", [(torch.bfloat16, 0.15), (torch.float16, 0.03)])
@pytest.mark.parametrize("with_gradients", [True, False])
def test_half_precision_is_close_to_float32(encoder, dtype, tolerance, with_gradients):
    sequences = random_sequences(RAGGED, encoder.config)
    expected = sequences.run(encoder)
    half = copy.deepcopy(encoder).to(dtype)
    with torch.set_grad_enabled(with_gradients):
        found = sequences.run(half)
    for states, wanted in zip(found, expected, strict=True):
        assert states.dtype == dtype
        assert (states.float() - wanted).abs().mean() < tolerance * wanted.abs().mean()
    if with_gradients:
        (found[0].float().sum() + found[1].float().sum()).backward()
        assert all(torch.isfinite(p.grad).all() for p in half.parameters() if p.grad is not None)


def test_gradients_flow_through_a_frozen_encoder(encoder):
    sequences = random_sequences(RAGGED, encoder.config)
    encoder.encoder.requires_grad_(False)
    pieces, entities = sequences.run(encoder)
    (pieces.square().sum() + entities.square().sum()).backward()
    assert encoder.embeddings.word_embeddings.weight.grad.any()
    assert encoder.entity_embeddings.entity_embeddings.weight.grad.any()
    assert all(parameter.grad is None for parameter in encoder.encoder.parameters())
