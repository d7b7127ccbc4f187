"""Common behaviour of the group classifiers `mluke_relations` and `mluke_typing`."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import Adam

from tests.pipeline.relation_docs import (
    facts,
    listening_pipeline,
    relation_doc,
    relation_examples,
    task_pipeline,
    types,
)
from tests.pipeline.steps import head_slopes, take_steps, update_until

TASKS = ["mluke_relations", "mluke_typing"]
READ = {"mluke_relations": facts, "mluke_typing": types}


def train(nlp, steps=60, rate=0.01):
    gold = relation_examples(nlp)
    return gold, take_steps(nlp, gold, steps, rate)


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


@pytest.fixture(scope="module")
def trained(steady_checkpoint):
    found = {}
    for task in TASKS:
        found[task] = task_pipeline(steady_checkpoint, task)
        train(found[task])
    return found


def bare_docs(nlp):
    docs = [eg.predicted for eg in relation_examples(nlp)]
    return [*docs, Doc(nlp.vocab), Doc(nlp.vocab, words=["No", "entity"])]


def scores_of(doc):
    if doc.has_extension("mluke_relations") and doc._.mluke_relations:
        return [rel.score for rel in doc._.mluke_relations]
    return [score for ent in doc.ents for score in ent._.mluke_types.values()]


@pytest.mark.parametrize("make", [task_pipeline, listening_pipeline], ids=["own_encoder", "listener"])
def test_a_task_overfits_five_sentences(steady_checkpoint, task, make):
    nlp = make(steady_checkpoint, task)
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    at_most = 60 if task == "mluke_relations" else 110
    history = update_until(nlp, gold, Adam(0.01, L2=0.0, grad_clip=1.0), task, 0.02, at_most=at_most)
    assert history[-1] < 0.1 * history[0]
    scores = nlp.evaluate(gold)
    assert scores["rel_micro_f" if task == "mluke_relations" else "types_micro_f"] == 1.0


def test_the_gradient_of_the_loss_equals_finite_differences(steady_checkpoint, task):
    nlp = task_pipeline(steady_checkpoint, task)
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe(task)
    groups = pipe.propose([eg.predicted for eg in gold])
    rng = numpy.random.default_rng(0)
    logits = rng.normal(size=(sum(map(len, groups)), len(pipe.classes)))
    truth, is_annotated, _ = pipe.targets(gold, groups)
    _, gradient = pipe.loss(logits, truth)
    assert is_annotated.all()
    for i, j in [(0, 0), (1, 1), (2, 2 % len(pipe.classes))]:
        step = numpy.zeros_like(logits)
        step[i, j] = 1e-5
        slope = (pipe.loss(logits + step, truth)[0] - pipe.loss(logits - step, truth)[0]) / 2e-5
        assert slope == pytest.approx(gradient[i, j], abs=1e-6)


def test_gradients_of_the_weights_equal_finite_differences(steady_checkpoint, task):
    nlp = task_pipeline(steady_checkpoint, task)
    gold = relation_examples(nlp)
    for slope, gradient in head_slopes(nlp, task, gold):
        assert slope == pytest.approx(gradient, abs=2e-2)


def test_pipe_equals_one_by_one_calls(trained, task):
    nlp = trained[task]
    alone = [nlp(doc) for doc in bare_docs(nlp)]
    piped = list(nlp.pipe(bare_docs(nlp), batch_size=3))
    assert [doc.text for doc in piped] == [doc.text for doc in alone]
    for doc, other in zip(piped, alone, strict=True):
        assert READ[task](doc) == READ[task](other)
        numpy.testing.assert_allclose(scores_of(doc), scores_of(other), atol=1e-5)


def test_empty_docs_and_docs_without_entities_have_no_predictions(trained, task):
    *_, empty, bare = trained[task].pipe(bare_docs(trained[task]))
    assert READ[task](empty) == READ[task](bare) == set()


def test_two_processes_predict_the_same(trained, task):
    nlp = trained[task]
    alone = list(nlp.pipe(bare_docs(nlp)))
    shared = list(nlp.pipe(bare_docs(nlp), n_process=2, batch_size=3))
    assert [READ[task](doc) for doc in shared] == [READ[task](doc) for doc in alone]


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_component_predicts_the_same(trained, task, tmp_path, form):
    nlp = trained[task]
    if form == "disk":
        nlp.to_disk(tmp_path / "saved")
        loaded = spacy.load(tmp_path / "saved")
        files = {path.name for path in (tmp_path / "saved" / task).iterdir()}
        assert files == {"cfg", "head.safetensors", "encoder", "files.json"}
    else:
        loaded = spacy.util.load_model_from_config(nlp.config)
        loaded.from_bytes(nlp.to_bytes())
    assert loaded.get_pipe(task).labels == nlp.get_pipe(task).labels
    for doc, other in zip(loaded.pipe(bare_docs(loaded)), nlp.pipe(bare_docs(nlp)), strict=True):
        assert READ[task](doc) == READ[task](other)
        numpy.testing.assert_allclose(scores_of(doc), scores_of(other), atol=1e-5)


def test_a_saved_listener_predicts_the_same(steady_checkpoint, task, tmp_path):
    nlp = listening_pipeline(steady_checkpoint, task)
    train(nlp, steps=20)
    nlp.to_disk(tmp_path / "saved")
    loaded = spacy.load(tmp_path / "saved")
    assert not (tmp_path / "saved" / task / "encoder").exists()
    for doc, other in zip(loaded.pipe(bare_docs(loaded)), nlp.pipe(bare_docs(nlp)), strict=True):
        assert READ[task](doc) == READ[task](other)


def test_without_labels_the_error_says_how_to_get_them(tiny_checkpoint, task):
    nlp = task_pipeline(tiny_checkpoint, task)
    with pytest.raises(ValueError, match=r"\[ML075\] 'mluke_"):
        nlp("Tokyo")


def test_without_annotation_initialize_says_what_is_missing(tiny_checkpoint, task):
    nlp = task_pipeline(tiny_checkpoint, task)
    doc = Doc(nlp.vocab, words=["Tokyo"])
    with pytest.raises(ValueError, match=r"\[ML077\]"):
        nlp.initialize(lambda: [Example(doc, doc.copy())])


def test_an_unknown_label_in_training_is_named(steady_checkpoint, task):
    nlp = task_pipeline(steady_checkpoint, task)
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold[2:3])
    with pytest.raises(ValueError, match=r"\[ML076\]"):
        nlp.update(gold, sgd=False)


def test_examples_without_annotation_are_skipped_in_updates(steady_checkpoint, task):
    nlp = task_pipeline(steady_checkpoint, task)
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    predicted = relation_doc(nlp, "Anna lives in Paris", (0, 1), (3, 4))
    losses = nlp.update([Example(predicted, Doc(nlp.vocab, words=predicted.text.split()))], sgd=False)
    assert losses[task] == 0.0


def test_labels_can_be_added_to_a_trained_head(trained, task, tmp_path):
    nlp = spacy.util.load_model_from_config(trained[task].config)
    nlp.from_bytes(trained[task].to_bytes())
    pipe = nlp.get_pipe(task)
    doc = bare_docs(nlp)[0]
    before = pipe.predict([doc])[1].logits
    assert pipe.add_label("NEW") == 1
    assert pipe.add_label("NEW") == 0
    after = pipe.predict([doc])[1].logits
    assert "NEW" in pipe.labels
    numpy.testing.assert_allclose(after[:, :-1], before, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[ML085\]"):
        pipe.add_label("")


def test_a_head_with_other_labels_than_its_cfg_is_refused(trained, task, tmp_path):
    trained[task].to_disk(tmp_path / "saved")
    cfg = tmp_path / "saved" / task / "cfg"
    cfg.write_text(cfg.read_text().replace('"classes":[', '"classes":["ANOTHER",'))
    cfg.with_name("files.json").unlink()
    with pytest.raises(ValueError, match=r"\[ML079\]"):
        spacy.load(tmp_path / "saved")


def test_a_damaged_head_is_refused(trained, task, tmp_path):
    trained[task].to_disk(tmp_path / "saved")
    (tmp_path / "saved" / task / "head.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"\[ML364\].*head.safetensors"):
        spacy.load(tmp_path / "saved")
    (tmp_path / "saved" / task / "files.json").unlink()
    with pytest.raises(ValueError, match=r"\[ML087\]"):
        spacy.load(tmp_path / "saved")


def test_only_the_document_that_fails_goes_to_the_error_handler(trained, task):
    nlp = spacy.util.load_model_from_config(trained[task].config)
    nlp.from_bytes(trained[task].to_bytes())
    pipe = nlp.get_pipe(task)
    propose, failed = pipe.propose, []

    def fail(docs):
        if any(doc.text.startswith("Bob") for doc in docs):
            raise ValueError("bad text")
        return propose(docs)

    def handler(name, component, docs, error):
        failed.extend(doc.text for doc in docs)

    pipe.propose = fail
    nlp.set_error_handler(handler)
    assert len(list(nlp.pipe(bare_docs(nlp)))) == 6
    assert [text.strip() for text in failed] == ["Bob lives in Tokyo"]


def test_predictions_survive_a_docbin_and_joining(trained, task):
    nlp = trained[task]
    docs = list(nlp.pipe(bare_docs(nlp)[:4]))
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    for doc, other in zip(DocBin().from_bytes(data).get_docs(nlp.vocab), docs, strict=True):
        assert READ[task](doc) == READ[task](other) != set()
        assert scores_of(doc) == pytest.approx(scores_of(other))
    joined = Doc.from_docs(docs)
    assert READ[task](joined) == set.union(*map(READ[task], docs))
    assert len(scores_of(joined)) == sum(len(scores_of(doc)) for doc in docs)


def test_the_component_adds_its_scores_to_the_config(tiny_checkpoint, task):
    nlp = task_pipeline(tiny_checkpoint, task)
    weights = nlp.get_pipe_meta(task).default_score_weights
    assert max(weights, key=lambda key: weights[key] or 0.0).endswith("micro_f")
