"""Equal encoders of a pipeline are saved once; unchanged encoders keep their checkpoint's files."""

from __future__ import annotations

import json
import shutil

import numpy
import pytest
import spacy

import spacy_mluke
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.reuse import is_same, save_once
from spacy_mluke.checkpoint.save import save_encoder
from spacy_mluke.checkpoint.shared_encoders import POINTER
from tests.pipeline.test_atomic_saving import change, encoder_of, files_of, two_encoders, vector


@pytest.fixture
def saved(tiny_checkpoint, tmp_path):
    """Make a pipeline of two components with the same encoder."""
    nlp = two_encoders(tiny_checkpoint)
    nlp.to_disk(tmp_path / "nlp")
    return nlp, tmp_path / "nlp"


def test_equal_encoders_are_saved_once_and_predict_the_same(saved):
    nlp, path = saved
    assert [file.name for file in (path / "mluke_typing" / "encoder").iterdir()] == [POINTER]
    loaded = spacy.load(path)
    numpy.testing.assert_array_equal(vector(loaded), vector(nlp))
    assert is_same(encoder_of(loaded, "mluke_typing"), path / "mluke" / "encoder")


def test_a_pipeline_with_a_pointer_can_be_moved_saved_again_and_converted_to_bytes(saved, tmp_path):
    nlp, path = saved
    moved = path.rename(tmp_path / "moved")
    loaded = spacy.load(moved)
    spacy_mluke.save(loaded, moved)
    assert (moved / "mluke_typing" / "encoder" / POINTER).is_file()
    again = spacy.load(moved).from_bytes(loaded.to_bytes())
    numpy.testing.assert_array_equal(vector(again), vector(nlp))


def test_encoders_that_differ_are_both_saved(tiny_checkpoint, tmp_path):
    nlp = two_encoders(tiny_checkpoint)
    change(nlp, "mluke_typing")
    nlp.to_disk(tmp_path)
    assert (tmp_path / "mluke_typing" / "encoder" / "model.safetensors").is_file()
    assert is_same(encoder_of(nlp, "mluke_typing"), tmp_path / "mluke_typing" / "encoder")
    assert not is_same(encoder_of(nlp, "mluke_typing"), tmp_path / "mluke" / "encoder")


def test_a_component_that_is_saved_alone_is_complete(saved, tmp_path):
    nlp, _ = saved
    nlp.get_pipe("mluke_typing").to_disk(tmp_path / "alone")
    assert (tmp_path / "alone" / "encoder" / "model.safetensors").is_file()


def test_a_pointer_is_a_checkpoint_to_others(saved):
    found = load_encoder(saved[1] / "mluke_typing" / "encoder")
    assert is_same(found, saved[1] / "mluke" / "encoder")


HOSTILE = {
    "parent": {"component": ".."},
    "absolute": {"component": "/etc"},
    "deep": {"component": "a/b"},
    "itself": {"component": "mluke_typing"},
    "number": {"component": 3},
    "no_files": {"files": {}},
    "outside": {"files": {"../cfg": "sha256:0"}},
    "list": {"files": []},
    "other": {"files": {"config.json": "sha256:0"}},
    "missing": {"files": {"nothing.json": "sha256:0"}},
}


@pytest.mark.parametrize("changed", HOSTILE.values(), ids=HOSTILE)
def test_a_pointer_names_a_component_of_the_same_pipeline_only(saved, changed):
    pointer = saved[1] / "mluke_typing" / "encoder" / POINTER
    content = json.loads(pointer.read_text(encoding="utf8"))
    pointer.write_text(json.dumps({**content, **changed}), encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML365\]"):
        load_encoder(pointer.parent)


def test_a_component_copied_without_its_shared_encoder_is_refused(saved, tmp_path):
    shutil.copytree(saved[1] / "mluke_typing" / "encoder", tmp_path / "x" / "mluke_typing" / "encoder")
    with pytest.raises(ValueError, match=r"\[ML365\].*missing"):
        load_encoder(tmp_path / "x" / "mluke_typing" / "encoder")


def test_an_untouched_encoder_keeps_the_files_of_its_checkpoint(tiny_checkpoint, tmp_path):
    save_encoder(load_encoder(tiny_checkpoint), tmp_path / "own")
    (tmp_path / "own" / "LICENSE").write_text("MIT", encoding="utf8")
    # Another writer may order the tensors differently.
    config = tmp_path / "own" / "config.json"
    config.write_text(config.read_text(encoding="utf8") + "\n\n", encoding="utf8")
    loaded = load_encoder(tmp_path / "own")
    save_once(loaded, tmp_path / "copy")
    assert files_of(tmp_path / "copy") == files_of(tmp_path / "own")
    next(loaded.network.parameters()).data.view(-1)[0] += 1
    save_once(loaded, tmp_path / "changed")
    assert "LICENSE" not in files_of(tmp_path / "changed")
    assert is_same(loaded, tmp_path / "changed")


def test_an_encoder_whose_checkpoint_is_missing_or_changed_is_written(tiny_checkpoint, steady_checkpoint, tmp_path):
    save_encoder(load_encoder(tiny_checkpoint), tmp_path / "own")
    loaded = load_encoder(tmp_path / "own")
    shutil.rmtree(tmp_path / "own")
    save_once(loaded, tmp_path / "copy")
    save_encoder(load_encoder(steady_checkpoint), tmp_path / "own")
    save_once(loaded, tmp_path / "again")
    assert files_of(tmp_path / "copy") == files_of(tmp_path / "again")
    assert is_same(loaded, tmp_path / "copy") and not is_same(loaded, tmp_path / "own")
