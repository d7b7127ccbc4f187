"""Features of pairs of mentions."""

from __future__ import annotations

import pytest
import torch

from spacy_mluke.network import pair_features
from spacy_mluke.network.pair_features import N_DISTANCES, PairFeatures, PassagePairs, distance_classes


def passage(n_pieces, n_mentions, pairs):
    states = torch.randn(n_pieces, 6, dtype=torch.float64), torch.randn(n_mentions, 18, dtype=torch.float64)
    return PassagePairs(*states, torch.tensor(pairs).reshape(-1, 2))


def features():
    torch.manual_seed(0)
    return PairFeatures(6, size=32, n_heads=4).double()


def test_the_gradient_is_that_of_the_output():
    module = features()
    texts = [passage(7, 3, [[0, 1], [1, 0], [2, 1]]), passage(2, 2, [[0, 1]])]
    inputs = [states.requires_grad_() for text in texts for states in text[:2]]

    def run(*states):
        given = [PassagePairs(states[2 * i], states[2 * i + 1], text.pairs) for i, text in enumerate(texts)]
        return module(given)[:, ::97]

    assert torch.autograd.gradcheck(run, inputs)


def test_the_features_of_a_pair_do_not_depend_on_other_pairs_and_texts():
    module = features()
    first, second = passage(7, 3, [[0, 1], [2, 1]]), passage(4, 2, [[1, 0]])
    together = module([first, second])
    assert torch.allclose(together[1:2], module([first._replace(pairs=first.pairs[1:])]))
    assert torch.allclose(together[2:], module([second]))


def test_head_and_tail_are_not_interchangeable():
    one_way, other_way = features()([passage(7, 3, [[0, 1], [1, 0]])])
    assert not torch.allclose(one_way, other_way)


def test_texts_without_pairs_have_no_features():
    assert features()([passage(7, 3, [])]).shape == (0, 32 * 32)


def test_features_are_classified_a_few_pairs_at_a_time(monkeypatch):
    module = features()
    given = [passage(7, 3, [[0, 1], [2, 1], [1, 2]]), passage(4, 2, [[1, 0]])]
    linear = torch.nn.Linear(32 * 32, 5).double()
    monkeypatch.setattr(pair_features, "_MAX_FEATURES", 3 * 32 * 32)
    sizes = []

    def classify(values):
        sizes.append(len(values))
        return linear(values)

    assert torch.allclose(module(given, classify=classify), linear(module(given)))
    assert sizes == [3, 1]


def with_distances():
    torch.manual_seed(0)
    return PairFeatures(6, size=32, n_heads=4, distances=True).double()


def placed(places, pairs):
    return passage(80, len(places), pairs)._replace(places=torch.tensor(places))


def test_distances_are_told_apart_by_size_and_direction():
    pairs = [[1, 0], [1, 2], [1, 1], [1, 3], [3, 1], [0, 4]]
    found = distance_classes(placed([0, 3, 4, 70, 2], pairs))
    # 3 before; 1 after; the same place; 67 after; 67 before; 2 after.
    assert found.tolist() == [5, 9, 8, 16, 0, 10]
    assert N_DISTANCES == 17


def test_distances_that_start_at_0_change_no_feature():
    text = placed([0, 3, 4], [[0, 1], [1, 2]])
    assert torch.equal(with_distances()([text]), features()([text]))


def test_pairs_of_the_same_states_differ_by_their_distances():
    module = with_distances()
    torch.nn.init.normal_(module.distance)
    near = placed([0, 3, 4], [[0, 1]])
    assert not torch.allclose(module([near]), module([near._replace(places=torch.tensor([0, 30, 4]))]))


def test_the_gradient_of_distances_is_that_of_the_output():
    module = with_distances()
    text = placed([0, 3, 4], [[0, 1], [1, 0]])
    used = distance_classes(text)
    distance = torch.randn(N_DISTANCES, 64, dtype=torch.float64, requires_grad=True)

    def run(distance):
        return torch.func.functional_call(module, {"distance": distance}, ([text],))[:, ::97]

    def run_with(rows):
        return run(distance.detach().index_copy(0, used, rows))

    assert torch.autograd.gradcheck(run_with, [distance.detach()[used].requires_grad_()])
    run(distance).sum().backward()
    assert distance.grad.any(dim=1).nonzero().flatten().tolist() == sorted(used.tolist())


def test_distances_without_places_are_an_error():
    with pytest.raises(ValueError, match="places"):
        with_distances()([passage(7, 3, [[0, 1]])])
