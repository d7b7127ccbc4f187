"""Weight files of every format, intact and damaged. No code in a file is executed."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from spacy_mluke.checkpoint.weight_files import read_weights, weight_files, write_weights
from spacy_mluke.network.mapped_table import MappedEntityTable

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b.c": torch.tensor([1.5], dtype=torch.float16)}


def write(path: Path, form: str) -> Path:
    if form == "safetensors":
        path = path / "model.safetensors"
        save_file(TENSORS, path)
    else:
        path = path / "pytorch_model.bin"
        torch.save(TENSORS, path, _use_new_zipfile_serialization=form == "zip")
    return path


class Code:
    """A pickle of this creates a file when it is loaded."""

    def __init__(self, proof: Path):
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


def assert_same(found, expected) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy"])
def test_every_format_is_read(tmp_path, form):
    path = write(tmp_path, form)
    assert weight_files(tmp_path) == [path]
    assert_same(read_weights([path]), TENSORS)


@pytest.mark.parametrize("form", ["safetensors", "zip"])
def test_writing_to_a_tensor_does_not_change_the_file(tmp_path, form):
    path = write(tmp_path, form)
    before = path.read_bytes()
    tensors = read_weights([path])
    tensors["a"].add_(1)
    assert path.read_bytes() == before
    assert_same(read_weights([path]), TENSORS)


def resident_file_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssFile", "RssAnon")))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
@pytest.mark.parametrize("form", ["safetensors", "zip"])
def test_unused_tensors_are_not_read(tmp_path, form):
    path = tmp_path / ("model.safetensors" if form == "safetensors" else "pytorch_model.bin")
    tensors = {"table": torch.ones(20_000, 256)}
    save_file(tensors, path) if form == "safetensors" else torch.save(tensors, path)
    del tensors
    before = resident_file_kb()
    table = read_weights([path])["table"]
    assert table[[0, 10_000, -1]].sum() == 3 * 256
    assert resident_file_kb() - before < 6_000  # the table has 20,000 kB


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_shards_are_read(tmp_path, name):
    stem, _, suffix = name.partition(".")
    weight_map = {}
    for i, (key, tensor) in enumerate(TENSORS.items(), start=1):
        shard = f"{stem}-0000{i}-of-00002.{suffix}"
        weight_map[key] = shard
        save_file({key: tensor}, tmp_path / shard) if suffix == "safetensors" else torch.save(
            {key: tensor}, tmp_path / shard
        )
    (tmp_path / f"{name}.index.json").write_text(json.dumps({"weight_map": weight_map}))
    files = weight_files(tmp_path)
    assert [file.name for file in files] == sorted(weight_map.values())
    assert_same(read_weights(files), TENSORS)


def test_safetensors_are_preferred_to_a_pickle(tmp_path):
    write(tmp_path, "zip")
    preferred = write(tmp_path, "safetensors")
    assert weight_files(tmp_path) == [preferred]


def test_a_directory_without_weights_has_no_weight_files(tmp_path):
    assert weight_files(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', '{"weight_map": {}}'],
)
def test_a_damaged_index_is_a_coded_error(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(ValueError, match="ML044"):
        weight_files(tmp_path)


def test_a_missing_shard_is_named(tmp_path):
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "one.safetensors").touch()
    with pytest.raises(ValueError, match=r"ML044.*missing files: two\.safetensors"):
        weight_files(tmp_path)


def test_an_index_cannot_name_files_outside_its_directory(tmp_path):
    save_file(TENSORS, tmp_path / "elsewhere.safetensors")
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    index = {"weight_map": {"a": "../elsewhere.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="ML044"):
        weight_files(folder)


@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99], ids=["empty", "head", "half", "tail"])
def test_a_truncated_file_is_a_coded_error(tmp_path, form, share):
    path = write(tmp_path, form)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r"ML045.*Download it again"):
        read_weights([path])


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_an_error_page_saved_as_weights_is_a_coded_error(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"<html>404</html>" * 50)
    with pytest.raises(ValueError, match="ML045"):
        read_weights([path])


def test_safetensors_longer_than_in_their_header_are_a_coded_error(tmp_path):
    path = write(tmp_path, "safetensors")
    path.write_bytes(path.read_bytes() + bytes(8))
    with pytest.raises(ValueError, match="ML045"):
        read_weights([path])


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_git_lfs_pointer_is_recognized(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    with pytest.raises(ValueError, match=r"ML045.*git lfs pull"):
        read_weights([path])


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_code_in_a_pickle_never_runs(tmp_path, form):
    path, proof = tmp_path / "pytorch_model.bin", tmp_path / "proof"
    content = {"code": Code(proof), **TENSORS}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(ValueError, match=r"ML046.*mkdir") as raised:
        read_weights([path])
    assert not proof.exists()
    # torch's own message recommends weights_only=False.
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("content", [[torch.ones(1)], {"a": torch.ones(1), "step": 3}, torch.ones(1)])
def test_a_file_with_other_objects_than_tensors_is_a_coded_error(tmp_path, content):
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"ML046.*other objects"):
        read_weights([tmp_path / "pytorch_model.bin"])


def test_the_library_reads_written_weights(tmp_path):
    tensors = {
        "half": torch.tensor([1.5, 2.5, 3.5], dtype=torch.float16),
        "brain": torch.ones(3, 1, dtype=torch.bfloat16),
        "byte": torch.tensor([7], dtype=torch.uint8),
        "transposed": torch.arange(6.0).view(2, 3).t(),
        "none": torch.empty(0, 4),
        "one": torch.tensor(3.0),
        "naïve": torch.tensor([1, 2]),
    }
    path = tmp_path / "model.safetensors"
    write_weights(path, tensors)
    assert_same(load_file(path), tensors)
    assert_same(read_weights([path]), tensors)


def test_weights_are_converted_when_they_are_written(tmp_path):
    write_weights(tmp_path / "model.safetensors", TENSORS, dtype=torch.float32)
    found = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}
    assert found["b.c"].item() == 1.5


def test_a_mapped_table_is_written_with_all_rows(tmp_path):
    table = MappedEntityTable(torch.zeros(70_000, 2), [0, 69_999])
    with torch.no_grad():
        table.special.fill_(1)
    write_weights(tmp_path / "model.safetensors", {"table": table})
    found = load_file(tmp_path / "model.safetensors")["table"]
    assert found.shape == (70_000, 2)
    assert found.sum(1).nonzero().flatten().tolist() == [0, 69_999]


def test_replacing_weights_does_not_change_a_mapping(tmp_path):
    path = write(tmp_path, "safetensors")
    mapped = read_weights([path])
    write_weights(path, {name: tensor + 1 for name, tensor in mapped.items()})
    assert_same(mapped, TENSORS)
    assert read_weights([path])["a"][0, 0] == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
