"""`pretrain` pretrains an encoder on entities, and writes a checkpoint that components can use."""

from __future__ import annotations

import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.cli import app
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.pipeline.pretraining.component import EntityPretrainer
from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module
from tests.conftest import REPO
from tests.pipeline.conftest import steady_checkpoint, tiny_checkpoint  # noqa: F401


@pytest.fixture
def corpus(tmp_path):
    nlp = spacy.blank("xx")
    doc = Doc(nlp.vocab, words=["Tokyo", "is", "in", "Japan"])
    doc.ents = [Span(doc, 0, 1, "CITY", kb_id="Q1490"), Span(doc, 3, 4, "COUNTRY", kb_id="Q17")]
    DocBin(docs=[doc] * 4).to_disk(tmp_path / "train.spacy")
    build_store([StoreRow("Q64", "de", "Berlin", "CITY")], tmp_path / "entities.sqlite")
    return tmp_path


def pretrain(corpus, checkpoint, *options, steps=4):
    arguments = [
        REPO / "configs" / "pretraining.cfg", corpus / "train.spacy", corpus / "out", "--paths.checkpoint", checkpoint,
        "--paths.dev", corpus / "train.spacy", "--training.max_steps", steps, "--training.eval_frequency", 2,
        "--paths.curve", corpus / "curve.jsonl", *options,
    ]  # fmt: skip
    return CliRunner().invoke(app, ["pretrain", *map(str, arguments)])


def test_the_checkpoint_has_the_entities_of_store_and_corpus(corpus, steady_checkpoint):  # noqa: F811
    result = pretrain(corpus, steady_checkpoint, "--paths.store", corpus / "entities.sqlite")
    assert result.exit_code == 0, result.output
    loaded = load_encoder(corpus / "out" / "checkpoint")
    assert {"Q1490", "Q17", "Q64", "de:Berlin"} <= {name for i in range(20) for name in loaded.entities.names(i)}
    assert loaded.heads.entity_predictions is not None
    curve = [json.loads(line) for line in (corpus / "curve.jsonl").read_text().splitlines()]
    assert [point["step"] for point in curve] == [0, 2, 4][: len(curve)]


def test_a_component_can_use_the_checkpoint(corpus, steady_checkpoint):  # noqa: F811
    result = pretrain(corpus, steady_checkpoint)
    assert result.exit_code == 0, result.output
    nlp = spacy.blank("xx")
    cloze = nlp.add_pipe("mluke_cloze", config={"model": {"encoder": {"name": str(corpus / "out" / "checkpoint")}}})
    (fillers,) = cloze.fill("[MASK] is in Japan", candidates=["Q1490", "Q17"])
    assert {filler.kb_id for filler in fillers} == {"Q1490", "Q17"}


def test_an_interrupted_run_resumes_although_older_states_are_deleted(corpus, steady_checkpoint, monkeypatch):  # noqa: F811
    # Large vocabularies are databases, which are opened at the first look-up.
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    original = EntityPretrainer.learn

    def fail_once(self, examples, drop):
        if self.cfg["n_steps"] == 3:
            raise KeyboardInterrupt
        return original(self, examples, drop)

    monkeypatch.setattr(EntityPretrainer, "learn", fail_once)
    assert pretrain(corpus, steady_checkpoint, "--save-every", 1, steps=8).exit_code != 0
    monkeypatch.setattr(EntityPretrainer, "learn", original)
    result = pretrain(corpus, steady_checkpoint, "--save-every", 1, "--resume", steps=8)
    assert result.exit_code == 0, result.output
    assert "step-3" in result.output.replace("\n", "")
    assert load_encoder(corpus / "out" / "checkpoint").entities["Q17"]
