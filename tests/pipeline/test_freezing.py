"""Frozen parts have no gradient and do not change."""

from __future__ import annotations

import pytest
import spacy
import torch

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.encoder.optimizer import AdamW
from spacy_mluke.network.freezing import check_parts
from tests.pipeline.relation_docs import own_model, relation_examples


def pipeline(checkpoint, frozen):
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("mluke_relations", config={"model": own_model(checkpoint, frozen=frozen)})
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    return nlp, pipe.model.get_ref("encoder"), gold


def with_gradient(network):
    return {name for name, param in network.named_parameters() if param.grad is not None}


PARTS = {
    "word_embeddings": ["embeddings.word_embeddings."],
    "embeddings": ["embeddings."],
    "entity_embeddings": ["entity_embeddings."],
    "layers:0": ["encoder.layer.0."],
    "layers:0-1": ["encoder.layer."],
}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_frozen_part_has_no_gradient_and_the_others_have(steady_checkpoint, part):
    nlp, encoder, gold = pipeline(steady_checkpoint, [part])
    nlp.update(gold, sgd=False)
    found = with_gradient(load_model(encoder).network)
    _, free, _ = pipeline(steady_checkpoint, [])
    everything = {name for name, param in load_model(free).network.named_parameters() if param.requires_grad}
    frozen = {name for name in everything if name.startswith(tuple(PARTS[part]))}
    assert frozen
    assert found == everything - frozen


def test_the_backward_pass_stops_above_a_frozen_bottom(steady_checkpoint):
    nlp, encoder, gold = pipeline(steady_checkpoint, ["embeddings", "entity_embeddings", "layers:0"])
    seen = []
    layers = load_model(encoder).network.encoder.layer
    for layer in layers:
        layer.register_forward_hook(lambda module, inputs, output: seen.append(output.requires_grad))
    nlp.update(gold, sgd=False)
    assert seen == [False, True]


def test_training_does_not_change_frozen_parts(steady_checkpoint):
    nlp, encoder, gold = pipeline(steady_checkpoint, ["embeddings", "layers:0"])
    before = {name: param.clone() for name, param in load_model(encoder).network.named_parameters()}
    nlp.update(gold, sgd=AdamW(0.01, weight_decay=0.1))
    changed = {n for n, p in load_model(encoder).network.named_parameters() if not torch.equal(p, before[n])}
    assert changed
    assert not any(name.startswith(("embeddings.", "encoder.layer.0.")) for name in changed)


def test_with_a_frozen_encoder_only_the_head_is_trained(steady_checkpoint):
    nlp, encoder, gold = pipeline(steady_checkpoint, ["all"])
    head = nlp.get_pipe("mluke_relations").model.get_ref("linear")
    before = head.get_param("W").copy()
    nlp.update(gold, sgd=AdamW(0.01))
    assert (head.get_param("W") != before).any()
    assert not with_gradient(load_model(encoder).network)


def test_frozen_parts_stay_frozen_in_copies_and_after_saving(steady_checkpoint, tmp_path):
    nlp, encoder, _ = pipeline(steady_checkpoint, ["layers:1"])
    nlp.to_disk(tmp_path / "saved")
    again = spacy.load(tmp_path / "saved").get_pipe("mluke_relations").model.get_ref("encoder")
    for found in (encoder.copy(), again):
        layer = load_model(found).network.encoder.layer[1]
        assert not any(param.requires_grad for param in layer.parameters())


@pytest.mark.parametrize("part", ["layer:0", "layers:2-1", "layers", "embedding", ""])
def test_an_unknown_part_is_named_when_the_encoder_is_built(part):
    with pytest.raises(ValueError, match=r"\[ML252\]"):
        build_encoder_v1(frozen=[part])


def test_a_layer_that_is_not_there_is_named_when_it_is_read(steady_checkpoint):
    with pytest.raises(ValueError, match=r"\[ML253\].*2 layers, 0 to 1"):
        pipeline(steady_checkpoint, ["layers:1-2"])


def test_a_single_name_is_one_part():
    assert check_parts("all") == ["all"]
