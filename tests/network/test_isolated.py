"""Isolated visibility: states of entities do not depend on each other, and states of words not on entities."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.network import attention
from spacy_mluke.network.layout import make_layout

from .reference import MAX_MENTION_LENGTH, Sequences, make_pair, random_sequences

SHAPES = [(10, 5), (7, 3), (4, 8)]


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "entity_aware"])
def encoder(request):
    ours, _ = make_pair(is_entity_aware=request.param)
    ours.visibility = "isolated"
    return ours


def subsets(n: int):
    return st.lists(st.integers(0, n - 1), unique=True)


@given(which=st.tuples(*(subsets(e) for _, e in SHAPES)), with_gradients=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_state_of_an_entity_does_not_depend_on_the_other_entities(encoder, which, with_gradients):
    sequences = random_sequences(SHAPES, encoder.config)
    with torch.set_grad_enabled(with_gradients):
        words, entities = sequences.run(encoder)
        some_words, some_entities = _pick(sequences, which).run(encoder)
    starts = [0, 5, 8]
    rows = [start + i for start, picked in zip(starts, which, strict=True) for i in picked]
    torch.testing.assert_close(some_entities, entities[rows], atol=1e-5, rtol=0)
    torch.testing.assert_close(some_words, words, atol=1e-5, rtol=0)


@given(cuts=st.lists(st.integers(0, 8), max_size=3), with_gradients=st.booleans())
@settings(max_examples=25, deadline=None)
def test_entities_may_be_distributed_over_sequences(encoder, cuts, with_gradients):
    whole = random_sequences([(4, 8)], encoder.config)
    edges = [0, *sorted(cuts), 8]
    lengths = [end - start for start, end in itertools.pairwise(edges)]
    n = len(lengths)
    split = Sequences(
        [4] * n, lengths, whole.piece_ids.repeat(n), whole.entity_ids, whole.entity_bounds, MAX_MENTION_LENGTH
    )
    with torch.set_grad_enabled(with_gradients):
        torch.testing.assert_close(split.run(encoder)[1], whole.run(encoder)[1], atol=1e-5, rtol=0)


@given(
    shapes=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6)), min_size=1, max_size=5), seed=st.integers(0, 9)
)
@settings(max_examples=25, deadline=None)
def test_words_have_the_states_of_sequences_without_entities(encoder, shapes, seed):
    sequences = random_sequences(shapes, encoder.config, seed)
    with torch.no_grad():
        with_entities, _ = sequences.run(encoder)
        without, _ = _pick(sequences, [[]] * len(shapes)).run(encoder)
    torch.testing.assert_close(with_entities, without, atol=1e-5, rtol=0)


def test_words_have_the_states_of_joint_sequences_without_entities(encoder):
    sequences = random_sequences([(9, 0), (5, 0)], encoder.config)
    isolated = sequences.run(encoder)[0]
    encoder.visibility = "joint"
    joint = sequences.run(encoder)[0]
    encoder.visibility = "isolated"
    torch.testing.assert_close(isolated, joint, atol=1e-5, rtol=0)


def test_attention_of_an_entity_follows_the_definition(encoder):
    """One layer from the definition: softmax over the keys of the words and of the entity itself."""
    layer = encoder.encoder.layer[0].attention.self
    rows = torch.randn(7, 16)
    layout = make_layout([5], [2], mixed=False, device=torch.device("cpu"), round_rows=int)
    with torch.no_grad():
        found = layer(rows, layout, "isolated")[5:]
        words, entities = rows[:5], rows[5:]
        aware = layer.is_entity_aware
        to_words = (layer.e2w_query if aware else layer.query)(entities)
        to_self = (layer.e2e_query if aware else layer.query)(entities)
        for i in range(2):
            keys = torch.cat([layer.key(words), layer.key(entities[i : i + 1])]).view(6, 4, 4)
            values = torch.cat([layer.value(words), layer.value(entities[i : i + 1])]).view(6, 4, 4)
            for head in range(4):
                scores = torch.cat(
                    [keys[:5, head] @ to_words[i].view(4, 4)[head], keys[5:, head] @ to_self[i].view(4, 4)[head]]
                )
                expected = torch.softmax(scores / math.sqrt(4), 0) @ values[:, head]
                torch.testing.assert_close(found[i].view(4, 4)[head], expected, atol=1e-5, rtol=1e-5)


def test_attention_works_without_the_log_sum_exp_of_torch(encoder, monkeypatch):
    sequences = random_sequences(SHAPES, encoder.config)
    with torch.no_grad():
        expected = sequences.run(encoder)
        monkeypatch.setattr(attention, "_CPU_ATTENTION", None)
        torch.testing.assert_close(sequences.run(encoder), expected, atol=1e-5, rtol=1e-4)


def test_entities_have_no_scores_with_each_other(encoder, monkeypatch):
    # The cost is linear in the number of entities: there is no matrix of 300 x 300 scores.
    asked = []
    real = type(encoder.encoder.layer[0].attention.self)._attend_scored

    def spy(self, query, key, value, blocks):
        asked.extend(blocks)
        return real(self, query, key, value, blocks)

    monkeypatch.setattr(type(encoder.encoder.layer[0].attention.self), "_attend_scored", spy)
    with torch.no_grad():
        random_sequences([(25, 300)], encoder.config).run(encoder)
    assert {(block.n_queries, block.n_keys) for block in asked} == {(300, 25)}


def _pick(sequences: Sequences, which) -> Sequences:
    """The same words with some entities of each sequence, in the given order."""
    starts = [sum(sequences.entity_lengths[:i]) for i in range(len(which))]
    rows = torch.tensor(
        [start + i for start, picked in zip(starts, which, strict=True) for i in picked], dtype=torch.int64
    )
    return Sequences(
        sequences.piece_lengths,
        [len(picked) for picked in which],
        sequences.piece_ids,
        sequences.entity_ids[rows],
        sequences.entity_bounds[rows],
    )


@pytest.mark.parametrize("is_entity_aware", [False, True])
def test_entities_encoded_after_the_words_have_the_same_states(is_entity_aware):
    ours, _ = make_pair(is_entity_aware=is_entity_aware, entity_width=8)
    ours.visibility = "isolated"
    sequences = random_sequences([(9, 3), (5, 0), (9, 3), (9, 1), (4, 2)], ours.config)
    with torch.no_grad():
        pieces, entities = sequences.run(ours)
        found, cache = ours.encode_words(sequences.piece_ids, sequences.piece_lengths)
        torch.testing.assert_close(found, pieces, atol=1e-5, rtol=1e-4)
        for _ in range(2):
            states = ours.encode_entities(
                cache,
                sequences.entity_ids,
                sequences.entity_bounds,
                sequences.entity_lengths,
                max_mention_length=sequences.max_mention_length,
            )
            torch.testing.assert_close(states, entities, atol=1e-5, rtol=1e-4)
