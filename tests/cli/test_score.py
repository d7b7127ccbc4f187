"""`score` writes a run of a pipeline."""

from __future__ import annotations

import spacy
import srsly
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.report.predict import read_examples
from spacy_mluke.report.run import read_run
from spacy_mluke.training.kbp37 import MarkedSentence, make_docs
from tests.cli.test_evaluate import saved  # noqa: F401
from tests.pipeline.conftest import steady_checkpoint, tiny_checkpoint  # noqa: F401
from tests.pipeline.question_docs import question_examples, question_pipeline


def score(*arguments):
    return CliRunner().invoke(app, ["score", *map(str, arguments)])


def test_a_pipeline_that_needs_entities_is_scored_with_the_gold_entities(saved):  # noqa: F811
    output = saved / "runs" / "de.json"
    result = score(
        saved / "pipeline",
        saved / "gold.spacy",
        output,
        "-t",
        "relations",
        "--system",
        "mLUKE-E",
        "-l",
        "de",
        "--seed",
        3,
    )
    assert result.exit_code == 0, result.output
    run = read_run(output)
    assert (run.task, run.system, run.lang, run.seed) == ("relations", "mLUKE-E", "de", 3)
    assert run.data["documents"] == 5 and run.data["name"] == "gold"
    assert run.about["components"] == ["mluke_relations"] and run.about["checkpoints"]
    evaluated = saved / "scores.json"
    CliRunner().invoke(app, ["evaluate", str(saved / "pipeline"), str(saved / "gold.spacy"), "-o", str(evaluated)])
    expected = srsly.read_json(evaluated)["mluke_relations"]["rel_micro_f"]
    assert abs(run.metrics["micro_f1"]["value"] - expected) < 1e-9


def test_gold_tokens_keep_entities_that_do_not_match_the_pipelines_tokens(saved):  # noqa: F811
    nlp = spacy.blank("xx")
    (doc,) = make_docs(nlp, [MarkedSentence("Anna aime l'Inde", (0, 4), (12, 16), "home")], keep_missed=True)
    DocBin(docs=[doc], store_user_data=True).to_disk(saved / "fr.spacy")
    loaded = spacy.load(saved / "pipeline")
    (bare,) = read_examples(loaded, saved / "fr.spacy")
    (given,) = read_examples(loaded, saved / "fr.spacy", gold_tokens=True)
    assert [ent.text for ent in bare.predicted.ents] != ["Anna", "Inde"]
    assert [ent.text for ent in given.predicted.ents] == ["Anna", "Inde"] and not given.predicted._.mluke_relations


def test_questions_of_the_reference_are_answered(steady_checkpoint, tmp_path):  # noqa: F811
    nlp = question_pipeline(steady_checkpoint)
    gold = question_examples(nlp)
    nlp.initialize(lambda: gold)
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=[eg.reference for eg in gold], store_user_data=True).to_disk(tmp_path / "gold.spacy")
    result = score(
        tmp_path / "pipeline", tmp_path / "gold.spacy", tmp_path / "en.json", "-t", "qa", "--system", "x", "-l", "en"
    )
    assert result.exit_code == 0, result.output
    assert len(read_run(tmp_path / "en.json").mistakes) > 0


def test_the_error_for_an_unknown_task_lists_the_known_ones(saved):  # noqa: F811
    result = score(saved / "pipeline", saved / "gold.spacy", saved / "x.json", "-t", "nre", "--system", "x", "-l", "en")
    assert result.exit_code == 1 and "[ML070]" in result.output and "ner" in result.output
