"""Features of pairs of mentions."""

from __future__ import annotations

import torch

from spacy_mluke.network.pair_features import PairFeatures, PassagePairs


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
