"""The encoder against transformers' LukeModel: names, outputs, gradients."""

from __future__ import annotations

import pytest
import torch

from spacy_mluke.network import transformer
from spacy_mluke.network.transformer import LukeEncoder

from .reference import make_pair, random_sequences, run_reference

# Sequences of one shape and of many, with and without entities, more entities than pieces.
RAGGED = [(10, 3), (7, 0), (10, 3), (13, 0), (5, 8), (7, 6), (30, 1)]
SHAPES = {
    "ragged": RAGGED,
    "no_entities": [(6, 0), (9, 0), (6, 0)],
    "one_pass": [(12, 4)],
    "one_sequence_without_entities": [(12, 0)],
    "equal_passes": [(8, 2)] * 3,
}
CHECKPOINTS = {
    "mluke": {"entity_width": 8},
    "mluke_equal_widths": {},
    "luke": {"is_entity_aware": True, "entity_width": 8, "n_layers": 3},
    "luke_equal_widths": {"is_entity_aware": True, "width": 32, "entity_width": 32},
}


@pytest.fixture(params=sorted(CHECKPOINTS))
def pair(request):
    return make_pair(**CHECKPOINTS[request.param])


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("with_gradients", [True, False])
def test_states_equal_the_reference(pair, shapes, with_gradients):
    ours, reference = pair
    sequences = random_sequences(shapes, ours.config)
    with torch.set_grad_enabled(with_gradients):
        found = sequences.run(ours)
    for states, expected in zip(found, run_reference(reference, sequences), strict=True):
        torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shapes", [SHAPES["ragged"], SHAPES["no_entities"]], ids=["ragged", "no_entities"])
def test_gradients_of_all_parameters_equal_the_reference(pair, shapes):
    ours, reference = pair
    sequences = random_sequences(shapes, ours.config)
    _backpropagate(sequences.run(ours))
    _backpropagate(run_reference(reference, sequences))
    expected = {name: parameter.grad for name, parameter in reference.named_parameters()}
    for name, parameter in ours.named_parameters():
        found, wanted = parameter.grad, expected[name]
        if name.startswith("pooler"):
            assert found is None
        elif wanted is None:
            # Without entities, our encoder may have gradients of zero for projections that were not used.
            assert found is None or not found.any(), name
        elif name == "entity_embeddings.entity_embeddings.weight":
            torch.testing.assert_close(found[1:], wanted[1:], atol=1e-4, rtol=1e-4)
        else:
            torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


def test_first_row_of_the_entity_table_gets_its_gradient():
    # [MASK] in a lite vocabulary; in the reference it is the padding index, which does not train.
    ours, _ = make_pair()
    sequences = random_sequences([(9, 2)], ours.config)
    sequences.entity_ids[:] = 0
    _backpropagate(sequences.run(ours))
    gradient = ours.entity_embeddings.entity_embeddings.weight.grad
    assert gradient[0].abs().sum() > 0
    assert not gradient[1:].any()


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "relu", "silu"])
def test_activations_equal_the_reference(activation):
    ours, reference = make_pair(activation=activation)
    sequences = random_sequences(RAGGED, ours.config)
    with torch.no_grad():
        found = sequences.run(ours)
    for states, expected in zip(found, run_reference(reference, sequences), strict=True):
        torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)


def test_large_batches_are_processed_in_parts(monkeypatch):
    ours, reference = make_pair()
    monkeypatch.setattr(transformer, "rows_at_once", lambda n_inner, int8: 16)
    sequences = random_sequences(RAGGED, ours.config)
    with torch.no_grad():
        found = sequences.run(ours)
    for states, expected in zip(found, run_reference(reference, sequences), strict=True):
        torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("is_entity_aware", [False, True])
@pytest.mark.parametrize("visibility", ["joint", "isolated"])
@pytest.mark.parametrize("with_gradients", [True, False])
def test_sequences_do_not_depend_on_the_others_of_the_batch(is_entity_aware, visibility, with_gradients):
    ours, _ = make_pair(is_entity_aware=is_entity_aware)
    ours.visibility = visibility
    sequences = random_sequences(RAGGED, ours.config)
    with torch.set_grad_enabled(with_gradients):
        pieces, entities = sequences.run(ours)
        pieces_of, entities_of = pieces.split(sequences.piece_lengths), entities.split(sequences.entity_lengths)
        for i in range(len(RAGGED)):
            alone = sequences.take([i]).run(ours)
            torch.testing.assert_close(pieces_of[i], alone[0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(entities_of[i], alone[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("is_entity_aware", [False, True])
@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_an_empty_batch_has_no_states(is_entity_aware, visibility):
    ours, _ = make_pair(is_entity_aware=is_entity_aware)
    ours.visibility = visibility
    none = torch.zeros(0, dtype=torch.int64)
    for with_gradients in (True, False):
        with torch.set_grad_enabled(with_gradients):
            pieces, entities = ours(none, [], none, none.view(0, 2), [], max_mention_length=4)
        assert pieces.shape == entities.shape == (0, 16)


@pytest.mark.parametrize("name", sorted(CHECKPOINTS))
@pytest.mark.parametrize("with_pooler", [True, False])
def test_parameters_have_the_names_of_the_reference(name, with_pooler):
    ours, reference = make_pair(**CHECKPOINTS[name])
    expected = {key: value.shape for key, value in reference.state_dict().items()}
    if not with_pooler:
        ours = LukeEncoder(ours.config)
        expected = {key: shape for key, shape in expected.items() if not key.startswith("pooler.")}
    assert {key: value.shape for key, value in ours.state_dict().items()} == expected


def test_an_encoder_can_be_built_without_memory_and_filled():
    ours, _ = make_pair()
    with torch.device("meta"):
        empty = LukeEncoder(ours.config, with_pooler=True)
    empty.load_state_dict(ours.state_dict(), assign=True)
    sequences = random_sequences(RAGGED, ours.config)
    with torch.no_grad():
        torch.testing.assert_close(sequences.run(empty.eval()), sequences.run(ours))


def test_any_module_can_replace_the_tables():
    class Halved(torch.nn.Module):
        def __init__(self, table):
            super().__init__()
            self.rows = (table.weight.detach() / 2).half()

        def forward(self, ids):
            return self.rows[ids] * 2

    ours, _ = make_pair(entity_width=8)
    sequences = random_sequences(RAGGED, ours.config)
    with torch.no_grad():
        before = sequences.run(ours)
    ours.embeddings.word_embeddings = Halved(ours.embeddings.word_embeddings)
    ours.entity_embeddings.entity_embeddings = Halved(ours.entity_embeddings.entity_embeddings)
    after = sequences.run(ours)
    for states, expected in zip(after, before, strict=True):
        assert (states - expected).abs().max() < 0.05
    _backpropagate(after)
    assert ours.embeddings.position_embeddings.weight.grad.any()


def test_a_table_of_another_width_is_an_error():
    ours, _ = make_pair()
    ours.embeddings.word_embeddings = torch.nn.Embedding(50, 8)
    with pytest.raises(ValueError, match=r"ML031"):
        random_sequences(RAGGED, ours.config).run(ours)


def test_an_unknown_visibility_is_an_error():
    ours, _ = make_pair()
    with pytest.raises(ValueError, match=r"ML070.*Did you mean 'isolated'"):
        LukeEncoder(ours.config, visibility="isolate")


def test_lengths_that_do_not_match_are_an_error():
    ours, _ = make_pair()
    sequences = random_sequences(RAGGED, ours.config)
    sequences.entity_lengths[0] += 1
    with pytest.raises(ValueError, match=r"ML029.*entity"):
        sequences.run(ours)
    sequences = random_sequences(RAGGED, ours.config)
    sequences.entity_bounds = sequences.entity_bounds[:-1]
    with pytest.raises(ValueError, match=r"ML032"):
        sequences.run(ours)


def test_a_sequence_beyond_the_last_position_is_an_error():
    ours, _ = make_pair()
    sequences = random_sequences([(ours.config.max_pieces, 1)], ours.config)
    sequences.run(ours)
    with pytest.raises(ValueError, match=r"ML030.*63.*62"):
        random_sequences([(ours.config.max_pieces + 1, 1)], ours.config).run(ours)


def _backpropagate(states) -> None:
    generator = torch.Generator().manual_seed(1)
    torch.autograd.backward(states, [torch.randn(s.shape, generator=generator) for s in states])


@pytest.mark.parametrize("is_entity_aware", [False, True])
@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_entities_have_the_same_states_without_those_of_pieces(is_entity_aware, visibility):
    ours, _ = make_pair(is_entity_aware=is_entity_aware, entity_width=8)
    ours.visibility = visibility
    sequences = random_sequences([(9, 3), (5, 0), (9, 3), (4, 1)], ours.config)
    for is_training in (False, True):
        with torch.set_grad_enabled(is_training):
            _, expected = sequences.run(ours)
            pieces, entities = sequences.run(ours, with_pieces=False)
        assert pieces.shape == (0, ours.config.hidden_size)
        torch.testing.assert_close(entities, expected, atol=1e-5, rtol=1e-4)


def test_entities_have_the_same_gradients_without_states_of_pieces():
    gradients = []
    for with_pieces in (True, False):
        ours, _ = make_pair()
        sequences = random_sequences([(9, 3), (5, 0), (4, 1)], ours.config)
        sequences.run(ours, with_pieces=with_pieces)[1].square().sum().backward()
        gradients.append([p.grad for p in ours.parameters() if p.grad is not None])
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_without_entities_and_states_of_pieces_nothing_is_computed():
    ours, _ = make_pair()
    with torch.no_grad():
        pieces, entities = random_sequences([(5, 0)], ours.config).run(ours, with_pieces=False)
    assert len(pieces) == len(entities) == 0
