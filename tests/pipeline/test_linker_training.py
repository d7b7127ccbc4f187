"""`mluke_linker`: training, saving and streams."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_mluke.pipeline.linker.training import link_loss
from spacy_mluke.types import Counts, EntityLogits
from tests.conftest import REPO
from tests.pipeline.link_docs import (
    SENTENCES,
    gold_links,
    link_doc,
    link_docs,
    link_examples,
    link_pipeline,
    link_store,
    links,
    mention,
    scores_of,
    train,
)
from tests.pipeline.steps import run_spacy

MODES = ["local", "global"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return link_store(tmp_path_factory.mktemp("store")).path


@pytest.fixture(scope="module", params=MODES)
def trained(request, steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, mode=request.param)
    train(nlp)
    return nlp


@pytest.fixture
def nlp(steady_checkpoint, store):
    return link_pipeline(steady_checkpoint, store)


@pytest.mark.parametrize("mode", MODES)
def test_it_overfits_three_sentences(steady_checkpoint, store, mode):
    nlp = link_pipeline(steady_checkpoint, store, mode=mode, prior_weight=0.0)
    gold, history = train(nlp, steps=80)
    assert min(history[-10:]) < 0.2 * max(history[:10])
    assert [links(doc) for doc in nlp.pipe(link_docs(nlp)[:3])] == gold_links()
    assert nlp.evaluate(gold)["nel_micro_f"] == 1.0


def test_the_gradient_of_the_loss_equals_finite_differences():
    mentions = [mention(0, 1, [0.5, 0.3, 0.2], rows=[4, -1, 5]), mention(0, 2, [1.0]), mention(0, 3, [0.4, 0.6])]
    rng = numpy.random.default_rng(0)
    lengths = numpy.asarray([2, 0, 2])
    logits = rng.normal(size=4)

    def loss(values):
        output = EntityLogits(values, lengths, numpy.ones(3, dtype=bool), Counts())
        return link_loss(mentions, [2, None, 0], output, 0.7)

    gradient = loss(logits)[1]
    for i in range(4):
        step = numpy.zeros(4)
        step[i] = 1e-5
        slope = (loss(logits + step)[0] - loss(logits - step)[0]) / 2e-5
        assert slope == pytest.approx(gradient[i], abs=1e-6)


def test_gradients_of_the_entity_table_equal_finite_differences(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store)
    gold = link_examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_linker")
    nlp.update(gold, sgd=False)
    table = pipe.loaded_encoder().network.entity_embeddings.entity_embeddings.weight
    analytic = table.grad.clone()
    entities = pipe.loaded_encoder().entities
    for row in {entities["Q90"], entities["Q999"], entities.mask_id}:
        values = []
        for step in (0.01, -0.01):
            table.data[row, 1] += step
            values.append(nlp.update(gold, sgd=False)["mluke_linker"])
            table.data[row, 1] -= step
        assert (values[0] - values[1]) / 0.02 == pytest.approx(float(analytic[row, 1]), abs=2e-2)
        assert float(analytic[row].abs().sum()) > 0


def test_gold_links_that_cannot_be_learned_are_counted_by_reason(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, grow="none")
    gold = link_examples(nlp)
    gold[0].predicted.ents = gold[0].predicted.ents[1:]
    words, mentions = SENTENCES[2]
    gold[2] = Example(gold[2].predicted, link_doc(nlp, words, [(0, "Q1"), *mentions[1:]], linked=True))
    with pytest.warns(UserWarning, match=r"\[ML185\] 6 of 7 gold links") as caught:
        nlp.initialize(lambda: gold)
    text = next(str(w.message) for w in caught if "ML185" in str(w.message))
    assert "1 on spans" in text and "1 not among" in text and "4 not in the encoder's vocabulary" in text


def test_a_gold_entity_can_be_added_to_the_candidates(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, add_gold=True)
    gold = [Example(link_doc(nlp, "Tokyo lives", [(0, "")]), link_doc(nlp, "Tokyo lives", [(0, "Q999")], linked=True))]
    nlp.initialize(lambda: gold)
    assert nlp.update(gold, sgd=False)["mluke_linker"] > 0.0
    assert [c.entity for c in nlp(gold[0].predicted).ents[0]._.mluke_candidates] == ["Q1490"]


def test_examples_without_annotation_do_not_train(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store)
    bare = [Example(doc, doc.copy()) for doc in link_docs(nlp)]
    with pytest.raises(ValueError, match=r"\[ML077\].*kb_id_"):
        nlp.initialize(lambda: bare)
    nlp.initialize(lambda: link_examples(nlp))
    assert nlp.update(bare, sgd=False) == {"mluke_linker": 0.0}


def test_the_config_trains_and_evaluates(steady_checkpoint, store, tmp_path):
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[eg.reference for eg in link_examples(spacy.blank("xx"))], store_user_data=True).to_disk(corpus)
    overrides = {
        "paths.train": corpus,
        "paths.dev": corpus,
        "paths.store": store,
        "paths.checkpoint": steady_checkpoint,
        "training.max_steps": 4,
        "training.eval_frequency": 2,
    }
    arguments = [str(part) for key, value in overrides.items() for part in (f"--{key}", value)]
    printed = run_spacy("train", REPO / "configs" / "linking.cfg", *arguments, "--output", tmp_path / "out")
    assert "NEL_MICRO_F" in printed
    loaded = spacy.load(tmp_path / "out" / "model-last")
    assert links(loaded(link_doc(loaded, *SENTENCES[0])))[1] == ("France", "Q142")


def test_pipe_equals_one_by_one_calls(trained):
    alone = [trained(doc) for doc in link_docs(trained)]
    for doc, other in zip(trained.pipe(link_docs(trained), batch_size=3), alone, strict=True):
        assert links(doc) == links(other)
        assert scores_of(doc) == pytest.approx(scores_of(other), abs=1e-5)
    assert [links(doc) for doc in alone[-2:]] == [[], []]


def test_two_processes_predict_the_same(trained):
    alone = [links(doc) for doc in trained.pipe(link_docs(trained))]
    assert [links(doc) for doc in trained.pipe(link_docs(trained), n_process=2, batch_size=3)] == alone


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_component_predicts_the_same_without_its_sources(trained, tmp_path, form):
    if form == "disk":
        trained.to_disk(tmp_path / "saved")
        config = tmp_path / "saved" / "config.cfg"
        config.write_text(config.read_text().replace("store.sqlite", "gone.sqlite"))
        with pytest.warns(UserWarning, match=r"\[ML122\]"):
            loaded = spacy.load(tmp_path / "saved")
        assert {path.name for path in (tmp_path / "saved" / "mluke_linker").iterdir()} == {
            "cfg",
            "encoder",
            "candidates",
            "files.json",
        }
    else:
        config = trained.config.copy()
        config["components"]["mluke_linker"]["candidates"]["path"] = None
        loaded = spacy.util.load_model_from_config(config)
        loaded.from_bytes(trained.to_bytes())
    for doc, other in zip(loaded.pipe(link_docs(loaded)), trained.pipe(link_docs(trained)), strict=True):
        assert links(doc) == links(other)
        assert scores_of(doc) == pytest.approx(scores_of(other), abs=1e-5)


def test_links_survive_a_docbin_and_joining(trained):
    docs = list(trained.pipe(link_docs(trained)[:3]))
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    for doc, other in zip(DocBin().from_bytes(data).get_docs(trained.vocab), docs, strict=True):
        assert links(doc) == links(other) and scores_of(doc) == scores_of(other)
    assert scores_of(Doc(trained.vocab).from_bytes(docs[0].to_bytes())) == scores_of(docs[0])
    joined = Doc.from_docs(docs)
    assert scores_of(joined) == [score for doc in docs for score in scores_of(doc)]
    assert scores_of(docs[1][5:9].as_doc(copy_user_data=True)) == scores_of(docs[1])[2:]


def test_only_the_document_that_fails_goes_to_the_error_handler(nlp):
    pipe = nlp.get_pipe("mluke_linker")
    ask, failed = pipe.candidates.__class__.__call__, []

    class Failing(pipe.candidates.__class__):
        def __call__(self, mentions):
            if any(span.text == "France" for span in mentions):
                raise ValueError("bad text")
            return ask(self, mentions)

    pipe.candidates.__class__ = Failing
    nlp.set_error_handler(lambda name, component, docs, error: failed.extend(docs))
    assert len(list(nlp.pipe(link_docs(nlp)))) == 4
    assert [doc.text.strip() for doc in failed] == [SENTENCES[0][0]]
