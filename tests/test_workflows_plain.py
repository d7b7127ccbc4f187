"""Training the reference's relation classifier in a plain PyTorch loop."""

from __future__ import annotations

import json

import pytest
import spacy
import torch

from scripts.workflows import convert, evaluate, plain
from scripts.workflows import train as workflow
from scripts.workflows.sample import make_sample
from scripts.workflows.tasks import TASKS
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.report.predict import predict_run
from tests.pipeline.conftest import save_tiny_checkpoint

STEPS, EVERY = 6, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_sentencepiece):
    folder = tmp_path_factory.mktemp("plain")
    save_tiny_checkpoint(folder / "tiny", tiny_sentencepiece)
    make_sample(folder / "nowhere", folder / "data", n=16)
    convert.main("relations", folder / "data", folder / "corpus", limit=6, train_limit=12, relations="")
    return folder


def train(folder, name, steps=STEPS):
    workflow.main(
        "relations",
        "plain",
        folder / "corpus",
        folder / name / "training",
        encoder=str(folder / "tiny"),
        seed=1,
        steps=steps,
        eval_frequency=EVERY,
        gpu_id=-1,
        mixed_precision="false",
    )
    path = folder / name / "training" / "plain-1"
    curve = (path / "curve.jsonl").read_text(encoding="utf8")
    return path, [json.loads(line) for line in curve.splitlines()]


@pytest.fixture(scope="module")
def trained(folder):
    return train(folder, "whole")


def test_it_writes_only_a_pipeline_and_a_learning_curve(trained):
    path, _ = trained
    assert {own.name for own in path.iterdir()} == {"model-best", "curve.jsonl"}


def test_the_config_of_the_pipeline_names_the_checkpoint_that_training_started_from(folder, trained):
    path, _ = trained
    encoder = spacy.load(path / "model-best").config["components"]["mluke_relations"]["model"]["encoder"]
    assert encoder["name"] == str(folder / "tiny")


def test_the_written_pipeline_predicts_as_the_reference_does(folder, monkeypatch):
    save, write, kept = plain.PlainLoop.save, plain.write_pipeline, []

    def save_varied(self, path):
        # After a few steps, all labels would have nearly the same score.
        torch.manual_seed(0)
        torch.nn.init.normal_(self.model.classifier.weight)
        save(self, path)

    def write_and_keep(checkpoint, path, encoder):
        kept.append(plain_scores(checkpoint, folder))
        write(checkpoint, path, encoder)

    monkeypatch.setattr(plain.PlainLoop, "save", save_varied)
    monkeypatch.setattr(plain, "write_pipeline", write_and_keep)
    path, _ = train(folder, "varied")
    nlp = spacy.load(path / "model-best")
    docs = evaluate.read_docs(folder / "corpus" / "dev.spacy", nlp)
    (found,) = zip(*(get_relations(nlp(doc)) for doc in docs), strict=True)
    labels, scores = kept[0]
    assert [relation.label for relation in found] == labels
    assert [relation.score for relation in found] == pytest.approx(scores, abs=1e-5)
    assert max(scores) - min(scores) > 1e-4


def plain_scores(checkpoint, folder):
    docs = evaluate.read_docs(folder / "corpus" / "dev.spacy")
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf8"))
    loop = plain.PlainLoop(checkpoint, list(config["id2label"].values()), plain.read_settings(STEPS))
    with torch.no_grad():
        scores = loop.model.eval()(**loop.read(docs)).logits.softmax(1).amax(1)
    return loop.predict(docs), scores.tolist()


def test_a_resumed_training_ends_with_the_scores_and_weights_of_an_uninterrupted_one(folder, trained, monkeypatch):
    update, taken = plain.PlainLoop.update, []

    def stop(self, docs, step):
        if step == EVERY + 1 and not taken:
            taken.append(step)
            raise KeyboardInterrupt
        return update(self, docs, step)

    monkeypatch.setattr(plain.PlainLoop, "update", stop)
    with pytest.raises(KeyboardInterrupt):
        train(folder, "interrupted")
    path, curve = train(folder, "interrupted")
    whole, whole_curve = trained
    assert curve == whole_curve and len(curve) == STEPS // EVERY
    options = {"task": "relations", "system": "x", "lang": "en", "n_samples": 1, "gold_tokens": True}
    runs = [
        predict_run(spacy.load(own / "model-best"), folder / "corpus" / "test" / "en.spacy", **options)
        for own in (path, whole)
    ]
    assert runs[0].metrics == runs[1].metrics


def test_an_interrupted_training_with_other_settings_restarts_with_a_warning(folder, monkeypatch, capsys):
    update = plain.PlainLoop.update

    def stop(self, docs, step):
        if step == EVERY + 1:
            raise KeyboardInterrupt
        return update(self, docs, step)

    with monkeypatch.context() as patch:
        patch.setattr(plain.PlainLoop, "update", stop)
        with pytest.raises(KeyboardInterrupt):
            train(folder, "longer", steps=9)
    train(folder, "longer")
    assert "restarts" in capsys.readouterr().out


def test_the_learning_rate_warms_up_and_decays_to_zero():
    settings = plain.read_settings(1500)
    assert settings.rate_at(0) == settings.rate_at(1500) == 0.0
    assert settings.rate_at(settings.warmup) == settings.rate
    assert settings.rate_at(75) == settings.rate_at(825) == settings.rate / 2


def test_every_sentence_is_drawn_once_an_epoch_and_batches_can_be_skipped():
    batches = plain.draw_batches(10, 4, seed=0)
    drawn = [next(batches) for _ in range(5)]
    assert sorted(i for batch in drawn for i in batch) == sorted([*range(10), *range(10)])
    assert next(plain.draw_batches(10, 4, seed=0, first=3)) == drawn[3]


def test_one_system_can_be_scored_alone(folder, trained):
    whole = folder / "whole"
    options = {"seed": 1, "samples": 2, "gpu_id": -1}
    evaluate.main("relations", folder / "corpus", whole / "training", whole / "scored", only="plain", **options)
    assert [own.name for own in (whole / "scored").iterdir()] == ["plain-1"]
    assert {own.stem for own in (whole / "scored" / "plain-1").iterdir()} == {*TASKS["relations"].langs, "curve"}
