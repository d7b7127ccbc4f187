"""Trainings of tiny models: what they write, and how they are resumed."""

from __future__ import annotations

import argparse
import json
import shutil

import pytest
import spacy
import torch
from safetensors.torch import load_file

from scripts.fuzzing.tiny import save_checkpoint
from scripts.xx_mluke_small import training_loop
from scripts.xx_mluke_small.training_loop import Budget, rate_factor
from spacy_mluke.encoder.access import load_model
from spacy_mluke.training.state import FOLDER, find_state


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory):
    return save_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session", params=["names and relations", "questions"])
def trained(request, tiny_root, tiny_checkpoint, tmp_path_factory):
    """A module, a folder with what it has trained, and how it was called."""
    module = import_training(request.param)
    folder = tmp_path_factory.mktemp("trained")
    options = [str(tiny_root), str(folder), "--checkpoint", str(tiny_checkpoint), "--frozen", ""]
    module.main([*options, "--steps", "6"])
    return module, folder, options


def import_training(task):
    if task == "questions":
        from scripts.xx_mluke_small import train_questions

        return train_questions
    pytest.importorskip("spacy_mluke.network.pair_features")
    from scripts.xx_mluke_small import train_names_and_relations

    return train_names_and_relations


def weights_of(folder):
    nlp = spacy.load(folder / "pipeline")
    (pipe,) = (pipe for _, pipe in nlp.pipeline)
    found = {"head": torch.from_numpy(pipe.model.get_ref("linear").get_param("W"))}
    found.update(load_model(pipe.model.get_ref("encoder")).network.state_dict())
    if (folder / "relations.safetensors").exists():
        found.update(load_file(folder / "relations.safetensors"))
    return found


def test_a_training_writes_a_pipeline(trained):
    module, folder, _ = trained
    assert spacy.load(folder / "pipeline").pipe_names == [module.NAME]
    assert not (folder / FOLDER).exists()


def test_a_resumed_training_gives_the_same_weights(trained, tmp_path, monkeypatch):
    module, folder, options = trained
    options = [options[0], str(tmp_path), *options[2:], "--steps", "6", "--resume", "--save-every", "0"]
    save_state = training_loop.save_state

    def save_and_stop(path, nlp, optimizer, state, **kwargs):
        save_state(path, nlp, optimizer, state, **kwargs)
        if state.n_steps == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(training_loop, "save_state", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        module.main(options)
    assert find_state(tmp_path / FOLDER) is not None
    module.main(options)
    expected, found = weights_of(folder), weights_of(tmp_path)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, msg=name)


def test_a_training_can_start_from_the_weights_of_an_earlier_one(trained, tmp_path):
    module, folder, options = trained
    module.main([options[0], str(tmp_path), *options[2:], "--steps", "0", "--start", str(folder)])
    expected, found = weights_of(folder), weights_of(tmp_path)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, msg=name)


def test_an_earlier_training_with_another_tokenizer_is_refused(trained, tmp_path):
    module, folder, options = trained
    if module.NAME != "mluke_ner":
        pytest.skip("the tokenizer is spaCy's")
    shutil.copytree(folder, tmp_path / "earlier")
    config = tmp_path / "earlier" / "pipeline" / "config.cfg"
    config.write_text(config.read_text(encoding="utf8").replace("split_particles = true", "split_particles = false"))
    with pytest.raises(ValueError, match="another tokenizer"):
        module.main([options[0], str(tmp_path), *options[2:], "--steps", "0", "--start", str(tmp_path / "earlier")])


def test_an_earlier_training_on_other_relations_is_refused(trained, tmp_path):
    module, folder, options = trained
    if module.NAME != "mluke_ner":
        pytest.skip("no relations")
    shutil.copytree(folder, tmp_path / "earlier")
    about = json.loads((folder / "relations.json").read_text(encoding="utf8"))
    (tmp_path / "earlier" / "relations.json").write_text(json.dumps({**about, "labels": ["P1"]}), encoding="utf8")
    with pytest.raises(ValueError, match="other relations"):
        module.main([options[0], str(tmp_path), *options[2:], "--steps", "0", "--start", str(tmp_path / "earlier")])


def test_trainings_are_averaged(trained, tmp_path):
    module, folder, options = trained
    from scripts.xx_mluke_small import average

    later, found = tmp_path / "later", tmp_path / "average"
    module.main([options[0], str(later), *options[2:], "--steps", "2", "--start", str(folder)])
    average.main([str(folder), str(later), str(found), "--weight", "0.25"])
    first, last = weights_of(folder), weights_of(later)
    assert any(not torch.equal(values, last[name]) for name, values in first.items())
    for name, values in weights_of(found).items():
        torch.testing.assert_close(values, 0.75 * first[name] + 0.25 * last[name], msg=name)


def test_labels_of_relations_are_written_with_their_inverses(trained):
    module, folder, _ = trained
    if module.NAME != "mluke_ner":
        pytest.skip("no relations")
    about = json.loads((folder / "relations.json").read_text(encoding="utf8"))
    weights = load_file(folder / "relations.safetensors")
    assert about["labels"] == sorted(about["labels"])
    assert len(weights["output.bias"]) == len(about["labels"])
    assert about["inverses"]["P26"] == "P26" and about["inverses"]["P22"] == "P40"
    assert about["training"]["steps"] == 6


class Counting:
    """A training that counts."""

    def __init__(self, nlp, optimizer=None):
        self.nlp, self.optimizer = nlp, optimizer
        self.drawn = 0
        self.learned = []

    def draw(self):
        self.drawn += 1
        return self.drawn

    def learn(self, batch, factor):
        if batch % 3 == 0:
            return None
        self.learned.append(batch)
        return {"task": 1.0}

    def tensors(self):
        return {}

    def restore(self, tensors):
        pass


def test_skipped_batches_are_no_steps(tmp_path, blank):
    training = Counting(blank)
    given = argparse.Namespace(seed=0, save_every=1e9, output=tmp_path)
    state = training_loop.train(training, Budget(steps=4), given, None)
    assert training.learned == [1, 2, 4, 5]
    assert (state.n_steps, state.extra["drawn"], state.extra["skipped"]) == (4, 5, 1)


def test_a_budget_is_minutes_or_steps():
    assert Budget(steps=10).used(1e9, 5) == 0.5
    assert Budget(minutes=2).used(60, 1000) == 0.5
    assert Budget(minutes=0).used(0, 0) == Budget(steps=0).used(0, 0) == 1.0
    for wrong in ({}, {"minutes": 1, "steps": 1}):
        with pytest.raises(ValueError, match="either"):
            Budget(**wrong)


def test_learning_rates_rise_and_fall():
    assert rate_factor(0, 0.0) == pytest.approx(1 / 80)
    assert rate_factor(500, 0.25) == pytest.approx(0.75)
    assert rate_factor(500, 0.999) == pytest.approx(0.02)


@pytest.mark.parametrize("system", ["words", "tok2vec"])
def test_a_system_to_compare_with_learns_persons_organizations_and_places(system, tiny_root, tiny_checkpoint, tmp_path):
    from scripts.xx_mluke_small import train_baseline

    options = ["--checkpoint", str(tiny_checkpoint), "--frozen", "", "--system", system, "--steps", "2"]
    train_baseline.main([str(tiny_root), str(tmp_path), *options])
    nlp = spacy.load(tmp_path / "pipeline")
    assert {"PER", "LOC"} <= set(nlp.get_pipe(train_baseline.NAME).labels) <= {"PER", "ORG", "LOC"}
    assert json.loads((tmp_path / "training.json").read_text(encoding="utf8"))["system"] == system
