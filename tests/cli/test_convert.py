"""`convert` writes directories with the same encoder, and never damages its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
import torch
import transformers
from typer.testing import CliRunner

from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.cli import app
from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module
from tests.checkpoint.checkpoints import make_checkpoint, states

# Loading what was converted looks names up.
pytestmark = pytest.mark.filterwarnings("ignore:.ML160")


def convert(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def contents(directory: Path) -> Dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


@pytest.fixture
def path(tmp_path: Path, tiny_sentencepiece: Path, monkeypatch) -> Path:
    """A fine-tuned model as published: pickled, with a head; its entity vocabulary is treated as a large one."""
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    model = transformers.LukeForEntityClassification
    return make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, model=model, safe=False)


@pytest.mark.parametrize("option", [[], ["--huggingface"]], ids=["ours", "huggingface"])
def test_a_converted_checkpoint_has_the_same_states_and_names(path, tmp_path, option):
    before = contents(path)
    result = convert(path, tmp_path / "target", *option)
    assert result.exit_code == 0, result.output
    assert "Wrote" in result.stdout
    assert contents(path) == before
    loaded, again = load_encoder(path), load_encoder(tmp_path / "target")
    for ours, theirs in zip(states(again.network, again), states(loaded.network, loaded), strict=True):
        assert torch.equal(ours, theirs)


def test_converting_builds_the_database_in_the_target(path, tmp_path):
    convert(path, tmp_path / "target")
    names = {"config.json", "model.safetensors", "sentencepiece.bpe.model", "entity_vocab.sqlite"}
    assert contents(tmp_path / "target").keys() == names
    assert load_encoder(tmp_path / "target").entities["en:Tokyo"] == 3


def test_converting_to_the_format_of_transformers_needs_no_database(path, tmp_path):
    convert(path, tmp_path / "target", "--huggingface")
    found = contents(tmp_path / "target")
    assert "entity_vocab.sqlite" not in found
    assert found["entity_vocab.json"] == (path / "entity_vocab.json").read_bytes()
    assert transformers.LukeModel.from_pretrained(tmp_path / "target").config.hidden_size == 16


def test_converting_to_transformers_and_back_keeps_the_names(path, tmp_path):
    convert(path, tmp_path / "ours")
    convert(tmp_path / "ours", tmp_path / "theirs", "--huggingface")
    expected = load_encoder(path).entities
    expected.open(progress=print)
    assert list(load_encoder(tmp_path / "theirs").entities.items()) == list(expected.items())


def test_half_precision_stays_half_precision(path, tmp_path):
    file = path / "pytorch_model.bin"
    torch.save({name: tensor.half() for name, tensor in torch.load(file, weights_only=True).items()}, file)
    convert(path, tmp_path / "target")
    network = load_encoder(tmp_path / "target", dtype=torch.float16).network
    assert (tmp_path / "target" / "model.safetensors").stat().st_size < file.stat().st_size
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float16}


def test_converting_into_a_directory_with_files_needs_the_force_option(path, tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "thesis.txt").write_text("")
    result = convert(path, tmp_path / "target")
    assert result.exit_code == 1
    assert "[ML091]" in result.stdout
    assert contents(tmp_path / "target").keys() == {"thesis.txt"}
    assert convert(path, tmp_path / "target", "--force").exit_code == 0
    assert "thesis.txt" in contents(tmp_path / "target")


def test_a_checkpoint_is_never_converted_onto_itself(path):
    before = contents(path)
    result = convert(path, path, "--force")
    assert result.exit_code == 1
    assert "[ML092]" in result.stdout
    assert contents(path) == before


def test_a_damaged_vocabulary_is_an_error_and_leaves_no_partial_file(path, tmp_path):
    (path / "entity_vocab.json").write_text('{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:')
    result = convert(path, tmp_path / "target")
    assert result.exit_code == 1
    assert "[ML062]" in result.stdout
    assert not any((tmp_path / "target").iterdir())
