"""Heads that use the entity states of `mluke`."""

from __future__ import annotations

import numpy
import pytest
import torch
from spacy.tokens import Span
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import MarkedInput
from tests.pipeline.relation_docs import facts, listening_pipeline, relation_examples, types
from tests.pipeline.test_errors import listener_config

QUERY = "encoder.layer.0.attention.self.query.weight"


def network(nlp):
    return load_model(nlp.get_pipe("mluke").model).network


def start(nlp):
    """Initialize with output layers that are not zero, so that the first step has gradients for the encoder."""
    gold = relation_examples(nlp)
    for eg in gold:
        for token in eg.reference:
            token.tag_ = "NAME" if token.ent_type_ else "WORD"
    nlp.initialize(lambda: gold)
    rng = numpy.random.default_rng(0)
    for _, pipe in nlp.pipeline:
        for node in pipe.model.walk():
            if node.name in ("softmax", "mluke-linear"):
                node.set_param("W", rng.normal(size=node.get_param("W").shape).astype("float32"))
    return gold


def gradients(checkpoint, exclude):
    fix_random_seed(0)
    nlp = listening_pipeline(checkpoint, "mluke_relations", "mluke_typing")
    nlp.add_pipe("tagger", config={"model": {"tok2vec": listener_config()}})
    gold = start(nlp)
    nlp.update(gold, sgd=False, losses={}, exclude=exclude)
    nlp.get_pipe("mluke").flush_update()
    return {name: p.grad.clone() for name, p in network(nlp).named_parameters() if p.grad is not None}


def test_gradients_of_both_kinds_of_listeners_are_summed_once(steady_checkpoint):
    names = {"mluke_relations", "mluke_typing", "tagger"}
    whole = gradients(steady_checkpoint, [])
    parts = [gradients(steady_checkpoint, sorted(names - {name})) for name in sorted(names)]
    assert all(float(part[QUERY].abs().sum()) > 0 for part in parts)
    for name in whole:
        total = sum(part.get(name, torch.zeros_like(whole[name])) for part in parts)
        torch.testing.assert_close(whole[name], total, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("span_vectors", ["entity", "both"])
def test_a_listener_reads_the_same_states_in_training_and_in_prediction(steady_checkpoint, span_vectors):
    nlp = listening_pipeline(steady_checkpoint, "mluke_relations")
    mluke, pipe = nlp.get_pipe("mluke"), nlp.get_pipe("mluke_relations")
    mluke.cfg["span_vectors"] = span_vectors
    gold = start(nlp)
    docs = [eg.predicted for eg in gold]
    asked = MarkedInput(docs, pipe.propose(docs), 2)
    listener = pipe.model.get_ref("encoder")
    mluke.update(gold)
    trained, _ = listener.begin_update(asked)
    for doc in docs:
        mluke(doc)
    predicted = listener.predict(asked)
    assert len(predicted.batch.span_rows)
    numpy.testing.assert_allclose(
        predicted.entity_states[predicted.batch.span_rows],
        trained.entity_states[trained.batch.span_rows],
        atol=1e-5,
    )


def test_the_gradient_through_a_listener_equals_finite_differences(steady_checkpoint):
    nlp = listening_pipeline(steady_checkpoint, "mluke_relations")
    gold = start(nlp)
    pipe, mluke = nlp.get_pipe("mluke_relations"), nlp.get_pipe("mluke")
    nlp.update(gold, sgd=False, losses={})
    parameter = dict(network(nlp).named_parameters())["entity_embeddings.LayerNorm.weight"]
    slope = float(parameter.grad[0])

    def loss():
        docs = [mluke(eg.predicted) for eg in gold]
        return pipe.get_loss(gold, pipe.predict(docs))[0]

    values = []
    for step in (1e-3, -1e-3):
        with torch.no_grad():
            parameter[0] += step
            values.append(loss())
            parameter[0] -= step
    assert slope == pytest.approx((values[0] - values[1]) / 2e-3, rel=0.05, abs=0.02)


def test_nlp_update_steps_the_encoder_in_the_same_call(steady_checkpoint):
    nlp = listening_pipeline(steady_checkpoint, "mluke_relations", "mluke_typing")
    gold = start(nlp)
    before = network(nlp).state_dict()[QUERY].clone()
    nlp.update(gold, sgd=Adam(learn_rate=0.01), losses={})
    assert not torch.equal(before, network(nlp).state_dict()[QUERY])
    assert all(p.grad is None for p in network(nlp).parameters())


def test_what_one_head_predicts_does_not_depend_on_the_other(steady_checkpoint):
    both = listening_pipeline(steady_checkpoint, "mluke_relations", "mluke_typing")
    gold = start(both)
    docs = [eg.predicted for eg in gold]
    together = [(facts(doc), types(doc)) for doc in both.pipe(doc.copy() for doc in docs)]
    with both.select_pipes(disable="mluke_relations"):
        alone = [types(doc) for doc in both.pipe(doc.copy() for doc in docs)]
    assert alone == [found for _, found in together]


def test_a_frozen_mluke_that_annotates_is_read_from_the_documents(steady_checkpoint):
    nlp = listening_pipeline(steady_checkpoint, "mluke_relations")
    gold = start(nlp)
    before = network(nlp).state_dict()[QUERY].clone()
    losses = {}
    nlp.update(gold, sgd=Adam(learn_rate=0.01), losses=losses, exclude=["mluke"], annotates=["mluke"])
    assert losses["mluke_relations"] > 0
    assert torch.equal(before, network(nlp).state_dict()[QUERY])


def test_without_states_the_error_names_the_component(steady_checkpoint):
    nlp = listening_pipeline(steady_checkpoint, "mluke_relations")
    gold = start(nlp)
    with pytest.raises(ValueError, match=r"\[ML081\]"), nlp.select_pipes(disable="mluke"):
        nlp(gold[0].predicted)


def test_a_span_that_was_not_encoded_is_named(steady_checkpoint):
    nlp = listening_pipeline(steady_checkpoint, "mluke_relations")
    gold = start(nlp)
    doc = nlp.get_pipe("mluke")(gold[0].predicted)
    doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 2, 4, "B")]
    with pytest.raises(ValueError, match=r"\[ML080\] .*span 'the capital'"):
        nlp.get_pipe("mluke_relations")(doc)


def test_states_of_other_documents_are_refused(steady_checkpoint):
    nlp = listening_pipeline(steady_checkpoint, "mluke_relations")
    gold = start(nlp)
    nlp.get_pipe("mluke").update(gold[:2])
    # The documents have the same words; they are compared by identity.
    with pytest.raises(ValueError, match=r"\[ML082\]"):
        nlp.get_pipe("mluke_relations").update(relation_examples(nlp)[:2])
