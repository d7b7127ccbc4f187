"""Pipelines to disk, bytes, packages, processes and threads."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import spacy
from spacy.cli.package import package

from spacy_mluke.bulk import preload
from tests.pipeline.apart import pipe_after_threads
from tests.pipeline.conftest import assert_same_states, capital_docs, make_pipeline
from tests.pipeline.link_docs import link_store


def assert_same_pipelines(nlp, other):
    for doc, twin in zip(nlp.pipe(capital_docs(nlp)), other.pipe(capital_docs(other)), strict=True):
        assert_same_states(doc, twin)


def change_weights(nlp):
    """Change the weights, so that the pipeline differs from the checkpoint that its config names."""
    from spacy_mluke.encoder.access import load_model

    model = nlp.get_pipe("mluke").model
    load_model(model)
    for parameter in load_model(model).network.parameters():
        if parameter.requires_grad:
            parameter.data.mul_(1.1)


def test_to_disk_round_trip(tiny_nlp, tmp_path):
    change_weights(tiny_nlp)
    tiny_nlp.to_disk(tmp_path / "nlp")
    assert_same_pipelines(tiny_nlp, spacy.load(tmp_path / "nlp"))


def test_a_saved_pipeline_does_not_need_the_checkpoint_it_was_made_from(tiny_checkpoint, tmp_path):
    import shutil

    shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")
    nlp = make_pipeline(str(tmp_path / "checkpoint"))
    nlp.to_disk(tmp_path / "nlp")
    before = nlp("Tokyo")._.mluke.token_vectors
    shutil.rmtree(tmp_path / "checkpoint")
    numpy.testing.assert_allclose(spacy.load(tmp_path / "nlp")("Tokyo")._.mluke.token_vectors, before, atol=1e-5)


def test_a_saved_pipeline_is_readable_and_contains_no_pickle(tiny_nlp, tmp_path):
    tiny_nlp.to_disk(tmp_path)
    files = {p.name for p in (tmp_path / "mluke" / "encoder").iterdir()}
    assert "config.json" in files
    assert "sentencepiece.bpe.model" in files
    assert any(name.endswith(".safetensors") for name in files)
    assert json.loads((tmp_path / "mluke" / "cfg").read_text(encoding="utf8"))["keep_token_states"] is True
    for path in (tmp_path / "mluke").rglob("*"):
        if path.is_file():
            head = path.read_bytes()[:2]
            assert head not in (b"\x80\x02", b"\x80\x04", b"\x80\x05", b"PK"), path


def test_the_bundled_pipeline_survives_saving(small_nlp, tmp_path):
    small_nlp.to_disk(tmp_path)
    assert_same_pipelines(small_nlp, spacy.load(tmp_path))


def test_to_bytes_round_trip(tiny_nlp, tiny_checkpoint):
    change_weights(tiny_nlp)
    other = make_pipeline(str(tiny_checkpoint)).from_bytes(tiny_nlp.to_bytes())
    assert_same_pipelines(tiny_nlp, other)


def test_to_bytes_of_a_pipeline_that_was_never_used(tiny_nlp, tiny_checkpoint):
    other = make_pipeline(str(tiny_checkpoint)).from_bytes(tiny_nlp.to_bytes())
    assert_same_pipelines(tiny_nlp, other)


def test_components_can_be_pickled(tiny_nlp):
    change_weights(tiny_nlp)
    assert_same_pipelines(tiny_nlp, pickle.loads(pickle.dumps(tiny_nlp)))


def test_components_can_be_copied_deeply(tiny_nlp):
    change_weights(tiny_nlp)
    twin = copy.deepcopy(tiny_nlp)
    assert_same_pipelines(tiny_nlp, twin)
    change_weights(twin)
    first, second = tiny_nlp("Tokyo"), twin("Tokyo")
    assert not numpy.allclose(first._.mluke.token_vectors, second._.mluke.token_vectors, atol=1e-4)


def test_components_can_be_sourced_from_another_pipeline(tiny_nlp):
    change_weights(tiny_nlp)
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", source=tiny_nlp)
    assert_same_pipelines(tiny_nlp, nlp)


def test_pipe_with_two_processes_equals_one(tiny_nlp):
    alone = list(tiny_nlp.pipe(capital_docs(tiny_nlp)))
    parallel = list(tiny_nlp.pipe(capital_docs(tiny_nlp), n_process=2, batch_size=2))
    for doc, other in zip(alone, parallel, strict=True):
        assert doc.text == other.text
        assert_same_states(doc, other)


def test_pipe_with_two_processes_works_after_the_network_has_used_threads(small_nlp, tmp_path):
    # OpenMP's threads do not survive a fork, so a child that used them would wait forever. Tiny matrices use none.
    if not {"fork", "forkserver"} <= set(multiprocessing.get_all_start_methods()):
        pytest.skip("no fork here")
    small_nlp.to_disk(tmp_path / "nlp")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload.__name__])
    process = context.Process(target=pipe_after_threads, args=(tmp_path / "nlp", tmp_path / "shapes.json"))
    process.start()
    process.join(240)
    process.kill()
    n_threads, *shapes = json.loads((tmp_path / "shapes.json").read_text(encoding="utf8"))
    assert n_threads == 2
    assert shapes == [6, 0, 1] * 4


@pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="no forkserver here")
def test_pipe_with_processes_that_are_not_forked_from_this_one_pickles_the_pipeline(tiny_nlp, tmp_path):
    # The automaton of names is not pickled.
    tiny_nlp.add_pipe("mluke_mentions", config={"candidates": {"path": str(link_store(tmp_path).path)}})
    texts = ["Tokyo is the capital of Japan", "", "Paris"] * 4
    before = multiprocessing.get_start_method(allow_none=True)
    # A server that has imported everything, if it is not running yet: two processes that start empty take 13 s.
    multiprocessing.set_forkserver_preload([preload.__name__])
    multiprocessing.set_start_method("forkserver", force=True)
    try:
        docs = list(tiny_nlp.pipe(texts, n_process=2, batch_size=2))
    finally:
        multiprocessing.set_start_method(before, force=True)
    assert [doc._.mluke.token_vectors.shape[0] for doc in docs] == [6, 0, 1] * 4


def test_threads_share_one_pipeline(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint))
    texts = ["Tokyo is the capital of Japan", "Paris", "東京は日本の首都", ""] * 8
    with ThreadPoolExecutor(4) as pool:
        docs = list(pool.map(nlp, texts))
    for doc, text in zip(docs, texts, strict=True):
        assert doc.text == text
        numpy.testing.assert_allclose(doc._.mluke.token_vectors, nlp(text)._.mluke.token_vectors, atol=1e-5)


def test_a_package_of_the_pipeline_can_be_built_installed_and_loaded(tiny_nlp, tmp_path, monkeypatch):
    tiny_nlp.meta["name"] = "tiny_mluke"
    tiny_nlp.to_disk(tmp_path / "nlp")
    # What `spacy package --build sdist` calls.
    package(tmp_path / "nlp", tmp_path, create_sdist=True, require_parent=True)
    archive = next(tmp_path.rglob("*.tar.gz"))
    target = tmp_path / "site"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"),
            *("--target", str(target), str(archive)),
        ],
        check=True,
        capture_output=True,
        timeout=240,
    )
    monkeypatch.syspath_prepend(target)
    assert spacy.load("xx_tiny_mluke")("Tokyo")._.mluke.token_vectors.shape == (1, 16)
