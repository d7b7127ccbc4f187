"""The classifier of pairs of mentions: its states, its gradients, its limits."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from thinc.api import set_dropout_rate
from thinc.types import Ragged

from spacy_mluke.align.boundaries import edge_pieces
from spacy_mluke.encoder.inputs import EncoderInput, MarkedInput
from spacy_mluke.encoder.listener import build_encoder_listener_v1
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.encoder.passage import build_passage_listener_v1, read_passages
from spacy_mluke.heads import mention_pairs
from spacy_mluke.heads.linear import start_weights
from spacy_mluke.heads.mention_pairs import build_mention_pair_classifier_v1
from spacy_mluke.types import GroupLogits
from tests.pipeline.conftest import save_tiny_checkpoint

WORDS = ["Tokyo", "is", "the", "capital", "of", "Japan", ",", "Paris", "of", "France", "."]
GROUPS = numpy.array([[[0, 1], [5, 6]], [[5, 6], [0, 1]], [[7, 8], [9, 10]], [[0, 1], [9, 10]]], dtype="int32")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tiny_sentencepiece):
    return save_tiny_checkpoint(tmp_path_factory.mktemp("pairs"), tiny_sentencepiece, dropout=0.0)


@pytest.fixture
def docs():
    vocab = spacy.blank("xx").vocab
    return [Doc(vocab, words=WORDS), Doc(vocab), Doc(vocab, words=["Anna", "met", " ", "Bob"])]


@pytest.fixture
def model(checkpoint):
    spacy.util.fix_random_seed(0)
    encoder = build_encoder_v1(name=str(checkpoint), visibility="isolated", max_entities=0)
    model = build_mention_pair_classifier_v1(encoder, size=64, n_heads=2, dropout=0.0)
    model.initialize()
    model.get_ref("features").start_weights(16)
    start_weights(model.get_ref("linear"), 3, model.attrs["width"])
    set_dropout_rate(model, 0.0)
    return model


def given(docs):
    nothing = numpy.zeros((0, 2, 2), dtype="int32")
    return MarkedInput(docs, [GROUPS, nothing, numpy.array([[[0, 1], [3, 4]], [[0, 1], [2, 3]]], dtype="int32")], 2)


def test_each_pair_has_logits_except_one_with_a_mention_without_wordpieces(model, docs):
    output = model.predict(given(docs))
    assert output.kept.tolist() == [True] * 5 + [False]
    assert output.lengths.tolist() == [4, 0, 2]
    assert output.logits.shape == (5, 3) and numpy.isfinite(output.logits).all()


def test_training_and_prediction_compute_the_same_logits(model, docs):
    trained, _ = model.begin_update(given(docs))
    numpy.testing.assert_allclose(trained.logits, model.predict(given(docs)).logits, atol=1e-5)


def test_few_pairs_at_a_time_give_the_same_logits(model, docs, monkeypatch):
    expected = model.predict(given(docs)).logits
    monkeypatch.setattr(mention_pairs, "MAX_PAIRS", 3)
    numpy.testing.assert_allclose(model.predict(given(docs)).logits, expected, atol=1e-5)


def test_the_gradient_agrees_with_differences_of_the_output(model, docs):
    output, backprop = model.begin_update(given(docs))
    direction = numpy.random.default_rng(0).normal(size=output.logits.shape).astype("float32")
    backprop(GroupLogits(direction, output.kept, output.lengths, output.counts))
    features = model.get_ref("features")
    for name in ("value.bias", "mention.weight", "head.weight"):
        gradient, values = features.get_grad(name), features.get_param(name)
        place = numpy.unravel_index(numpy.abs(gradient).argmax(), gradient.shape)
        sums = []
        for step in (1e-2, -1e-2):
            changed = values.copy()
            changed[place] += step
            features.set_param(name, changed)
            sums.append(float((model.predict(given(docs)).logits * direction).sum()))
        features.set_param(name, values)
        assert (sums[0] - sums[1]) / 2e-2 == pytest.approx(float(gradient[place]), rel=0.05)


def test_the_encoder_is_trained_with_the_head(model, docs):
    output, backprop = model.begin_update(given(docs))
    backprop(GroupLogits(numpy.ones_like(output.logits), output.kept, output.lengths, output.counts))
    network = model.get_ref("encoder").shims[0].load().network
    assert all(layer.attention.self.value.weight.grad.abs().sum() > 0 for layer in network.encoder.layer)


def test_a_mention_has_the_states_of_its_entity_and_its_edges(model, docs):
    mentions = [numpy.array([[0, 1], [5, 6]], dtype="int32"), *[numpy.zeros((0, 2), dtype="int32")] * 2]
    (found, _, _), _, _ = read_passages(model.get_ref("encoder"), docs, mentions, is_train=False)
    firsts, lasts = edge_pieces(found)
    assert (firsts <= lasts).all() and firsts[0] == 1
    assert len(found.piece_states) == found.token_bounds.max() + 1  # </s> is behind the last token
    lengths = numpy.array([2, 0, 0], dtype="int32")
    request = EncoderInput(docs, Ragged(numpy.concatenate(mentions), lengths), split_tokens=True)
    output = model.get_ref("encoder").predict(request)
    numpy.testing.assert_allclose(found.entity_states, output.entity_states, atol=1e-6)


def test_mentions_of_different_windows_make_pairs(model):
    doc = Doc(spacy.blank("xx").vocab, words=["Tokyo", *["is"] * 150, "Japan"])
    pair = numpy.array([[[0, 1], [151, 152]]], dtype="int32")
    output = model.predict(MarkedInput([doc], [pair], 2))
    assert output.kept.all() and numpy.isfinite(output.logits).all()


def test_distances_of_head_and_tail_change_logits(checkpoint, docs):
    encoder = build_encoder_v1(name=str(checkpoint), visibility="isolated", max_entities=0)
    model = build_mention_pair_classifier_v1(encoder, size=64, n_heads=2, dropout=0.0, distances=True)
    model.initialize()
    features = model.get_ref("features")
    features.start_weights(16)
    start_weights(model.get_ref("linear"), 3, model.attrs["width"])
    before = model.predict(given(docs)).logits
    distance = features.get_param("distance").copy()
    assert not distance.any()
    distance[9:] = 1.0  # all tails behind their heads
    features.set_param("distance", distance)
    output, backprop = model.begin_update(given(docs))
    changed = numpy.abs(output.logits - before).max(axis=1) > 1e-3
    assert changed.any() and not changed.all()
    backprop(GroupLogits(numpy.ones_like(output.logits), output.kept, output.lengths, output.counts))
    assert features.get_grad("distance").any()


def test_options_are_checked(checkpoint):
    encoder = build_encoder_v1(name=str(checkpoint))
    with pytest.raises(ValueError, match=r"\[ML310\].*size"):
        build_mention_pair_classifier_v1(encoder, size=100)
    with pytest.raises(ValueError, match=r"\[ML071\].*n_heads"):
        build_mention_pair_classifier_v1(encoder, n_heads=0)
    with pytest.raises(ValueError, match=r"\[ML310\].*distances"):
        build_mention_pair_classifier_v1(encoder, distances="yes")
    with pytest.raises(ValueError, match=r"\[ML385\]"):
        build_mention_pair_classifier_v1(build_encoder_listener_v1())


def test_a_listener_that_is_not_connected_says_what_to_do(docs):
    model = build_mention_pair_classifier_v1(build_passage_listener_v1("mluke_ner"), size=64)
    with pytest.raises(ValueError, match=r"\[ML083\].*mluke_ner"):
        model.predict(given(docs))
