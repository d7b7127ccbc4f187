"""A resumed training reaches the weights of an uninterrupted one."""

from __future__ import annotations

import io
import json
import random
import shlex
import shutil
import warnings

import numpy
import pytest
import spacy
from safetensors import SafetensorError
from safetensors.numpy import load_file
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model, registry
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.storage.manifest import checksum
from spacy_mluke.training.resumable import train, with_private_randomness
from spacy_mluke.training.resume_settings import changed_settings
from spacy_mluke.training.state import FOLDER, find_state, pipeline_path, read_state
from tests.conftest import REPO
from tests.pipeline.relation_docs import relation_examples

STOP_AT = {"step": -1}
SEEN: list = []


@registry.callbacks("spacy-mluke-tests.stop.v1")
def build_stop():
    def before_update(nlp, info):
        SEEN.append(info["step"])
        if info["step"] == STOP_AT["step"]:
            raise KeyboardInterrupt

    return before_update


@pytest.fixture
def corpus(tmp_path):
    return save_corpus(tmp_path)


def save_corpus(folder):
    path = folder / "corpus.spacy"
    docs = [eg.reference for eg in relation_examples(spacy.blank("xx"))]
    for doc in docs:
        for token in doc:
            token.tag_ = "PROPN" if token.ent_type_ else "X"
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def settings(checkpoint, corpus, **others):
    return {
        "paths.checkpoint": str(checkpoint),
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "training.max_steps": 11,
        "training.eval_frequency": 4,
        "training.batcher.size": 2,
        "training.optimizer.learn_rate.warmup_steps": 2,
        "training.optimizer.learn_rate.initial_rate": 0.01,
        "training.before_update": {"@callbacks": "spacy-mluke-tests.stop.v1"},
        **others,
    }


def start(config, output, overrides, *, stop_at=-1, every=3):
    loaded = load_config(REPO / "configs" / f"{config}.cfg", overrides=overrides, interpolate=False)
    return run(init_nlp(loaded), output, stop_at=stop_at, every=every)


def resume_run(config, output, overrides, *, stop_at=-1):
    loaded = load_config(REPO / "configs" / f"{config}.cfg", overrides=overrides, interpolate=False)
    found = find_state(output / FOLDER)
    saved = load_config(pipeline_path(found) / "config.cfg")
    nlp = load_model(pipeline_path(found), config=changed_settings(loaded, saved, found))
    return run(nlp, output, stop_at=stop_at, resume=True)


def run(nlp, output, *, stop_at, every=None, resume=False):
    STOP_AT["step"] = stop_at
    SEEN.clear()
    output.mkdir(exist_ok=True)
    log = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if stop_at < 0:
            train(nlp, output, resume=resume, every=every, stdout=log, stderr=log)
        else:
            with pytest.raises(KeyboardInterrupt):
                train(nlp, output, resume=resume, every=every, stdout=log, stderr=log)
    return log.getvalue()


def weights(path):
    found = {}
    for file in sorted(path.rglob("*.safetensors")):
        found.update({f"{file.relative_to(path)}/{key}": value for key, value in load_file(file).items()})
    for file in sorted(path.rglob("model")):
        found[str(file.relative_to(path))] = numpy.frombuffer(file.read_bytes(), dtype="uint8")
    return found


def assert_same_weights(path, other):
    found, wanted = weights(path), weights(other)
    assert found.keys() == wanted.keys() and found
    for name in wanted:
        numpy.testing.assert_array_equal(found[name], wanted[name], err_msg=name)


@pytest.mark.parametrize("config", ["relations_kbp37", "joint"])
def test_resuming_reaches_the_weights_of_an_uninterrupted_training(tiny_checkpoint, corpus, tmp_path, config):
    # With dropout: random states are restored, too.
    overrides = settings(tiny_checkpoint, corpus)
    whole_log = start(config, tmp_path / "whole", overrides)
    assert not (tmp_path / "whole" / FOLDER).exists()

    start(config, tmp_path / "parts", overrides, stop_at=8)
    assert read_state(find_state(tmp_path / "parts" / FOLDER)).n_steps == 6
    random.seed(123)
    parts_log = resume_run(config, tmp_path / "parts", overrides)
    assert SEEN == [6, 7, 8, 9, 10, 11]
    assert not (tmp_path / "parts" / FOLDER).exists()
    assert_same_weights(tmp_path / "parts" / "model-last", tmp_path / "whole" / "model-last")
    assert_same_weights(tmp_path / "parts" / "model-best", tmp_path / "whole" / "model-best")
    assert parts_log.strip().splitlines()[-1] == whole_log.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def losses_of_a_whole_training(steady_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    overrides = settings(steady_checkpoint, save_corpus(folder), **{"training.eval_frequency": 2})
    return start("relations_kbp37", folder / "out", overrides).strip().splitlines()


# Interrupted between two evaluations, and at one.
@pytest.mark.parametrize(("every", "stop_at", "n_after"), [(3, 8, 3), (1, 7, 2)])
def test_losses_of_each_evaluation_are_those_of_an_uninterrupted_training(
    steady_checkpoint, corpus, losses_of_a_whole_training, tmp_path, every, stop_at, n_after
):
    overrides = settings(steady_checkpoint, corpus, **{"training.eval_frequency": 2})
    whole = losses_of_a_whole_training
    start("relations_kbp37", tmp_path / "parts", overrides, stop_at=stop_at, every=every)
    parts = resume_run("relations_kbp37", tmp_path / "parts", overrides).strip().splitlines()
    assert parts[-n_after:] == whole[-n_after:]
    assert len({line.split()[2] for line in whole[-n_after:]}) == n_after


def test_a_training_can_be_interrupted_twice_with_thincs_own_optimizer(steady_checkpoint, corpus, tmp_path):
    optimizer = {"@optimizers": "Adam.v1", "learn_rate": 0.01, "use_averages": True}
    overrides = {key: value for key, value in settings(steady_checkpoint, corpus).items() if "learn_rate" not in key}
    overrides["training.optimizer"] = optimizer
    start("relations_kbp37", tmp_path / "whole", overrides)
    start("relations_kbp37", tmp_path / "parts", overrides, stop_at=4)
    resume_run("relations_kbp37", tmp_path / "parts", overrides, stop_at=7)
    resume_run("relations_kbp37", tmp_path / "parts", overrides)
    assert_same_weights(tmp_path / "parts" / "model-last", tmp_path / "whole" / "model-last")


def test_an_incomplete_state_is_not_found(steady_checkpoint, corpus, tmp_path):
    start("relations_kbp37", tmp_path / "out", settings(steady_checkpoint, corpus), stop_at=4)
    folder = tmp_path / "out" / FOLDER
    shutil.copytree(folder / "step-3", folder / "step-6")
    (folder / "step-6" / "state.json").unlink()
    assert find_state(folder).name == "step-3"
    assert find_state(tmp_path) is None
    assert not list(folder.rglob("*.pkl"))


def state_of(folder):
    """A state that `find_state` takes."""
    (folder / "step-3" / "pipeline").mkdir(parents=True)
    (folder / "step-3" / "state.json").write_text("{}", encoding="utf8")
    files = {"state.json": checksum(folder / "step-3" / "state.json")}
    return {"folder": "step-3", "files": files}


DAMAGE = {
    "empty": "",
    "cut": '{"folder": "st',
    "list": "[]",
    "nested": "[" * 100_000,
    "number": '{"folder": 3}',
    "elsewhere": '{"folder": "../step-3"}',
    "missing": '{"folder": "step-6"}',
    "another_file": '{"folder": "step-3", "files": {"state.json": "sha256:0"}}',
}


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_that_names_the_last_state_is_named(tmp_path, content):
    good = state_of(tmp_path)
    (tmp_path / "latest.json").write_text(json.dumps(good), encoding="utf8")
    assert find_state(tmp_path) == tmp_path / "step-3"
    (tmp_path / "latest.json").write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML255\].*latest.json"):
        find_state(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"n_steps": "x"}', '{"n_steps": -1, "seed": 0, "every": 1}', "[" * 10**5]
)
def test_a_state_of_wrong_types_is_named(tmp_path, content):
    rest = {"losses": {}, "results": []}
    if content.endswith("1}"):
        content = json.dumps({**json.loads(content), **rest})
    (tmp_path / "state.json").write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML255\]"):
        read_state(tmp_path)


def test_a_full_disk_leaves_models_and_state_unchanged(steady_checkpoint, corpus, tmp_path, monkeypatch):
    overrides = settings(steady_checkpoint, corpus)
    loaded = load_config(REPO / "configs" / "relations_kbp37.cfg", overrides=overrides, interpolate=False)
    out = tmp_path / "out"
    kept = {}

    def full(*args, **options):
        kept.update({name: weights(out / name) for name in ("model-best", "model-last")})
        monkeypatch.setattr("spacy_mluke.checkpoint.reuse.save_encoder", no_space)
        raise SafetensorError("No space left on device")

    monkeypatch.setattr("spacy_mluke.training.state.save_file", full)
    STOP_AT["step"] = -1
    out.mkdir()
    with pytest.raises(ValueError, match=r"\[ML360\]"):
        train(init_nlp(loaded), out, every=5, stdout=io.StringIO(), stderr=io.StringIO())
    assert kept["model-best"]
    for name, wanted in kept.items():
        found = weights(out / name)
        assert all(numpy.array_equal(found[key], wanted[key]) for key in wanted)
    assert find_state(out / FOLDER) is None
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def no_space(*args, **options):
    raise OSError(28, "No space left on device")


def test_a_damaged_state_is_named(steady_checkpoint, corpus, tmp_path):
    overrides = settings(steady_checkpoint, corpus)
    start("relations_kbp37", tmp_path / "out", overrides, stop_at=4)
    (find_state(tmp_path / "out" / FOLDER) / "state.json").write_text("{}", encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML255\]"):
        resume_run("relations_kbp37", tmp_path / "out", overrides)


def test_only_length_paths_and_learning_rate_may_change(steady_checkpoint, corpus, tmp_path):
    overrides = settings(steady_checkpoint, corpus)
    start("relations_kbp37", tmp_path / "out", overrides, stop_at=4)
    with pytest.raises(ValueError, match=r"\[ML254\].*training.batcher.size, training.dropout"):
        resume_run(
            "relations_kbp37", tmp_path / "out", {**overrides, "training.dropout": 0.3, "training.batcher.size": 4}
        )
    moved = corpus.rename(tmp_path / "moved.spacy")
    overrides.update({"paths.train": str(moved), "paths.dev": str(moved), "training.max_steps": 7})
    resume_run("relations_kbp37", tmp_path / "out", overrides)
    assert SEEN == [3, 4, 5, 6, 7]


def test_an_iterator_with_private_randomness_depends_only_on_the_seed():
    def numbers():
        while True:
            yield random.random(), float(numpy.random.random())  # noqa: NPY002

    runs = []
    for noise in (0, 3):
        random.seed(noise)
        items = with_private_randomness(numbers(), 5)
        found = []
        for _ in range(4):
            found.append(next(items))
            for _ in range(noise):
                random.random()
        runs.append(found)
    assert runs[0] == runs[1]
    random.seed(0)
    expected = random.random()
    random.seed(0)
    next(with_private_randomness(numbers(), 5))
    assert random.random() == expected
    assert list(with_private_randomness(iter([1, 2]), 0)) == [1, 2]


def test_the_command_resumes_an_interrupted_training(steady_checkpoint, corpus, tmp_path):
    code = tmp_path / "code.py"
    code.write_text(
        "import spacy\n"
        "@spacy.registry.callbacks('spacy-mluke-tests.fail.v1')\n"
        "def build():\n"
        "    def before_update(nlp, info):\n"
        "        if info['step'] == 4 and not FLAG.exists():\n"
        "            FLAG.touch()\n"
        "            raise KeyboardInterrupt\n"
        "    return before_update\n"
        f"from pathlib import Path\nFLAG = Path({str(tmp_path / 'flag')!r})\n",
        encoding="utf8",
    )
    overrides = settings(steady_checkpoint, corpus)
    overrides["training.before_update"] = {"@callbacks": "spacy-mluke-tests.fail.v1"}
    overrides["training.max_steps"] = 6
    arguments = [part for key, value in overrides.items() for part in (f"--{key}", _as_text(value))]
    config = str(REPO / "configs" / "relations_kbp37.cfg")
    command = ["train", config, str(tmp_path / "out"), "--save-every", "2", "--code", str(code), *arguments]
    runner = CliRunner()
    interrupted = runner.invoke(app, command)
    assert interrupted.exit_code == 130 and "step-4" in interrupted.output.replace("\n", "")
    # A new training would delete this one.
    assert "[ML323]" in runner.invoke(app, command).output
    # The command that resumes it is printed on one line.
    (line,) = [line for line in interrupted.output.splitlines() if line.endswith("--resume")]
    result = runner.invoke(app, shlex.split(line)[shlex.split(line).index("train") :])
    assert result.exit_code == 0, result.output
    assert "step-4" in result.output.replace("\n", "")
    assert spacy.load(tmp_path / "out" / "model-best").get_pipe("mluke_relations").labels


def _as_text(value):
    return json.dumps(value) if isinstance(value, dict) else str(value)
