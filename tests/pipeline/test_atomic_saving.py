"""Pipelines are saved completely or not at all, and incomplete ones are not loaded."""

from __future__ import annotations

import errno
import shutil
import warnings
from pathlib import Path

import numpy
import pytest
import spacy
import torch

import spacy_mluke
from spacy_mluke.encoder.access import load_model
from spacy_mluke.pipeline.base import component_files
from spacy_mluke.storage import folders
from spacy_mluke.storage.folders import replacing_folder
from tests.pipeline.conftest import make_pipeline

TEXT = "Tokyo is the capital of Japan."


class Killed(BaseException):
    """Simulates the end of a process: no handler catches it."""


def two_encoders(checkpoint, **options):
    """Make a pipeline of `mluke` and of a head with its own encoder, from the same checkpoint."""
    nlp = make_pipeline(str(checkpoint))
    nlp.add_pipe("mluke_typing", config={"model": {"encoder": {"name": str(checkpoint)}}, **options})
    nlp.get_pipe("mluke_typing").add_label("city")
    return nlp


def vector(nlp):
    with nlp.select_pipes(enable=["mluke"]):
        return nlp(TEXT)._.mluke.token_vectors


def encoder_of(nlp, name):
    model = nlp.get_pipe(name).model
    encoder = model if name == "mluke" else model.get_ref("encoder")
    load_model(encoder)
    return load_model(encoder)


def change(nlp, name, by=1.1):
    for parameter in encoder_of(nlp, name).network.parameters():
        parameter.data.mul_(by)


def files_of(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.fixture
def pair(tiny_checkpoint, tmp_path):
    """A pipeline and the folder to which it was saved."""
    nlp = two_encoders(tiny_checkpoint)
    spacy_mluke.save(nlp, tmp_path / "nlp")
    return nlp, tmp_path / "nlp"


def test_save_writes_the_files_of_to_disk_and_leaves_nothing_else(pair, tmp_path):
    nlp, path = pair
    nlp.to_disk(tmp_path / "other")
    assert files_of(path) == files_of(tmp_path / "other")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["nlp", "other"]


def test_save_over_a_pipeline_replaces_it_and_keeps_other_files(pair):
    nlp, path = pair
    (path / "README.md").write_text("mine", encoding="utf8")
    (path / "notes").mkdir()
    (path / "notes" / "a.txt").write_text("mine, too", encoding="utf8")
    nlp.remove_pipe("mluke_typing")
    change(nlp, "mluke")
    before = vector(nlp)
    spacy_mluke.save(nlp, path)
    numpy.testing.assert_array_equal(vector(spacy.load(path)), before)
    assert not (path / "mluke_typing").exists()
    assert (path / "README.md").read_text(encoding="utf8") == "mine"
    assert (path / "notes" / "a.txt").read_text(encoding="utf8") == "mine, too"


def test_save_refuses_a_folder_that_is_not_a_pipeline(pair, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"\[ML362\]"):
        spacy_mluke.save(pair[0], tmp_path / "photos")
    with pytest.raises(ValueError, match=r"\[ML360\]"):
        spacy_mluke.save(pair[0], tmp_path / "photos" / "a.jpg" / "nlp")
    assert files_of(tmp_path / "photos") == {"a.jpg": b"x"}


def save_and_die(nlp, path, how, n, monkeypatch):
    """Save until the n-th folder is moved to its place, and end the process there. Return whether it ended."""
    left = [n]

    def dying(original):
        def step(*args, **options):
            if not left[0]:
                raise Killed
            left[0] -= 1
            return original(*args, **options)

        return step

    with monkeypatch.context() as patch:
        for place, name in ((Path, "rename"), (folders, "_exchange")):
            patch.setattr(place, name, dying(getattr(place, name)))
        # A killed process does not clean up.
        patch.setattr(shutil, "rmtree", lambda *args, **options: None)
        try:
            spacy_mluke.save(nlp, path) if how == "save" else nlp.to_disk(path)
        except Killed:
            return True
    return False


@pytest.mark.parametrize("how", ["save", "to_disk"])
def test_after_a_killed_save_the_old_or_the_new_pipeline_loads_or_is_refused(pair, monkeypatch, how, tmp_path):
    nlp, path = pair
    shutil.copytree(path, tmp_path / "copy")
    old, old_weights = vector(nlp), next(encoder_of(nlp, "mluke_typing").network.parameters()).clone()
    change(nlp, "mluke")
    change(nlp, "mluke_typing", 1.2)
    new, new_weights = vector(nlp), next(encoder_of(nlp, "mluke_typing").network.parameters())
    n_refused = n = 0
    while save_and_die(nlp, path, how, n, monkeypatch):
        try:
            loaded = spacy.load(path)
        except ValueError as error:
            assert how == "to_disk" and "[ML363]" in str(error)
            n_refused += 1
        else:
            found, weights = vector(loaded), next(encoder_of(loaded, "mluke_typing").network.parameters())
            # Both encoders were saved at the same time.
            is_new = numpy.array_equal(found, new)
            assert is_new or numpy.array_equal(found, old)
            assert torch.equal(weights, new_weights if is_new else old_weights)
        shutil.rmtree(path)
        shutil.copytree(tmp_path / "copy", path)
        n += 1
    assert n > 5 and (n_refused == 0 if how == "save" else n_refused > 1)
    spacy_mluke.save(nlp, path)
    numpy.testing.assert_array_equal(vector(spacy.load(path)), new)
    # The last save has removed all temporary folders.
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["copy", "nlp"]
    assert not [entry for entry in path.iterdir() if entry.name.startswith(".")]


def test_without_folder_exchange_the_old_pipeline_is_restored(tmp_path, monkeypatch):
    path = tmp_path / "folder"
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    for text in ("a", "b"):
        with replacing_folder(path) as aside:
            (aside / "x").write_text(text, encoding="utf8")
        assert files_of(path) == {"x": text.encode()}
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
    path.rename(tmp_path / ".folder.0123abcd.old")
    folders.recover_folder(path)
    assert files_of(path) == {"x": b"b"}


def test_a_folder_that_another_process_writes_is_not_removed_as_abandoned(tmp_path):
    path = tmp_path / "folder"
    with replacing_folder(path) as first:
        with replacing_folder(path) as second:
            (second / "x").write_text("2", encoding="utf8")
        assert first.is_dir()
        (first / "x").write_text("1", encoding="utf8")
    assert files_of(tmp_path) == {"folder/x": b"1"}


def no_space(*args, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("how", ["save", "to_disk", "component"])
def test_a_full_disk_leaves_the_old_pipeline_and_no_temporary_files(pair, monkeypatch, how):
    nlp, path = pair
    before = files_of(path)
    change(nlp, "mluke")
    monkeypatch.setattr("spacy_mluke.checkpoint.reuse.save_encoder", no_space)
    with pytest.raises(ValueError, match=r"\[ML360\].*No space left"):
        if how == "save":
            spacy_mluke.save(nlp, path)
        elif how == "to_disk":
            nlp.to_disk(path)
        else:
            nlp.get_pipe("mluke").to_disk(path / "mluke")
    assert files_of(path) == before
    assert [entry.name for entry in path.parent.iterdir()] == ["nlp"]


@pytest.mark.parametrize("file", ["cfg", "encoder/model.safetensors", "encoder/config.json"])
@pytest.mark.parametrize("damage", ["missing", "other", "cut"])
def test_a_changed_file_is_named(pair, file, damage):
    _, path = pair
    place = path / "mluke" / file
    content = place.read_bytes()
    place.unlink()
    if damage != "missing":
        place.write_bytes(content[:-1] if damage == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"\[ML364\].*" + file):
        spacy.load(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "files": 3, "saved_with": {}}'])
def test_a_damaged_manifest_is_named(pair, content):
    (pair[1] / "mluke" / "files.json").write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML364\].*files.json"):
        spacy.load(pair[1])


def test_a_pipeline_without_manifests_loads(pair):
    nlp, path = pair
    for file in path.rglob("files.json"):
        file.unlink()
    (path / "mluke" / "cfg").write_text((path / "mluke" / "cfg").read_text() + "\n")
    shutil.rmtree(path / "mluke_typing" / "encoder")
    shutil.copytree(path / "mluke" / "encoder", path / "mluke_typing" / "encoder")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        numpy.testing.assert_array_equal(vector(spacy.load(path)), vector(nlp))


def test_components_that_were_saved_at_different_times_are_not_loaded_together(pair, tmp_path):
    nlp, path = pair
    change(nlp, "mluke")
    spacy_mluke.save(nlp, tmp_path / "other")
    shutil.rmtree(path / "mluke")
    shutil.copytree(tmp_path / "other" / "mluke", path / "mluke")
    with pytest.raises(ValueError, match=r"\[ML363\].*mluke.*mluke_typing"):
        spacy.load(path)
    # The message recommends this.
    (path / "mluke_typing" / "files.json").unlink()
    with pytest.raises(ValueError, match=r"\[ML365\]"):
        spacy.load(path)


def test_an_edited_config_loads_with_a_warning_but_not_after_a_killed_save(pair):
    _, path = pair
    config = path / "config.cfg"
    config.write_text(config.read_text().replace("batch_size = 1000", "batch_size = 999"))
    with pytest.warns(UserWarning, match=r"\[ML122\]"):
        spacy.load(path)
    (path / ".mluke.0123abcd.new").mkdir()
    with pytest.raises(ValueError, match=r"\[ML363\]"):
        spacy.load(path)


def test_windows_line_ends_are_not_damage(pair):
    for file in (pair[1] / "mluke" / "encoder" / "config.json", pair[1] / "mluke" / "files.json"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    spacy.load(pair[1])


@pytest.mark.parametrize(
    "task", ["", "_cloze", "_linker", "_mentions", "_ner", "_pretraining", "_qa", "_relations", "_typing"]
)
def test_every_part_of_a_component_is_replaced_when_it_is_saved(task):
    pipe = spacy.blank("xx").add_pipe(f"mluke{task}")
    assert {part.name for part in pipe.parts([])} <= set(component_files._PARTS)


def test_saving_a_component_keeps_other_files_in_its_folder(tiny_checkpoint, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf8")
    pipe = make_pipeline(str(tiny_checkpoint)).get_pipe("mluke")
    for _ in range(2):
        pipe.to_disk(tmp_path, exclude=["vocab"])
        assert (tmp_path / "notes.txt").read_text(encoding="utf8") == "mine"
        assert {entry.name for entry in tmp_path.iterdir()} == {"cfg", "encoder", "files.json", "notes.txt"}
    other = make_pipeline(str(tiny_checkpoint)).get_pipe("mluke")
    other.from_disk(tmp_path, exclude=["vocab"])


def test_excluded_parts_of_an_earlier_save_are_kept(pair):
    nlp, path = pair
    before = files_of(path / "mluke")
    nlp.get_pipe("mluke").to_disk(path / "mluke", exclude=["vocab", "model"])
    assert files_of(path / "mluke") == before
