"""`mluke_pretraining`: masked-entity prediction in two stages."""

from __future__ import annotations

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.optimizer import AdamW
from spacy_mluke.kb.store_build import StoreRow, build_store
from tests.pipeline.steps import update_until

FACTS = [("Tokyo", "Q1490", "Japan", "Q17"), ("Paris", "Q90", "France", "Q142"), ("Bern", "Q70", "Swiss", "Q39")]


def pipeline(checkpoint, **options):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_pretraining", config={"model": {"encoder": {"name": str(checkpoint)}}, **options})
    return nlp


def examples(nlp):
    found = []
    for city, city_id, country, country_id in FACTS:
        doc = Doc(nlp.vocab, words=[city, "is", "the", "capital", "of", country])
        doc.ents = [Span(doc, 0, 1, "CITY", kb_id=city_id), Span(doc, 5, 6, "COUNTRY", kb_id=country_id)]
        found.append(Example(Doc(nlp.vocab, words=[token.text for token in doc]), doc))
    return found


def network(nlp):
    return load_model(nlp.get_pipe("mluke_pretraining").model.get_ref("encoder")).network


def train(nlp, gold, steps, rate=0.003):
    nlp.initialize(lambda: gold)
    optimizer = AdamW(rate, grad_clip=0.0)
    history = []
    for _ in range(steps):
        losses = {}
        nlp.update(gold, sgd=optimizer, losses=losses)
        history.append(losses["mluke_pretraining"])
    return history


def test_it_learns_what_is_masked(steady_checkpoint):
    nlp = pipeline(steady_checkpoint, entity_steps=5, masked=0.0, replaced=1.0, visible=1.0)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    optimizer = AdamW(0.006, grad_clip=0.0)
    history = update_until(nlp, gold, optimizer, "mluke_pretraining", 0.3, at_most=200, window=10)
    assert numpy.mean(history[-10:]) < 0.3 * numpy.mean(history[:10])


def test_in_the_first_stage_only_entities_are_trained(steady_checkpoint):
    nlp = pipeline(steady_checkpoint, entity_steps=2)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    before = {name: p.detach().clone() for name, p in network(nlp).named_parameters()}
    optimizer = AdamW(0.01)
    changed = []
    for _ in range(3):
        nlp.update(gold, sgd=optimizer)
        changed.append({name for name, p in network(nlp).named_parameters() if not torch.equal(p, before[name])})
    assert changed[0] == changed[1] == {"entity_embeddings.entity_embeddings.weight"}
    assert "encoder.layer.0.attention.self.query.weight" in changed[2]


def test_entities_of_a_store_are_added(steady_checkpoint, tmp_path):
    rows = [StoreRow("Q64", "de", "Berlin", "CITY"), StoreRow("Q64", "ru", "Берлин")]
    store = build_store(rows, tmp_path / "s.sqlite")
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": str(store.path)}
    nlp = pipeline(steady_checkpoint, candidates=source)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_pretraining")
    assert set(pipe.labels) == {"Q64", *(fact[i] for fact in FACTS for i in (1, 3))}
    assert pipe.loaded_encoder().entities["ru:Берлин"] == pipe.loaded_encoder().entities["Q64"]


def test_at_least_one_mention_of_a_text_is_masked(steady_checkpoint):
    nlp = pipeline(steady_checkpoint, masked=0.0, replaced=1.0, visible=1.0)
    gold = examples(nlp)
    chosen = nlp.get_pipe("mluke_pretraining").choose([eg.reference for eg in gold])
    assert [bool(kb_id) for kb_id in chosen.kb_ids].count(True) == len(gold)
    assert chosen.mask_lengths == [int(bool(kb_id)) for kb_id in chosen.kb_ids]
    assert [bool(visible) for visible in chosen.visible] == [not kb_id for kb_id in chosen.kb_ids]


def test_mentions_that_are_neither_masked_nor_visible_are_read_as_words(steady_checkpoint):
    nlp = pipeline(steady_checkpoint, masked=0.0, visible=0.0)
    chosen = nlp.get_pipe("mluke_pretraining").choose([eg.reference for eg in examples(nlp)])
    assert [len(places) for places in chosen.places] == [1, 1, 1]


def test_the_stage_survives_saving(steady_checkpoint, tmp_path):
    nlp = pipeline(steady_checkpoint, entity_steps=2)
    gold = examples(nlp)
    train(nlp, gold, 3)
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    assert again.get_pipe("mluke_pretraining").cfg["n_steps"] == 3
    text = "Paris is the capital of [MASK]"
    fillers = [pipe.get_pipe("mluke_pretraining").fill(text)[0][0] for pipe in (nlp, again)]
    assert fillers[0].kb_id == fillers[1].kb_id
    assert fillers[0].score == pytest.approx(fillers[1].score, abs=1e-5)


def test_examples_without_known_entities_do_not_train(steady_checkpoint):
    nlp = pipeline(steady_checkpoint)
    gold = examples(nlp)
    nlp.initialize(lambda: gold)
    plain = [Example(nlp.make_doc("No one"), nlp.make_doc("No one")), Example(nlp.make_doc(""), nlp.make_doc(""))]
    assert nlp.update(plain, sgd=AdamW(0.01)) == {"mluke_pretraining": 0.0}


def test_an_unknown_entity_is_named(steady_checkpoint):
    nlp = pipeline(steady_checkpoint)
    gold = examples(nlp)
    nlp.initialize(lambda: gold[:2])
    with pytest.raises(ValueError, match=r"\[ML076\].*Q"):
        nlp.update(gold[2:], sgd=AdamW(0.01))


@pytest.mark.parametrize(("option", "value", "code"), [("masked", 1.5, "ML310"), ("entity_steps", -1, "ML071")])
def test_numbers_out_of_range_are_refused(steady_checkpoint, option, value, code):
    with pytest.raises(ValueError, match=code):
        pipeline(steady_checkpoint, **{option: value})
