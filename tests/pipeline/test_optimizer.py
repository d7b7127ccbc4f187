"""The papers' optimizer in pipelines."""

from __future__ import annotations

import pytest
import torch
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam

from spacy_mluke.annotate.relations import Relation
from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.optimizer import AdamW
from tests.pipeline.relation_docs import listening_pipeline, relation_examples, task_pipeline
from tests.pipeline.steps import update_until
from tests.pipeline.test_training import initialize, make_nlp

TASKS = ["mluke_relations", "mluke_typing"]


@pytest.mark.parametrize("make", [task_pipeline, listening_pipeline], ids=["own_encoder", "listener"])
@pytest.mark.parametrize("task", TASKS)
def test_tasks_overfit_with_it(steady_checkpoint, task, make):
    nlp = make(steady_checkpoint, task)
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    history = update_until(nlp, gold, AdamW(0.01, weight_decay=0.0), task, 0.1, at_most=100)
    assert history[-1] < 0.1 * history[0]


def test_spacys_components_train_with_it(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger", "ner")
    gold = initialize(nlp)
    optimizer = AdamW(0.01, weight_decay=0.0)
    history = [nlp.update(gold, sgd=optimizer, losses={}) for _ in range(30)]
    for component in ("tagger", "ner"):
        assert history[-1][component] < 0.5 * history[0][component]


def test_a_label_added_in_the_middle_of_training_is_learned(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    optimizer = AdamW(0.01, weight_decay=0.0)
    for _ in range(20):
        nlp.update(gold, sgd=optimizer)
    pipe = nlp.get_pipe("mluke_relations")
    pipe.add_label("near")
    doc = Doc(nlp.vocab, words=["Bern", "is", "near", "Basel"])
    doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 3, 4, "B")]
    reference = doc.copy()
    reference._.mluke_relations = [Relation(reference[0:1], reference[3:4], "near")]
    gold.append(Example(doc, reference))
    losses = update_until(nlp, gold, optimizer, "mluke_relations", 0.1, at_most=60)
    assert losses[-1] < 0.1 * losses[0]
    linear = pipe.model.get_ref("linear")
    assert optimizer.mom1[(linear.id, "W")].shape == linear.get_param("W").shape
    # thinc's optimizer fails here, with a message that does not mention labels.
    other = Adam(0.01)
    nlp.update(gold, sgd=other)
    pipe.add_label("far")
    with pytest.raises(ValueError):
        nlp.update(gold, sgd=other)


def test_averages_can_be_used_and_undone(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    optimizer = AdamW(0.01, use_averages=True)
    for _ in range(5):
        nlp.update(gold, sgd=optimizer)
    network = load_model(nlp.get_pipe("mluke_relations").model.get_ref("encoder")).network
    name = "encoder.layer.0.attention.self.query.weight"
    trained = network.state_dict()[name].clone()
    with nlp.use_params(optimizer.averages):
        averaged = network.state_dict()[name].clone()
        assert not torch.equal(averaged, trained)
        assert torch.allclose(averaged, trained, atol=0.1)
    assert torch.equal(network.state_dict()[name], trained)
