"""Building encoders: options, their defaults and their old names."""

from __future__ import annotations

import inspect
import multiprocessing

import numpy
import pytest
import spacy
import torch

from spacy_mluke.encoder.access import encoder_settings, is_encoder, is_loaded, load_model
from spacy_mluke.encoder.layer import unloaded_copy
from spacy_mluke.encoder.listener import build_encoder_listener_v1
from spacy_mluke.encoder.model import RENAMED, build_encoder_v1, encoder_config
from spacy_mluke.errors import renamed
from tests.checkpoint.checkpoints import make_checkpoint


@pytest.fixture(scope="module")
def path(tmp_path_factory, tiny_sentencepiece):
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint"), tiny_sentencepiece)


def test_the_defaults_of_components_are_those_of_the_architecture():
    parameters = inspect.signature(build_encoder_v1).parameters
    config = encoder_config()
    assert config.pop("@architectures") == "spacy-mluke.Encoder.v1"
    assert set(config) == set(parameters) - set(RENAMED)
    nlp = spacy.blank("xx")
    for factory in ("mluke", "mluke_ner", "mluke_qa"):
        nlp.add_pipe(factory)
        model = nlp.config["components"][factory]["model"]
        model = model if factory == "mluke" else model["encoder"]
        assert {name: model[name] for name in config} == config


def test_settings_are_the_arguments_and_a_copy():
    model = build_encoder_v1(window=64, frozen=["embeddings"], max_batch_items=9)
    settings = encoder_settings(model)
    assert set(settings) == set(encoder_config()) - {"@architectures"}
    assert (settings["window"], settings["frozen"], settings["max_batch_items"]) == (64, ["embeddings"], 9)
    settings["frozen"].append("all")
    assert encoder_settings(model)["frozen"] == ["embeddings"]


def test_the_old_name_of_an_option_works_with_one_warning(monkeypatch):
    monkeypatch.setattr(renamed, "_warned", set())
    with pytest.warns(FutureWarning, match=r"\[ML125\].*batch_rows.*max_batch_items") as said:
        first = build_encoder_v1(batch_rows=7)
        second = build_encoder_v1(batch_rows=8)
    assert len(said) == 1
    assert [encoder_settings(model)["max_batch_items"] for model in (first, second)] == [7, 8]
    with pytest.raises(ValueError, match=r"\[ML071\].*max_batch_items"):
        build_encoder_v1(batch_rows=0)


def test_a_checkpoint_is_read_at_the_first_call_only(path):
    model = build_encoder_v1(str(path))
    assert not is_loaded(model) and model.has_dim("nO") is None
    loaded = load_model(model)
    assert is_loaded(model) and model.get_dim("nO") == loaded.config.hidden_size
    assert load_model(model) is loaded


def test_only_an_encoder_itself_is_one(path):
    assert is_encoder(build_encoder_v1(str(path)))
    assert not is_encoder(build_encoder_listener_v1())


def test_an_unloaded_copy_reads_the_checkpoint_of_the_config(path):
    model = build_encoder_v1(str(path), window=40)
    weight = load_model(model).network.encoder.layer[0].attention.self.query.weight
    weight.data += 1
    copy = unloaded_copy(model)
    assert not is_loaded(copy) and encoder_settings(copy) == encoder_settings(model)
    other = load_model(copy).network.encoder.layer[0].attention.self.query.weight
    numpy.testing.assert_allclose((weight - other).detach(), 1, atol=1e-5)


def send_threads(model, sender):
    load_model(model)
    sender.send(torch.get_num_threads())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_an_encoder_that_a_forked_process_reads_uses_one_thread(path):
    model = build_encoder_v1(str(path))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=send_threads, args=(model, sender), daemon=True)
        process.start()
        # OpenMP's threads, if there were any, are not in the new process: with two threads it could wait forever.
        assert receiver.poll(120) and receiver.recv() == 1
        process.kill()
        process.join()
    finally:
        torch.set_num_threads(before)
