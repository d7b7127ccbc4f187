"""`evaluate` shows the scores of this package's tasks, which `spacy evaluate` does not."""

from __future__ import annotations

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.cli import app
from tests.pipeline.conftest import steady_checkpoint, tiny_checkpoint  # noqa: F401
from tests.pipeline.relation_docs import relation_examples, task_pipeline


def evaluate(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


@pytest.fixture
def saved(steady_checkpoint, tmp_path):  # noqa: F811
    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=[eg.reference for eg in gold], store_user_data=True).to_disk(tmp_path / "gold.spacy")
    return tmp_path


def test_scores_of_a_task_are_shown_and_written(saved):
    result = evaluate(saved / "pipeline", saved / "gold.spacy", "--output", saved / "scores.json")
    assert result.exit_code == 0, result.output
    assert "rel_micro_f" in result.output
    assert "with gold entities" in result.output
    assert srsly.read_json(saved / "scores.json")["mluke_relations"]["rel_per_type"]


def test_without_entities_in_the_input_no_relations_are_found(saved):
    evaluate(saved / "pipeline", saved / "gold.spacy", "--predicted-entities", "--output", saved / "scores.json")
    assert srsly.read_json(saved / "scores.json")["mluke_relations"]["rel_micro_f"] == 0.0


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_the_old_name_of_the_option_works_with_a_warning(command, saved, monkeypatch):
    monkeypatch.setattr("spacy_mluke.errors.renamed._warned", set())
    rest = [saved / "run.json", "--task", "relations", "--system", "x", "--lang", "en"] if command == "score" else []
    arguments = map(str, (command, saved / "pipeline", saved / "gold.spacy", *rest, "--own-entities"))
    with pytest.warns(FutureWarning, match="ML125.*--predicted-entities"):
        result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    assert "without gold entities" in result.output or command == "score"


def test_gold_entities_are_not_used_if_an_earlier_component_sets_entities(saved):
    nlp = spacy.load(saved / "pipeline")
    nlp.add_pipe("entity_ruler", first=True)
    nlp.to_disk(saved / "pipeline")
    result = evaluate(saved / "pipeline", saved / "gold.spacy")
    assert "without gold entities" in result.output
