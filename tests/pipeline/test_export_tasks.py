"""Components for named entities, answers and masks survive export and import."""

from __future__ import annotations

import numpy
import pytest
import transformers
from transformers import LukeForMaskedLM

from spacy_mluke.pipeline.export import export_component
from tests.checkpoint.checkpoints import make_checkpoint
from tests.pipeline.cloze_docs import cloze_pipeline
from tests.pipeline.ner_docs import ner_examples, ner_pipeline
from tests.pipeline.question_docs import question_examples, question_pipeline


def opened(kind, path):
    """Load the reference's model, and check that all its weights are in the directory."""
    network, info = getattr(transformers, kind).from_pretrained(path, output_loading_info=True)
    # Some of the reference's classes have a pooler, which is not used.
    odd = [name for key in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in info[key]]
    assert not [name for name in odd if "pooler" not in name]
    return network


@pytest.mark.parametrize(
    ("make", "examples", "name"),
    [(ner_pipeline, ner_examples, "mluke_ner"), (question_pipeline, question_examples, "mluke_qa")],
    ids=["ner", "qa"],
)
def test_a_trained_head_survives_export_and_import(steady_checkpoint, tmp_path, make, examples, name):
    nlp = make(steady_checkpoint)
    gold = examples(nlp)
    optimizer = nlp.initialize(lambda: gold)
    optimizer.learn_rate = 0.01
    nlp.update(gold, sgd=optimizer)
    pipe = nlp.get_pipe(name)
    kind = export_component(pipe, tmp_path / "exported")
    network = opened(kind, tmp_path / "exported")
    for key, weights in pipe.head_tensors().items():
        numpy.testing.assert_array_equal(network.state_dict()[key].numpy(), weights)
    other = make(tmp_path / "exported").get_pipe(name)
    other.load()
    assert other.labels == pipe.labels
    docs = [eg.predicted for eg in gold]
    found, wanted = other.predict(docs), pipe.predict(docs)
    if name == "mluke_ner":
        assert other.classes == pipe.classes
        numpy.testing.assert_allclose(found[1], wanted[1], atol=1e-5)
        assert list(network.config.id2label.values()) == list(pipe.classes)
        return
    other.set_annotations(docs, found)
    answers = [[(answer.chars, answer.score) for answer in own] for doc in docs for own in doc._.mluke_answers]
    pipe.set_annotations(docs, wanted)
    expected = [[(answer.chars, answer.score) for answer in own] for doc in docs for own in doc._.mluke_answers]
    assert [[chars for chars, _ in own] for own in answers] == [[chars for chars, _ in own] for own in expected]


def test_masked_heads_survive_export_and_import(tmp_path, tiny_sentencepiece):
    entities = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:Tokyo": 4, "en:Paris": 5, "en:Moscow": 6}
    path = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, entities=entities, model=LukeForMaskedLM)
    nlp = cloze_pipeline(path)
    pipe = nlp.get_pipe("mluke_cloze")
    kind = export_component(pipe, tmp_path / "exported")
    assert kind == "LukeForMaskedLM"
    before, after = opened(kind, path).state_dict(), opened(kind, tmp_path / "exported").state_dict()
    assert before.keys() == after.keys()
    for key, weights in before.items():
        numpy.testing.assert_array_equal(after[key].numpy(), weights.numpy(), err_msg=key)
    text = "[MASK] is the capital of Japan"
    again = cloze_pipeline(tmp_path / "exported").get_pipe("mluke_cloze").fill(text)
    assert repr(again) == repr(pipe.fill(text))
