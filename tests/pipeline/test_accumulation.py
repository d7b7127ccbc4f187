"""Accumulated gradients of several batches equal those of one batch, for own and shared encoders."""

from __future__ import annotations

import pytest
import torch
from spacy.training.loop import subdivide_batch, train_while_improving

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.optimizer import AdamW
from tests.pipeline.relation_docs import listening_pipeline, relation_examples, task_pipeline

TASKS = ["mluke_relations", "mluke_typing"]


def encoders(nlp):
    if "mluke" in nlp.pipe_names:
        return [nlp.get_pipe("mluke").model]
    return [pipe.model.get_ref("encoder") for _, pipe in nlp.pipeline]


def prepared(checkpoint, make, *factories):
    nlp = make(checkpoint, *factories)
    gold = relation_examples(nlp)[:4]
    nlp.initialize(lambda: gold)
    return nlp, gold


def collect(nlp):
    """Return all gradients by parameter."""
    found = {}
    for n, encoder in enumerate(encoders(nlp)):
        for name, param in load_model(encoder).network.named_parameters():
            if param.grad is not None:
                found[n, name] = param.grad.clone()
    for task in TASKS:
        if task in nlp.pipe_names:
            linear = nlp.get_pipe(task).model.get_ref("linear")
            for name in linear.param_names:
                found[task, name] = torch.from_numpy(linear.get_grad(name).copy())
    return found


@pytest.mark.parametrize("make", [task_pipeline, listening_pipeline], ids=["own_encoders", "shared_encoder"])
def test_two_batches_of_two_give_the_gradients_of_one_of_four(steady_checkpoint, make):
    results = []
    for n_parts in (1, 2):
        nlp, gold = prepared(steady_checkpoint, make, *TASKS)
        for part in subdivide_batch(gold, n_parts):
            nlp.update(part, sgd=False)
        results.append(collect(nlp))
    whole, parts = results
    assert whole.keys() == parts.keys()
    assert sum(float(gradient.abs().sum()) for gradient in whole.values()) > 1
    for place in whole:
        torch.testing.assert_close(parts[place], whole[place], atol=1e-4, rtol=1e-3, msg=str(place))


@pytest.mark.parametrize("make", [task_pipeline, listening_pipeline], ids=["own_encoders", "shared_encoder"])
@pytest.mark.parametrize("clip", [0.0, 1.0], ids=["no_clipping", "clipped"])
def test_spacys_loop_takes_the_same_steps_however_it_divides_its_batches(steady_checkpoint, make, clip):
    results = []
    for accumulate in (1, 2):
        nlp, gold = prepared(steady_checkpoint, make, *TASKS)
        # With this eps, steps are proportional to small gradients; otherwise, gradients near zero give random signs.
        steps = train_while_improving(
            nlp,
            AdamW(0.01, eps=0.1, grad_clip=clip),
            iter([(0, gold), (0, gold)]),
            lambda: (0.0, {}),
            dropout=0.0,
            eval_frequency=100,
            accumulate_gradient=accumulate,
            patience=0,
            max_steps=0,
            exclude=[],
            annotating_components=[],
            before_update=None,
        )
        assert len(list(steps)) == 2
        states = [param.clone() for encoder in encoders(nlp) for param in load_model(encoder).network.parameters()]
        states += [torch.from_numpy(nlp.get_pipe(task).model.get_ref("linear").get_param("W").copy()) for task in TASKS]
        networks = [load_model(encoder).network for encoder in encoders(nlp)]
        assert all(param.grad is None for network in networks for param in network.parameters())
        results.append(states)
    before = [
        param
        for encoder in encoders(prepared(steady_checkpoint, make, *TASKS)[0])
        for param in load_model(encoder).network.parameters()
    ]
    assert any(not torch.equal(a, b) for a, b in zip(results[0], before, strict=False))
    for whole, parts in zip(*results, strict=True):
        torch.testing.assert_close(whole, parts, atol=2e-5, rtol=1e-3)


def test_the_gradients_of_a_frozen_component_are_not_waited_for(steady_checkpoint):
    nlp, gold = prepared(steady_checkpoint, listening_pipeline, *TASKS)
    for part in (gold[:2], gold[2:]):
        nlp.update(part, sgd=False, exclude=["mluke_typing"])
    nlp.get_pipe("mluke").finish_update(AdamW(0.0))
    alone, gold = prepared(steady_checkpoint, listening_pipeline, "mluke_relations")
    alone.update(gold, sgd=False)
    alone.get_pipe("mluke").flush_update()
    moments = AdamW(0.0)
    alone.get_pipe("mluke").finish_update(moments)
    assert moments.mom1
    assert all(param.grad is None for encoder in encoders(nlp) for param in load_model(encoder).network.parameters())
