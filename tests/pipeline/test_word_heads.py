"""Heads that read words only: baselines without entities."""

from __future__ import annotations

import numpy
import pytest
import spacy
import torch
from thinc.api import Adam
from transformers import LukeForEntityPairClassification, LukeModel, MLukeTokenizer

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import MarkedInput
from spacy_mluke.encoder.listener import build_encoder_listener_v1
from spacy_mluke.heads.boundary_classifier import build_boundary_classifier_v1
from spacy_mluke.heads.marker_classifier import build_marker_classifier_v1
from spacy_mluke.pipeline.export import export_component
from tests.checkpoint.checkpoints import make_checkpoint
from tests.pipeline.ner_docs import LIMIT, ner_examples
from tests.pipeline.relation_docs import own_model, relation_doc, relation_examples
from tests.pipeline.steps import update_until

ARCHITECTURES = {"mluke_relations": "MarkerClassifier", "mluke_ner": "BoundaryClassifier"}
EXAMPLES = {"mluke_relations": relation_examples, "mluke_ner": ner_examples}
SCORES = {"mluke_relations": "rel_micro_f", "mluke_ner": "ents_f"}


def words_pipeline(task, checkpoint, **encoder):
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("xx")
    model = {
        "@architectures": f"spacy-mluke.{ARCHITECTURES[task]}.v1",
        **own_model(checkpoint, **{"@architectures": "spacy-mluke.Encoder.v1"}, **encoder),
    }
    nlp.add_pipe(task, config={"model": model, **({"suggester": LIMIT} if task == "mluke_ner" else {})})
    return nlp


def logits_of(pipe, docs):
    found = pipe.predict(docs)[1]
    return found if isinstance(found, numpy.ndarray) else found.logits


@pytest.fixture(params=sorted(ARCHITECTURES))
def task(request):
    return request.param


@pytest.fixture
def started(task, steady_checkpoint):
    nlp = words_pipeline(task, steady_checkpoint)
    gold = EXAMPLES[task](nlp)
    nlp.initialize(lambda: gold)
    return nlp, gold


def test_marker_states_equal_those_of_the_reference_without_entities(steady_checkpoint):
    nlp = words_pipeline("mluke_relations", steady_checkpoint)
    doc = relation_doc(nlp, "Tokyo is the capital of Japan", (0, 1), (5, 6))
    pipe = nlp.get_pipe("mluke_relations")
    output = pipe.model.get_ref("encoder").predict(MarkedInput([doc], pipe.propose([doc]), 2, with_entities=False))
    assert output.entity_states.shape[0] == 0
    tokenizer = MLukeTokenizer.from_pretrained(steady_checkpoint, task="entity_pair_classification")
    spans = [(ent.start_char, ent.end_char) for ent in doc.ents]
    for row, pair in zip((0, 2), (spans, spans[::-1]), strict=True):
        ids = tokenizer(doc.text, entity_spans=pair, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            states = LukeModel.from_pretrained(steady_checkpoint).eval()(input_ids=ids).last_hidden_state[0].numpy()
        marks = [ids[0].tolist().index(tokenizer.convert_tokens_to_ids(mark)) for mark in ("<ent>", "<ent2>")]
        numpy.testing.assert_allclose(output.piece_states[row : row + 2], states[marks], atol=1e-4)


def test_gradients_of_encoder_and_head_equal_finite_differences(task, started):
    nlp, gold = started
    pipe = nlp.get_pipe(task)
    docs = [eg.predicted for eg in gold]
    inputs = (docs, pipe.predict(docs)[0])
    if task == "mluke_relations":
        inputs = MarkedInput(docs, pipe.propose(docs), 2)
    logits, backprop = pipe.model.begin_update(inputs)
    values = logits if task == "mluke_ner" else logits.logits
    weights = numpy.random.default_rng(0).normal(size=values.shape).astype("float32")
    if task == "mluke_relations":
        logits.logits = weights
    backprop(weights if task == "mluke_ner" else logits)
    parameters = dict(load_model(pipe.model.get_ref("encoder")).network.named_parameters())
    for name in ("embeddings.LayerNorm.weight", "encoder.layer.1.output.dense.bias"):
        sides = []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                parameters[name][0] += step
                sides.append(float((logits_of(pipe, docs) * weights).sum()))
                parameters[name][0] -= step
        slope = (sides[0] - sides[1]) / 2e-2
        assert slope == pytest.approx(float(parameters[name].grad[0]), rel=3e-2, abs=3e-2)
    linear = pipe.model.get_ref("linear")
    slope = linear.get_grad("W")[0, 0]
    W = linear.get_param("W")
    before = float((logits_of(pipe, docs) * weights).sum())
    W[0, 0] += 0.1
    assert (float((logits_of(pipe, docs) * weights).sum()) - before) / 0.1 == pytest.approx(float(slope), abs=2e-2)


def test_entity_parameters_are_neither_used_nor_trained(task, started):
    nlp, gold = started
    pipe = nlp.get_pipe(task)
    parameters = dict(load_model(pipe.model.get_ref("encoder")).network.named_parameters())
    docs = [eg.predicted for eg in gold]
    before = logits_of(pipe, docs)
    nlp.update(gold, sgd=False)
    for name, parameter in parameters.items():
        if name.startswith("entity_embeddings"):
            assert parameter.grad is None or not parameter.grad.abs().any()
            with torch.no_grad():
                parameter += 1.0
    numpy.testing.assert_allclose(logits_of(pipe, docs), before, atol=1e-6)


def test_a_training_pass_gives_the_logits_of_prediction(task, started):
    nlp, gold = started
    pipe = nlp.get_pipe(task)
    docs = [eg.predicted for eg in gold]
    inputs = (docs, pipe.predict(docs)[0]) if task == "mluke_ner" else MarkedInput(docs, pipe.propose(docs), 2)
    found, _ = pipe.model.begin_update(inputs)
    numpy.testing.assert_allclose(getattr(found, "logits", found), logits_of(pipe, docs), atol=1e-4)


def test_a_few_sentences_are_overfitted_and_survive_saving(task, started, tmp_path):
    nlp, gold = started
    update_until(nlp, gold, Adam(learn_rate=0.005, L2=0.0, grad_clip=1.0), task, 0.005, at_most=150)
    assert nlp.evaluate(EXAMPLES[task](nlp))[SCORES[task]] == 1.0
    nlp.to_disk(tmp_path / "saved")
    loaded = spacy.load(tmp_path / "saved")
    docs = [eg.predicted for eg in EXAMPLES[task](loaded)]
    numpy.testing.assert_allclose(
        logits_of(loaded.get_pipe(task), docs), logits_of(nlp.get_pipe(task), docs), atol=1e-5
    )


def test_empty_documents_and_documents_without_entities_have_no_predictions(task, started):
    nlp, _ = started
    empty, bare = nlp.pipe([nlp.make_doc(""), nlp.make_doc("is far away")])
    assert not len(empty.ents) and not bare._.mluke_relations


def test_words_of_candidates_are_encoded_once_with_any_other_candidates(steady_checkpoint):
    nlp = words_pipeline("mluke_ner", steady_checkpoint, max_entities=3)
    gold = ner_examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_ner")
    docs = [eg.predicted for eg in gold]
    output, _ = pipe.model.layers[0].begin_update(asked(docs, pipe))
    assert output.batch.n_sequences == len(docs)
    alone = numpy.concatenate([pipe.predict([doc])[1] for doc in docs])
    numpy.testing.assert_allclose(pipe.predict(docs)[1], alone, atol=1e-5)


def asked(docs, pipe):
    from spacy_mluke.encoder.inputs import EncoderInput

    spans = pipe.predict(docs)[0]
    return EncoderInput(docs, spans, with_tokens=False, with_all_pieces=True, split_tokens=True, with_entities=False)


def test_a_listener_is_refused():
    with pytest.raises(ValueError, match=r"\[ML206\].*Encoder.v1"):
        build_marker_classifier_v1(build_encoder_listener_v1())
    with pytest.raises(ValueError, match=r"\[ML200\].*Encoder.v1"):
        build_boundary_classifier_v1(build_encoder_listener_v1())


def test_a_published_head_that_reads_entities_is_not_used_for_words(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, model=LukeForEntityPairClassification)
    nlp = words_pipeline("mluke_relations", path)
    with pytest.raises(ValueError, match=r"\[ML075\]"):
        nlp(relation_doc(nlp, "Tokyo is the capital of Japan", (0, 1), (5, 6)))


def test_a_head_that_reads_words_is_not_exported_as_one_that_reads_entities(task, started, tmp_path):
    with pytest.raises(ValueError, match=r"\[ML250\].*words only"):
        export_component(started[0].get_pipe(task), tmp_path / "exported")
