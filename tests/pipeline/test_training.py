"""Training other components through `mluke`."""

from __future__ import annotations

import numpy
import pytest
import spacy
import torch
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_mluke.encoder.access import load_model
from tests.pipeline.test_errors import listener_config

SENTENCES = [
    (["Tokyo", "is", "the", "capital", "of", "Japan"], ["PROPN", "AUX", "DET", "NOUN", "ADP", "PROPN"]),
    (["Paris", "is", "in", "France"], ["PROPN", "AUX", "ADP", "PROPN"]),
    (["Москва", "столица", "России"], ["PROPN", "NOUN", "PROPN"]),
    (["the", "capital"], ["DET", "NOUN"]),
    (["in", "Japan"], ["ADP", "PROPN"]),
    (["東京", "は", "日本", "の", "首都"], ["PROPN", "ADP", "PROPN", "ADP", "NOUN"]),
    (["Japan", "is", "the", "land"], ["PROPN", "AUX", "DET", "NOUN"]),
    (["of", "France"], ["ADP", "PROPN"]),
    (["the", "land", "of", "Tokyo"], ["DET", "NOUN", "ADP", "PROPN"]),
    (["France", "is", "the", "land"], ["PROPN", "AUX", "DET", "NOUN"]),
]


def examples(nlp):
    result = []
    for words, tags in SENTENCES:
        doc = spacy.tokens.Doc(nlp.vocab, words=words)
        entities = ["U-LOC" if tag == "PROPN" else "O" for tag in tags]
        n_names = tags.count("PROPN")
        annotations = {
            "tags": tags,
            "entities": entities,
            "cats": {"MANY": float(n_names > 1), "FEW": float(n_names <= 1)},
        }
        result.append(Example.from_dict(doc, annotations))
    return result


def make_nlp(steady_checkpoint, *components: str):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": str(steady_checkpoint)}})
    for component in components:
        tok2vec = listener_config()
        if component == "textcat":
            model = {
                "@architectures": "spacy.TextCatEnsemble.v2",
                "tok2vec": tok2vec,
                "linear_model": {
                    "@architectures": "spacy.TextCatBOW.v2",
                    "exclusive_classes": True,
                    "ngram_size": 1,
                    "no_output_layer": False,
                },
            }
        else:
            model = {"tok2vec": tok2vec}
        nlp.add_pipe(component, config={"model": model})
    return nlp


def initialize(nlp):
    """Initialize, and set output layers to values other than zero, so that the first step has gradients for the
    encoder."""
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    rng = numpy.random.default_rng(0)
    for _, pipe in nlp.pipeline:
        for node in pipe.model.walk():
            if node.name == "softmax":
                node.set_param("W", rng.normal(size=node.get_param("W").shape).astype("float32"))
    return gold


def train(nlp, steps: int, rate: float = 0.01):
    gold = initialize(nlp)
    optimizer = Adam(learn_rate=rate, L2=0.0, grad_clip=1.0)
    history = []
    for _ in range(steps):
        losses = {}
        nlp.update(gold, sgd=optimizer, losses=losses)
        history.append(losses)
    return gold, history


@pytest.mark.parametrize("component, steps, rate", [("tagger", 50, 0.01), ("ner", 95, 0.003), ("textcat", 60, 0.005)])
def test_a_listener_overfits_ten_sentences(steady_checkpoint, component, steps, rate):
    nlp = make_nlp(steady_checkpoint, component)
    gold, history = train(nlp, steps, rate)
    assert history[-1][component] < 0.1 * history[0][component]
    scores = nlp.evaluate(gold)
    key = {"tagger": "tag_acc", "ner": "ents_f", "textcat": "cats_score"}[component]
    assert scores[key] > 0.95


def test_three_listeners_train_one_encoder(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger", "ner", "textcat")
    before = {name: p.clone() for name, p in network(nlp).named_parameters()}
    _, history = train(nlp, 30)
    for component in ("tagger", "ner", "textcat"):
        assert history[-1][component] < history[0][component]
    changed = [name for name, p in network(nlp).named_parameters() if not torch.equal(p, before[name])]
    assert any("query" in name for name in changed)
    assert any("word_embeddings" in name for name in changed)


def network(nlp):
    return load_model(nlp.get_pipe("mluke").model).network


def gradients(nlp, gold, *, exclude=()):
    for _, pipe in nlp.pipeline:
        assert pipe.name
    nlp.update(gold, sgd=False, losses={}, exclude=list(exclude))
    nlp.get_pipe("mluke").flush_update()
    return {name: p.grad.clone() for name, p in network(nlp).named_parameters() if p.grad is not None}


def test_gradients_of_listeners_are_summed_once(steady_checkpoint):
    parts = []
    for exclude in ([], ["second"], ["first"]):
        fix_random_seed(0)
        nlp = spacy.blank("xx")
        nlp.add_pipe("mluke", config={"model": {"name": str(steady_checkpoint)}})
        for name in ("first", "second"):
            nlp.add_pipe("tagger", name=name, config={"model": {"tok2vec": listener_config()}})
        gold = initialize(nlp)
        parts.append(gradients(nlp, gold, exclude=exclude))
    both, first, second = parts
    assert float(both["encoder.layer.0.attention.self.query.weight"].abs().sum()) > 0
    for name in both:
        torch.testing.assert_close(both[name], first[name] + second[name], atol=1e-5, rtol=1e-3)


def test_a_frozen_listener_does_not_stop_the_others_from_training(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger", "ner")
    gold = initialize(nlp)
    before = network(nlp).state_dict()["encoder.layer.0.attention.self.query.weight"].clone()
    optimizer = Adam(learn_rate=0.01)
    nlp.update(gold, sgd=False, losses={}, exclude=["ner"])
    nlp.get_pipe("mluke").finish_update(optimizer)
    after = network(nlp).state_dict()["encoder.layer.0.attention.self.query.weight"]
    assert not torch.equal(before, after)


def test_nlp_update_steps_the_encoder_in_the_same_call(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger")
    gold = initialize(nlp)
    before = network(nlp).state_dict()["encoder.layer.0.attention.self.query.weight"].clone()
    nlp.update(gold, sgd=Adam(learn_rate=0.01), losses={})
    after = network(nlp).state_dict()["encoder.layer.0.attention.self.query.weight"]
    assert not torch.equal(before, after)
    assert all(p.grad is None for p in network(nlp).parameters())


def test_accumulated_gradients_equal_those_of_one_batch(steady_checkpoint):
    def collect(batches):
        nlp = make_nlp(steady_checkpoint, "tagger")
        gold = initialize(nlp)
        for batch in batches(gold):
            nlp.update(batch, sgd=False, losses={})
        return {n: p.grad.clone() for n, p in network(nlp).named_parameters() if p.grad is not None}

    whole = collect(lambda gold: [gold])
    halves = collect(lambda gold: [gold[:5], gold[5:]])
    assert whole.keys() == halves.keys()
    name = "encoder.layer.0.attention.self.query.weight"
    assert float(whole[name].abs().sum()) > 0
    # The tagger's loss is a sum, so the gradient of a batch is the sum of the gradients of its parts.
    torch.testing.assert_close(whole[name], halves[name], atol=1e-5, rtol=1e-3)


def test_empty_docs_in_a_training_batch_are_harmless(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger")
    gold = initialize(nlp)
    empty = Example.from_dict(nlp.make_doc(""), {"tags": []})
    losses = {}
    nlp.update([gold[0], empty, gold[1]], sgd=Adam(learn_rate=0.01), losses=losses)
    assert losses["tagger"] > 0


def test_a_frozen_encoder_that_annotates_serves_listeners(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger")
    gold = initialize(nlp)
    before = {name: p.clone() for name, p in network(nlp).named_parameters()}
    optimizer = Adam(learn_rate=0.05)
    history = []
    for _ in range(20):
        losses = {}
        for eg in gold:
            eg.predicted = nlp.get_pipe("mluke")(eg.predicted)
        nlp.update(gold, sgd=optimizer, losses=losses, exclude=["mluke"], annotates=["mluke"])
        history.append(losses["tagger"])
    assert history[-1] < history[0]
    assert all(torch.equal(p, before[name]) for name, p in network(nlp).named_parameters())


def test_averages_can_be_used_and_undone(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger")
    gold = initialize(nlp)
    optimizer = Adam(learn_rate=0.05, use_averages=True)
    for _ in range(5):
        nlp.update(gold, sgd=optimizer, losses={})
    name = "encoder.layer.0.attention.self.query.weight"
    trained = network(nlp).state_dict()[name].clone()
    with nlp.use_params(optimizer.averages):
        averaged = network(nlp).state_dict()[name].clone()
    assert not torch.equal(trained, averaged)
    assert torch.equal(network(nlp).state_dict()[name], trained)


def test_replaced_listeners_predict_alone_and_survive_saving(steady_checkpoint, tmp_path):
    nlp = make_nlp(steady_checkpoint, "tagger")
    gold, _ = train(nlp, 40)
    words = [eg.reference.copy() for eg in gold]
    shared = [[token.tag_ for token in nlp(doc)] for doc in blank(words)]
    nlp.replace_listeners("mluke", "tagger", ["model.tok2vec"])
    nlp.remove_pipe("mluke")
    alone = [[token.tag_ for token in nlp(doc)] for doc in blank(words)]
    assert alone == shared
    nlp.to_disk(tmp_path / "nlp")
    loaded = spacy.load(tmp_path / "nlp")
    assert [[token.tag_ for token in loaded(doc)] for doc in blank(words, loaded.vocab)] == shared


def blank(docs, vocab=None):
    return [spacy.tokens.Doc(vocab or doc.vocab, words=[t.text for t in doc]) for doc in docs]


def test_listeners_read_the_data_of_the_component(steady_checkpoint):
    nlp = make_nlp(steady_checkpoint, "tagger")
    gold, _ = train(nlp, 1)
    doc = nlp(gold[0].reference.copy())
    pooled = nlp.get_pipe("tagger").model.get_ref("tok2vec").predict([doc])[0]
    numpy.testing.assert_allclose(pooled, doc._.mluke.token_vectors, atol=1e-5)
