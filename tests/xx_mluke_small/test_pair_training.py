"""The classifier of relations: losses, masks, and states of mentions."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("spacy_mluke.network.pair_features")

from scripts.fuzzing.tiny import save_checkpoint
from scripts.xx_mluke_small.pair_training import PairTraining, label_masks, pair_loss, pool_mentions
from scripts.xx_mluke_small.relation_examples import RelationExample
from scripts.xx_mluke_small.train_names_and_relations import make_pipeline
from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.optimizer import build_adamw_v1

TEXT = "Tokyo is the capital of Japan ."


def example(doc, unknown=()):
    return RelationExample(doc, [(0, 1), (5, 6)], [(0, 1), (1, 0)], [0, 1], [[1], []], [[2], list(unknown)])


def test_unknown_relations_are_neither_right_nor_wrong(blank):
    logits = torch.zeros(2, 3)
    holds, does_not_hold = label_masks([example(blank.make_doc(TEXT), unknown=[0])], logits)
    assert holds.tolist() == [[False, True, False], [False, False, False]]
    assert does_not_hold.tolist() == [[True, False, False], [False, True, True]]


def test_a_relation_that_holds_is_never_unknown(blank):
    item = RelationExample(blank.make_doc(TEXT), [(0, 1), (5, 6)], [(0, 1)], [0], [[1]], [[1]])
    holds, _ = label_masks([item], torch.zeros(1, 2))
    assert holds.tolist() == [[False, True]]


def test_unknown_relations_have_no_gradient():
    logits = torch.zeros(1, 3, requires_grad=True)
    holds, does_not_hold = torch.tensor([[True, False, False]]), torch.tensor([[False, True, False]])
    pair_loss(logits, holds, does_not_hold).backward()
    assert logits.grad[0, 0] < 0 < logits.grad[0, 1] and logits.grad[0, 2] == 0


def test_the_loss_falls_where_scores_are_on_the_right_side_of_zero():
    holds, does_not_hold = torch.tensor([[True, False]]), torch.tensor([[False, True]])
    losses = [float(pair_loss(torch.tensor([scores]), holds, does_not_hold)) for scores in ([9.0, -9.0], [-9.0, 9.0])]
    assert losses[0] < 0.01 < 10 < losses[1]


def test_a_pair_of_entities_has_the_best_score_of_its_mentions(blank):
    doc = blank.make_doc(TEXT)
    item = RelationExample(doc, [(0, 1), (1, 2), (5, 6)], [(0, 2), (1, 2), (2, 0)], [0, 0, 1], [[], []], [[], []])
    logits = torch.tensor([[1.0, -3.0], [0.0, 2.0], [5.0, 5.0]])
    assert pool_mentions(logits, [item]).tolist() == [[1.0, 2.0], [5.0, 5.0]]


def test_the_classifier_learns_the_direction_of_a_relation(tmp_path):
    torch.manual_seed(0)
    nlp = make_pipeline(str(save_checkpoint(tmp_path)), [])
    encoder = nlp.get_pipe("mluke_ner").model.get_ref("encoder")
    training = PairTraining(encoder, load_model(encoder).config.hidden_size, 3, rate=2e-3)
    optimizer = build_adamw_v1(1e-5)
    items = [example(nlp.make_doc(TEXT))]
    first = training.learn(items, optimizer, 1.0)
    for _ in range(40):
        last = training.learn(items, optimizer, 1.0)
    assert last < first / 2


def test_a_text_that_is_longer_than_a_sequence_is_skipped(tmp_path):
    nlp = make_pipeline(str(save_checkpoint(tmp_path)), [])
    encoder = nlp.get_pipe("mluke_ner").model.get_ref("encoder")
    training = PairTraining(encoder, load_model(encoder).config.hidden_size, 3, rate=1e-2)
    doc = nlp.make_doc(f"{TEXT} " * 60)
    item = RelationExample(doc, [(0, 1), (len(doc) - 2, len(doc) - 1)], [(0, 1)], [0], [[1]], [[]])
    assert training.learn([item], build_adamw_v1(1e-3), 1.0) is None
