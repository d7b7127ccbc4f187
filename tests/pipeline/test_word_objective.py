"""Objectives of words in pretraining: masked words and kept words."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from thinc.api import xp2torch
from thinc.util import to_numpy

from spacy_mluke.align.boundaries import without_entities
from spacy_mluke.checkpoint.add_entities import add_heads
from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import AlignedInput
from spacy_mluke.encoder.optimizer import AdamW
from spacy_mluke.heads.masked_words import word_loss
from spacy_mluke.pipeline.pretraining.masked_words import WordObjective
from tests.pipeline.steps import update_until
from tests.pipeline.test_pretraining import examples, network, pipeline, train


def side_of(nlp, *, masked=0.5, kept=0.0, teacher=None):
    pipe = nlp.get_pipe("mluke_pretraining")
    return WordObjective(pipe.model.ops, pipe.loaded_encoder(), teacher, masked=masked, kept=kept, n_negatives=8)


def begin(nlp, gold, side):
    pipe = nlp.get_pipe("mluke_pretraining")
    mentions = pipe.choose([eg.reference for eg in gold])
    return pipe.model.begin_update(pipe._input(mentions, pipe.label_ids(), side))


@pytest.fixture
def prepared(steady_checkpoint):
    nlp = pipeline(steady_checkpoint, masked_words=0.5)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    return nlp, gold


def test_an_encoder_without_a_word_head_gets_one(prepared):
    nlp, _ = prepared
    assert nlp.get_pipe("mluke_pretraining").loaded_encoder().heads.lm_head is not None


def test_words_are_masked_but_never_special_pieces(prepared):
    nlp, gold = prepared
    pipe = nlp.get_pipe("mluke_pretraining")
    plain, _ = begin(nlp, gold, side_of(nlp, masked=0.0))
    side = side_of(nlp, masked=1.0)
    mentions = pipe.choose([eg.reference for eg in gold])
    batch = plain.batch
    before = batch.piece_ids.copy()
    side.mask(batch)
    special = pipe.loaded_encoder().wordpieces.special
    is_special = numpy.isin(before, [special.bos, special.eos, special.mask])
    assert (batch.piece_ids[is_special] == before[is_special]).all()
    assert (batch.piece_ids[~is_special] == special.mask).mean() > 0.5
    assert len(mentions.texts) == len(gold)


def test_with_a_fraction_of_0_nothing_is_masked(prepared):
    nlp, gold = prepared
    output, _ = begin(nlp, gold, side_of(nlp, masked=0.0))
    before = output.batch.piece_ids.copy()
    side_of(nlp, masked=0.0).mask(output.batch)
    assert (output.batch.piece_ids == before).all()


def test_the_gradient_of_masked_words_equals_finite_differences(prepared):
    nlp, _ = prepared
    loaded = nlp.get_pipe("mluke_pretraining").loaded_encoder()
    add_heads(loaded, words=True, entities=False)
    rng = numpy.random.default_rng(0)
    states = rng.normal(size=(3, loaded.config.hidden_size)).astype("float32")
    gold, drawn = numpy.asarray([5, 9, 5]), numpy.asarray([3, 7, 11])
    _, gradient = word_loss(loaded, states, gold, drawn)
    for row, column in ((0, 0), (1, 3), (2, 7)):
        moved = [states.copy(), states.copy()]
        moved[0][row, column] += 1e-2
        moved[1][row, column] -= 1e-2
        above, below = (word_loss(loaded, one, gold, drawn)[0] for one in moved)
        assert gradient[row, column] == pytest.approx((above - below) / 2e-2, rel=0.02, abs=2e-3)


def test_kept_words_have_no_loss_at_first_and_pull_changed_states_back(steady_checkpoint):
    nlp = pipeline(steady_checkpoint, keep_words=1.0)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_pretraining")
    side = pipe._word_objective()
    output, _ = begin(nlp, gold, side)
    wanted = to_numpy(side.teacher.predict(AlignedInput(without_entities(output.batch))).piece_states)
    loss, gradient = side.loss(output)
    numpy.testing.assert_allclose(to_numpy(gradient), 2 * (to_numpy(output.piece_states) - wanted), atol=1e-5)
    assert loss == pytest.approx(float(((to_numpy(output.piece_states) - wanted) ** 2).sum()), rel=1e-4)


def test_kept_words_stay_closer_to_their_original_states(steady_checkpoint):
    moved = []
    for weight in (0.0, 1.0):
        nlp = pipeline(steady_checkpoint, keep_words=weight, entity_steps=0)
        gold = examples(nlp)
        train(nlp, gold, 1, rate=0.0)
        loaded = nlp.get_pipe("mluke_pretraining").loaded_encoder()
        text = torch.arange(4, 14)

        def states(loaded=loaded, text=text):
            none = torch.zeros((0, 2), dtype=torch.int64)
            with torch.no_grad():
                return loaded.network(text, [len(text)], none[:, 0], none, [0], max_mention_length=1)[0]

        before = states()
        optimizer = AdamW(0.003, grad_clip=0.0)
        for _ in range(30):
            nlp.update(gold, sgd=optimizer)
        moved.append(float((states() - before).norm()))
    assert moved[1] < 0.5 * moved[0]


def test_the_teacher_is_the_checkpoint_also_after_training(steady_checkpoint, tmp_path):
    nlp = pipeline(steady_checkpoint, keep_words=1.0, entity_steps=0)
    gold = examples(nlp)
    train(nlp, gold, 5, rate=0.01)
    nlp.to_disk(tmp_path / "p")
    again = pipeline(steady_checkpoint, keep_words=1.0).from_disk(tmp_path / "p")
    teacher = again.get_pipe("mluke_pretraining")._word_objective().teacher
    name = "encoder.layer.0.attention.self.query.weight"
    own = dict(network(again).named_parameters())[name]
    first = dict(load_model(teacher).network.named_parameters())[name]
    fresh = dict(network(initialized(steady_checkpoint)).named_parameters())[name]
    assert torch.equal(first, fresh)
    assert not torch.equal(own, first)


def initialized(checkpoint):
    nlp = pipeline(checkpoint)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    return nlp


def test_masked_words_are_learned(steady_checkpoint):
    nlp = pipeline(steady_checkpoint, masked_words=0.5, entity_steps=0)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    optimizer = AdamW(0.003, grad_clip=0.0)
    history = update_until(nlp, gold, optimizer, "mluke_pretraining", 0.6, at_most=200, window=10)
    assert numpy.mean(history[-10:]) < 0.6 * numpy.mean(history[:10])


def test_states_of_words_reach_the_losses_in_batch_order(prepared):
    nlp, gold = prepared
    output, backprop = begin(nlp, gold, side_of(nlp))
    assert output.piece_states.shape == (len(output.batch.piece_ids), 16)
    assert xp2torch(output.piece_states).isfinite().all()
    # Without a loss of entities, only the loss of words changes the network.
    name = "encoder.layer.0.attention.self.query.weight"
    query = dict(network(nlp).named_parameters())[name]
    query.requires_grad_(True)
    gradient = output.piece_states * 0
    gradient[:, 0] = 1.0
    backprop(replace(output, logits=output.logits * 0, piece_states=gradient))
    assert query.grad is not None and query.grad.abs().sum() > 0


def test_a_weight_below_zero_is_refused(steady_checkpoint):
    with pytest.raises(ValueError, match="ML071"):
        pipeline(steady_checkpoint, keep_words=-1.0)
    with pytest.raises(ValueError, match="ML310"):
        pipeline(steady_checkpoint, masked_words=2.0)
