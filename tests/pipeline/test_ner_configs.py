"""The shipped configs for named entities train."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import DocBin

from tests.conftest import REPO
from tests.pipeline.ner_docs import ner_docs
from tests.pipeline.steps import run_spacy


@pytest.mark.parametrize("config", ["ner_wikineural", "ner_paper", "ner_from_ready_made"])
def test_the_configs_for_named_entities_train_and_evaluate(steady_checkpoint, tmp_path, config):
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=ner_docs(spacy.blank("xx"))).to_disk(corpus)
    overrides = {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.checkpoint": str(steady_checkpoint),
        "training.max_steps": "4",
        "training.eval_frequency": "2",
    }
    arguments = [part for key, value in overrides.items() for part in (f"--{key}", value)]
    path = REPO / "configs" / f"{config}.cfg"
    printed = run_spacy("train", path, "--output", tmp_path / "out", *arguments)
    assert "ENTS_F" in printed
    model = tmp_path / "out" / "model-last"
    assert spacy.load(model).get_pipe("mluke_ner").labels == ("LOC", "PER")
    printed = run_spacy("evaluate", model, corpus)
    assert "NER F" in printed
