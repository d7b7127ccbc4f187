"""The shipped configs for question answering train."""

from __future__ import annotations

import json

import pytest
import spacy
from transformers import LukeForQuestionAnswering

from spacy_mluke.pipeline.export import export_component
from tests.conftest import REPO
from tests.pipeline.question_docs import TEXTS, answers, question_examples, question_pipeline
from tests.pipeline.steps import run_spacy


@pytest.mark.parametrize("config", ["qa_xquad", "qa_paper"])
def test_the_configs_train_and_the_result_can_be_evaluated(steady_checkpoint, tmp_path, config):
    corpus = tmp_path / "squad.json"
    corpus.write_text(json.dumps({"data": [{"paragraphs": [paragraph(*text) for text in TEXTS]}]}), encoding="utf8")
    overrides = {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.checkpoint": str(steady_checkpoint),
        "training.max_steps": "2",
        "training.eval_frequency": "1",
        "training.optimizer.learn_rate.warmup_steps": "1",
    }
    arguments = [part for key, value in overrides.items() for part in (f"--{key}", value)]
    path = REPO / "configs" / f"{config}.cfg"
    printed = run_spacy("train", path, "--output", tmp_path / "out", *arguments)
    assert "QA_EM" in printed and "QA_F1" in printed
    nlp = spacy.load(tmp_path / "out" / "model-last")
    scores = nlp.evaluate(question_examples(nlp))
    assert scores["qa_f1"] is not None


def paragraph(text, questions):
    qas = [
        {"question": question, "answers": [{"text": answer, "answer_start": text.index(answer)}] if answer else []}
        for question, answer in questions
    ]
    return {"context": text, "qas": qas}


def test_a_trained_component_survives_export_and_import(steady_checkpoint, tmp_path):
    nlp = question_pipeline(steady_checkpoint, null_threshold=None)
    gold = question_examples(nlp)
    nlp.initialize(lambda: gold)
    export_component(nlp.get_pipe("mluke_qa"), tmp_path / "exported")
    network = LukeForQuestionAnswering.from_pretrained(tmp_path / "exported")
    head = nlp.get_pipe("mluke_qa").head_tensors()["qa_outputs.weight"]
    assert (network.qa_outputs.weight.detach().numpy() == head).all()
    back = question_pipeline(tmp_path / "exported", null_threshold=None)
    docs, others = ([eg.predicted for eg in question_examples(pipeline)] for pipeline in (nlp, back))
    assert [answers(doc) for doc in nlp.pipe(docs)] == [answers(doc) for doc in back.pipe(others)]
