"""`train` never deletes a trained pipeline, prints how to resume, and shows its progress."""

from __future__ import annotations

import io

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_mluke.cli import _progress, app
from spacy_mluke.cli._progress import TrainingBar
from spacy_mluke.training.resumable import train as train_resumably
from spacy_mluke.training.state import FOLDER
from tests.conftest import REPO

TYPING = str(REPO / "configs" / "typing.cfg")


@pytest.fixture
def output(tmp_path, monkeypatch):
    def stop(*arguments, **options):
        raise ValueError("[ML000] begun")

    monkeypatch.setattr("spacy.training.initialize.init_nlp", stop)
    return tmp_path / "out"


def train(output, *options):
    result = CliRunner().invoke(app, ["train", TYPING, str(output), *options])
    assert result.exit_code == 1, repr(result.exception)
    return " ".join(result.output.split())


@pytest.mark.parametrize("name", ["model-best", "model-last"])
@pytest.mark.parametrize("options", [(), ("--resume",)], ids=["anew", "resume"])
def test_a_finished_training_is_replaced_only_with_the_force_option(output, name, options):
    (output / name).mkdir(parents=True)
    (output / name / "meta.json").write_text("{}", encoding="utf8")
    text = train(output, *options)
    assert "[ML323]" in text and "--force" in text and name in text
    assert (output / name / "meta.json").read_text(encoding="utf8") == "{}"
    assert "begun" in train(output, "--force", *options)


def test_an_interrupted_training_is_resumed_or_replaced_only_with_an_option(output):
    (output / FOLDER).mkdir(parents=True)
    assert "--resume" in train(output)
    # Without a state, the training starts again.
    assert "begun" in train(output, "--resume")
    assert "begun" in train(output, "--force")


@pytest.mark.parametrize(
    ("setting", "meant"), [("--training.max_stepz", "training.max_steps"), ("--paths.trian", "paths.train")]
)
def test_a_setting_that_the_config_does_not_have_is_an_error(output, setting, meant):
    text = train(output, setting, "5")
    assert "[ML412]" in text and f"Did you mean '{meant}'?" in text
    assert not output.exists()


def test_settings_of_the_config_and_defaults_of_spacy_can_be_overridden(output):
    settings = ("--training.score_weights", "{}", "--paths.train", "x", "--components.mluke_typing.new", "1")
    assert "begun" in train(output, *settings)


def test_the_output_folder_may_contain_other_files(output):
    output.mkdir()
    (output / "notes.txt").write_text("x", encoding="utf8")
    assert "begun" in train(output)
    assert (output / "notes.txt").exists()


class Bar:
    """Records the calls of tqdm."""

    def __init__(self, calls, total, desc, disable, leave):
        assert disable is None and not leave  # only where a terminal is there to see it
        self.calls = calls
        calls.append((desc, total))

    def update(self):
        self.calls.append("+")

    def set_description(self, text):
        self.calls.append(text)

    def close(self):
        self.calls.append("closed")


@pytest.fixture
def calls(monkeypatch):
    found: list = []
    monkeypatch.setattr(_progress, "tqdm", lambda **options: Bar(found, **options))
    return found


def pipeline(**training):
    nlp = spacy.blank("xx")
    nlp.config["training"].update({"max_steps": 6, "eval_frequency": 3, **training})
    return nlp


def test_the_bar_shows_the_steps_to_the_next_evaluation(calls):
    with TrainingBar(pipeline(), is_on=True) as bar:
        for what, step in [("evaluation", 1), ("log", 1), ("step", 2), ("step", 3), ("evaluation", 4), ("log", 4)]:
            bar.show(what, step)
        bar.show("step", 5)
    assert calls == [
        ("Steps to 0 of 6", 1), "+", "Evaluating", "closed",
        ("Steps to 3 of 6", 3), "+", "+", "+", "Evaluating", "closed",
        ("Steps to 6 of 6", 3), "+", "closed",
    ]  # fmt: skip


@pytest.mark.parametrize("is_on", [True, False])
def test_the_bar_is_off_with_a_bar_of_the_logger_and_in_other_processes(calls, is_on):
    logger = {"@loggers": "spacy.ConsoleLogger.v1", "progress_bar": is_on}
    with TrainingBar(pipeline(logger=logger), is_on=is_on) as bar:
        bar.show("step", 1)
    assert calls == []


def test_a_training_reports_its_steps_and_evaluations(tmp_path):
    nlp = pipeline()
    nlp.add_pipe("tagger")
    docs = [Doc(nlp.vocab, words=["a", "b"], tags=["A", "B"])] * 2
    DocBin(docs=docs).to_disk(tmp_path / "corpus.spacy")
    for corpus in nlp.config["corpora"].values():
        corpus["path"] = str(tmp_path / "corpus.spacy")
    nlp.initialize(lambda: [spacy.training.Example(doc.copy(), doc) for doc in docs])
    found: list = []
    (tmp_path / "out").mkdir()
    log = io.StringIO()
    train_resumably(nlp, tmp_path / "out", progress=lambda *calls: found.append(calls), stdout=log, stderr=log)
    assert found == [
        ("evaluation", 1), ("log", 1), ("step", 2), ("step", 3), ("evaluation", 4), ("log", 4),
        ("step", 5), ("step", 6), ("evaluation", 7), ("log", 7),
    ]  # fmt: skip
