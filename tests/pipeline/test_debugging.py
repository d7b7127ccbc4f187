"""spaCy's commands that inspect a config: debug data, debug model, assemble."""

from __future__ import annotations

import pytest
import spacy
from spacy.cli.debug_data import debug_data
from spacy.cli.debug_model import debug_model
from spacy.schemas import ConfigSchemaTraining
from spacy.tokens import DocBin, Span
from spacy.util import load_config, load_model_from_config, registry

from tests.conftest import REPO
from tests.pipeline.question_docs import question_examples
from tests.pipeline.relation_docs import relation_examples

CONFIGS = sorted((REPO / "configs").rglob("*.cfg"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_config_gives_an_optimizer_before_variables_are_filled_in(path):
    # debug data and debug model call `nlp.initialize`, which builds the optimizer from its own block.
    config = load_config(path)
    nlp = load_model_from_config(config)
    assert nlp.create_optimizer() is not None
    training = registry.resolve(nlp.config.interpolate()["training"], schema=ConfigSchemaTraining)
    assert training["max_steps"] > 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_steps_of_every_shipped_config_are_those_of_its_schedule(path):
    training = load_config(path, interpolate=True)["training"]
    rate = training["optimizer"]["learn_rate"]
    if isinstance(rate, dict):
        assert training["max_steps"] == rate["total_steps"]


@pytest.fixture
def corpus(tmp_path):
    docs = [eg.reference for eg in (*relation_examples(spacy.blank("xx")), *question_examples(spacy.blank("xx")))]
    for doc in docs:
        doc.ents = [Span(doc, ent.start, ent.end, ent.label_, kb_id=f"Q{ent.start}") for ent in doc.ents]
    path = tmp_path / "corpus.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return str(path)


def overrides(checkpoint, corpus):
    return {"paths.checkpoint": str(checkpoint), "paths.train": corpus, "paths.dev": corpus}


@pytest.mark.parametrize(
    ("config", "component"),
    [
        ("relations_kbp37", "mluke_relations"), ("typing", "mluke_typing"), ("ner_wikineural", "mluke_ner"),
        ("qa_xquad", "mluke_qa"), ("cloze_mlama", "mluke_cloze"), ("tagger_parser_ner", "mluke"),
    ],
)  # fmt: skip
def test_debug_model_shows_every_kind_of_model(steady_checkpoint, corpus, config, component, capsys):
    raw = load_config(REPO / "configs" / f"{config}.cfg", overrides=overrides(steady_checkpoint, corpus))
    if component == "mluke":
        # The other components of this config need other annotation.
        raw["nlp"]["pipeline"] = ["mluke"]
        raw["components"] = {"mluke": raw["components"]["mluke"]}
    nlp = load_model_from_config(raw)
    full = nlp.config.interpolate()
    training = registry.resolve(full["training"], schema=ConfigSchemaTraining)
    debug_model(full, training, nlp, nlp.get_pipe(component))
    assert "Successfully ended analysis" in capsys.readouterr().out


def test_debug_data_reads_a_corpus(steady_checkpoint, corpus, capsys):
    # For a small corpus it prints a warning and exits with 1.
    with pytest.raises(SystemExit):
        debug_data(REPO / "configs" / "typing.cfg", config_overrides=overrides(steady_checkpoint, corpus), silent=False)
    assert "Pipeline can be initialized with data" in capsys.readouterr().out
