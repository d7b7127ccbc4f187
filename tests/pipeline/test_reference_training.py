"""A few training steps lead to the same weights as a PyTorch loop over the reference."""

from __future__ import annotations

import numpy
import pytest
import torch
from transformers import LukeForEntityPairClassification

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import MarkedInput
from spacy_mluke.encoder.optimizer import AdamW, is_decayed
from tests.checkpoint.checkpoints import make_checkpoint
from tests.pipeline.relation_docs import relation_examples, task_pipeline

NAMES = {0: "no_relation", 1: "capital", 2: "home"}
N_STEPS = 5


def reference_loss(network, batch, truth):
    """Return the sum of the losses of all sequences, each computed alone."""
    loss = torch.zeros(())
    pieces = numpy.split(batch.piece_ids, numpy.cumsum(batch.piece_lengths)[:-1])
    for i, ids in enumerate(pieces):
        rows = slice(2 * i, 2 * i + 2)
        positions = torch.full((1, 2, 30), -1)
        for j, (start, end) in enumerate(batch.entity_bounds[rows].tolist()):
            positions[0, j, : end - start] = torch.arange(start, end)
        output = network(
            input_ids=torch.tensor(ids[None].astype("int64")),
            entity_ids=torch.tensor(batch.entity_ids[rows][None]),
            entity_attention_mask=torch.ones(1, 2, dtype=torch.int64),
            entity_position_ids=positions,
        )
        loss = loss + torch.nn.functional.cross_entropy(output.logits, torch.tensor(truth[i : i + 1]), reduction="sum")
    return loss


@pytest.mark.parametrize("clip", [0.0, 1.0], ids=["no_clipping", "clipped"])
@pytest.mark.parametrize("is_aware", [False, True], ids=["mluke", "luke"])
def test_losses_and_weights_equal_those_of_the_reference_loop(tmp_path, tiny_sentencepiece, clip, is_aware):
    path = make_checkpoint(
        tmp_path / "checkpoint",
        tiny_sentencepiece,
        model=LukeForEntityPairClassification,
        use_entity_aware_attention=is_aware,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label=NAMES,
        num_labels=len(NAMES),
    )
    nlp = task_pipeline(path, "mluke_relations")
    pipe = nlp.get_pipe("mluke_relations")
    pipe.load()
    gold = relation_examples(nlp)
    docs = [eg.predicted for eg in gold]
    groups = pipe.propose(docs)
    truth = pipe.targets(gold, groups)[0].argmax(axis=1)
    batch = MarkedInput(docs, groups, 2).align(pipe.model.get_ref("encoder"))

    network = LukeForEntityPairClassification.from_pretrained(path).train()
    network.dropout.p = 0.0
    named = [(name, param) for name, param in network.named_parameters() if "pooler" not in name]
    groups_of = [
        {"params": [param for name, param in named if is_decayed(name)], "weight_decay": 0.01},
        {"params": [param for name, param in named if not is_decayed(name)], "weight_decay": 0.0},
    ]
    # With this eps, gradients that are zero up to rounding cause no steps.
    reference = torch.optim.AdamW(groups_of, lr=0.01, eps=1e-3)
    optimizer = AdamW(0.01, weight_decay=0.01, eps=1e-3, grad_clip=clip)
    for _ in range(N_STEPS):
        losses = nlp.update(gold, sgd=optimizer, drop=0.0)
        loss = reference_loss(network, batch, truth)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_([param for _, param in named], clip)
        reference.step()
        reference.zero_grad()
        assert losses["mluke_relations"] == pytest.approx(loss.item(), rel=1e-3)
    ours = dict(load_model(pipe.model.get_ref("encoder")).network.named_parameters())
    for name, param in network.luke.named_parameters():
        torch.testing.assert_close(ours[name], param, atol=1e-4, rtol=1e-3, msg=name)
    numpy.testing.assert_allclose(
        pipe.head_tensors()["classifier.weight"], network.classifier.weight.detach().numpy(), atol=1e-4
    )
