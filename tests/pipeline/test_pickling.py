"""Pipelines can be pickled, also after they have annotated documents."""

from __future__ import annotations

import pickle

import pytest
import spacy
from spacy.kb import InMemoryLookupKB
from spacy.training import Example

from spacy_mluke.pipeline.base.transient import TransientDict
from tests.pipeline.link_docs import SENTENCES, link_doc, link_store
from tests.pipeline.relation_docs import own_model

TASKS = ["mluke_relations", "mluke_ner", "mluke_typing", "mluke_qa", "mluke_cloze", "mluke_pretraining"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return str(link_store(tmp_path_factory.mktemp("store")).path)


def linking_pipeline(checkpoint, store):
    nlp = spacy.blank("en")
    candidates = {"candidates": {"path": store}}
    encoder = {"name": str(checkpoint)}
    nlp.add_pipe("mluke_mentions", config=candidates)
    nlp.add_pipe("mluke", config={"model": encoder})
    nlp.add_pipe("mluke_linker", config={"model": {"encoder": encoder}, **candidates})
    return nlp


def found(nlp):
    doc = nlp(SENTENCES[0][0])
    return [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents], doc._.mluke.vectors.shape


def test_a_pipeline_that_has_read_a_document_can_be_pickled(tiny_checkpoint, store):
    nlp = linking_pipeline(tiny_checkpoint, store)
    before = found(nlp)
    other = pickle.loads(pickle.dumps(nlp))
    assert found(other) == before and len(before[0]) == 2


def test_values_that_can_be_computed_again_are_not_pickled(store):
    nlp = spacy.blank("en")
    mentions = nlp.add_pipe("mluke_mentions", config={"candidates": {"path": store}})
    nlp("Tokyo")
    assert mentions._finders._finders and mentions._types
    twin = pickle.loads(pickle.dumps(mentions))
    assert not twin._finders._finders and not twin._types
    other = pickle.loads(pickle.dumps(TransientDict(x=1)))
    assert type(other) is TransientDict and other == {}


@pytest.mark.parametrize("factory", TASKS)
def test_every_component_with_a_head_can_be_pickled(tiny_checkpoint, factory):
    pipe = spacy.blank("en").add_pipe(factory, config={"model": {"encoder": own_model(tiny_checkpoint)["encoder"]}})
    if factory != "mluke_qa":
        pipe.add_label("CITY")
    if factory in ("mluke_cloze", "mluke_pretraining"):
        assert len(pipe.label_ids()) == 1
    other = pickle.loads(pickle.dumps(pipe))
    assert other.labels == pipe.labels and other.cfg == pipe.cfg


def test_a_pipeline_can_be_pickled_after_a_training_step(tiny_checkpoint):
    nlp = spacy.blank("en")
    nlp.add_pipe("mluke", config={"model": {"name": str(tiny_checkpoint)}})
    listener = {"@architectures": "spacy-mluke.EncoderListener.v1"}
    nlp.add_pipe("mluke_typing", config={"model": {"encoder": listener}})
    gold = link_doc(nlp, *SENTENCES[0])
    example = Example(link_doc(nlp, *SENTENCES[0]), gold)
    optimizer = nlp.initialize(lambda: [example])
    nlp.update([example], sgd=optimizer)
    assert pickle.loads(pickle.dumps(nlp)).get_pipe("mluke_typing").labels == ("X",)


def test_a_linker_with_spacys_knowledge_base_can_be_pickled(tiny_checkpoint):
    def make_kb(vocab):
        kb = InMemoryLookupKB(vocab, 1)
        kb.add_entity("Q90", 1.0, [0.0])
        kb.add_alias("Paris", ["Q90"], [1.0])
        return kb

    config = {
        "model": {"encoder": {"name": str(tiny_checkpoint)}},
        "candidates": {"@misc": "spacy-mluke.kb_candidates.v1", "generate_empty_kb": {"@misc": "spacy.EmptyKB.v2"}},
    }
    pipe = spacy.blank("en").add_pipe("mluke_linker", config=config)
    pipe.set_kb(make_kb)
    other = pickle.loads(pickle.dumps(pipe))
    doc = spacy.blank("en")("Paris")
    assert [match.id for match in other.candidates([doc[:]])[0]] == ["Q90"]
