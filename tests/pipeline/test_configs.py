"""The shipped configs train."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import DocBin

from tests.conftest import REPO
from tests.pipeline.relation_docs import relation_examples
from tests.pipeline.steps import run_spacy
from tests.pipeline.test_training import examples


def test_the_config_for_three_listeners_trains_evaluates_and_resumes_from_disk(steady_checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    for name in ("train", "dev"):
        DocBin(docs=[eg.reference for eg in examples(nlp)]).to_disk(tmp_path / f"{name}.spacy")
    overrides = {
        "paths.train": str(tmp_path / "train.spacy"),
        "paths.dev": str(tmp_path / "dev.spacy"),
        "components.mluke.model.name": str(steady_checkpoint),
        "training.max_steps": "6",
        "training.eval_frequency": "3",
    }
    arguments = [part for key, value in overrides.items() for part in (f"--{key}", value)]
    config = REPO / "configs" / "tagger_ner_textcat.cfg"
    run_spacy("train", config, "--output", tmp_path / "out", *arguments)
    trained = spacy.load(tmp_path / "out" / "model-last")
    doc = trained("Tokyo is the capital of Japan")
    assert all(token.tag_ for token in doc)
    assert set(doc.cats) == {"MANY", "FEW"}
    printed = run_spacy("evaluate", tmp_path / "out" / "model-last", tmp_path / "dev.spacy")
    assert "TAG" in printed


@pytest.mark.parametrize(
    ("config", "component", "column"),
    [("relations_kbp37", "mluke_relations", "REL_MACRO_F"), ("typing", "mluke_typing", "TYPES_MICRO_F")],
)
def test_the_configs_for_tasks_train_and_evaluate(steady_checkpoint, tmp_path, config, component, column):
    corpus = tmp_path / "corpus.spacy"
    docs = [eg.reference for eg in relation_examples(spacy.blank("xx"))]
    DocBin(docs=docs, store_user_data=True).to_disk(corpus)
    overrides = {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        f"components.{component}.model.encoder.name": str(steady_checkpoint),
        "training.max_steps": "4",
        "training.eval_frequency": "2",
    }
    arguments = [part for key, value in overrides.items() for part in (f"--{key}", value)]
    path = REPO / "configs" / f"{config}.cfg"
    printed = run_spacy("train", path, "--output", tmp_path / "out", *arguments)
    assert column in printed
    assert spacy.load(tmp_path / "out" / "model-last").get_pipe(component).labels
