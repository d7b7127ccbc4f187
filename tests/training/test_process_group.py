"""Training with several processes."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import os
import socket
import sys

import numpy
import pytest
import spacy
import torch
from safetensors.numpy import load_file
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.training import process_group as module
from spacy_mluke.training.process_group import ProcessGroup
from tests.conftest import REPO
from tests.pipeline.relation_docs import relation_examples

# Imported by the test that needs it, not by every process that collects tests.
needs_accelerate = pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="no accelerate here")


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.spacy"
    docs = [eg.reference for eg in relation_examples(spacy.blank("xx"))]
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def start(n, folder, config, output, *arguments):
    """Run `spacy_mluke train` in n processes, with the environment that torchrun sets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A fork has imported everything, which takes a new process many seconds. After CUDA was used, it could not train.
    method = "fork" if sys.platform == "linux" and not torch.cuda.is_available() else "spawn"
    context = multiprocessing.get_context(method)
    logs = [folder / f"log-{rank}.txt" for rank in range(n)]
    running = []
    for rank, log in enumerate(logs):
        names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": n, "LOCAL_WORLD_SIZE": n, "MASTER_PORT": port}
        environment = {**{k: str(v) for k, v in names.items()}, "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
        command = ["train", config, str(output), *arguments]
        running.append(context.Process(target=run_command, args=(command, environment, log)))
        running[-1].start()
    for process in running:
        process.join(timeout=240)
    printed = [log.read_text(encoding="utf8") for log in logs if log.exists()]
    assert [process.exitcode for process in running] == [0] * n, printed
    return printed


def run_command(command, environment, log):
    os.environ.update(environment)
    torch.set_num_threads(1)
    result = CliRunner().invoke(app, command)
    log.write_text(result.output, encoding="utf8")
    sys.exit(result.exit_code)


def weights(path):
    found = {}
    for file in sorted(path.rglob("*.safetensors")):
        found.update({f"{file.relative_to(path)}/{key}": value for key, value in load_file(file).items()})
    return found


@needs_accelerate
def test_two_processes_train_the_same_weights_as_one(steady_checkpoint, corpus, tmp_path):
    arguments = [
        *("--paths.checkpoint", str(steady_checkpoint), "--paths.train", str(corpus), "--paths.dev", str(corpus)),
        # Batches of three: the second process gets one example, and none of the last batch.
        *("--training.max_steps", "6", "--training.eval_frequency", "3", "--training.batcher.size", "3"),
        *("--training.dropout", "0.0", "--training.optimizer.learn_rate.warmup_steps", "2"),
        *("--training.optimizer.learn_rate.initial_rate", "0.01", "--save-every", "2"),
        # The gradient of a key bias is zero except for rounding errors, which differ between processors: it must not
        # become a whole step.
        *("--training.optimizer.eps", "1e-3"),
    ]
    config = str(REPO / "configs" / "relations_kbp37.cfg")
    alone = CliRunner().invoke(app, ["train", config, str(tmp_path / "one"), *arguments])
    assert alone.exit_code == 0, alone.output
    importlib.import_module("accelerate")  # before the processes are forked

    first, second = start(2, tmp_path, config, tmp_path / "two", *arguments)
    assert "2 processes" in first and "REL_MICRO_F" in first
    assert "REL_MICRO_F" not in second
    found, wanted = weights(tmp_path / "two" / "model-last"), weights(tmp_path / "one" / "model-last")
    assert found.keys() == wanted.keys() and found
    for name, expected in wanted.items():
        numpy.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=2e-6, err_msg=name)


def test_a_single_process_is_a_group_of_one(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    group = ProcessGroup.join()
    assert group.is_first and group.size == 1
    assert group.shard([1, 2, 3]) == [1, 2, 3]
    assert group.broadcast("value") == "value"
    assert group.all_reduce({"loss": 1.0}) == {"loss": 1.0}
    group.barrier()


def test_each_item_of_a_batch_is_in_one_shard():
    for n_items in range(7):
        shards = [ProcessGroup(rank, 3).shard(range(n_items)) for rank in range(3)]
        assert sorted(item for shard in shards for item in shard) == list(range(n_items))
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_without_accelerate_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ValueError, match="ML256"):
        ProcessGroup.join()


def test_each_parameter_of_a_pipeline_is_found_once(steady_checkpoint):
    nlp = spacy.blank("xx")
    model = {"encoder": {"name": str(steady_checkpoint)}}
    nlp.add_pipe("mluke_relations", config={"model": model})
    nlp.initialize(lambda: relation_examples(nlp))
    parameters = [weights for weights, _ in module._parameters(nlp)]
    addresses = [p.data_ptr() for p in parameters]
    assert len(set(addresses)) == len(addresses)
    from spacy_mluke.encoder.access import load_model
    from spacy_mluke.pipeline.quantize import encoders_of

    n_trained = sum(p.requires_grad for _, p in load_model(next(encoders_of(nlp))).named_parameters())
    assert len(addresses) > n_trained
