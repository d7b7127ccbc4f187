"""`info` shows the content of a checkpoint, and reads only what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
import torch
import transformers
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.network import precision
from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module
from tests.checkpoint.checkpoints import LITE, make_checkpoint


def info(*arguments: object) -> List[str]:
    result = CliRunner().invoke(app, ["info", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


@pytest.fixture
def path(tmp_path: Path, tiny_sentencepiece: Path) -> Path:
    return make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece)


def test_info_shows_the_bundled_checkpoint():
    lines = info()
    assert "family LUKE with sentencepiece, full: named entities" in lines
    assert "layers 12 of width 384" in lines
    assert "words 96,001,536 (250,004 x 384)" in lines
    assert "types float32, 4 bits (words)" in lines
    assert "special [MASK] 0, [UNK] 1, [PAD] 2, [MASK2] 3" in lines
    assert any(line.startswith("special <s> 0") and line.endswith("<ent> 250002, <ent2> 250003") for line in lines)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_info_shows_what_the_automatic_type_is_on_this_machine(path, monkeypatch, dtype):
    monkeypatch.setattr(precision, "choose_dtype", lambda config: dtype)
    assert f'dtype = "auto" predicts in {dtype} on this CPU' in info(path)


def test_info_counts_names_and_languages(path):
    lines = info(path)
    assert "family LUKE with sentencepiece, full: named entities" in lines
    assert "names 7" in lines
    assert "languages 2: en 2, ja 1" in lines
    assert "special [MASK] 2, [UNK] 1, [PAD] 0, [MASK2] 5" in lines


def test_info_counts_parameters_as_transformers_does(path):
    n_parameters = transformers.LukeModel.from_pretrained(path).num_parameters()
    assert f"parameters {n_parameters:,}" in info(path)


def test_info_names_entity_aware_attention(tmp_path, tiny_byte_level):
    path = make_checkpoint(tmp_path, tiny_byte_level, entities=LITE, use_entity_aware_attention=True)
    lines = info(path)
    assert "attention 2 heads, entity-aware queries" in lines
    assert "family LUKE with byte-level BPE, lite: special entities only" in lines
    assert "languages unknown: the names have no language" in lines


def test_info_shows_heads_and_unused_tensors(tmp_path, tiny_sentencepiece):
    model = transformers.LukeForEntityPairClassification
    path = make_checkpoint(tmp_path, tiny_sentencepiece, model=model, safe=False)
    file = path / "pytorch_model.bin"
    leftover = {"luke.embeddings.position_ids": torch.arange(66)[None]}
    torch.save({**torch.load(file, weights_only=True), **leftover}, file)
    lines = info(path)
    assert "heads classifier (1)" in lines
    assert "unused tensors embeddings (1)" in lines
    assert any(line.startswith("weights pytorch_model.bin") for line in lines)


def test_info_builds_a_database_only_with_the_option(path, monkeypatch):
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    assert any("--entities builds it" in line for line in info(path))
    assert not (path / "entity_vocab.sqlite").exists()
    assert "names 7" in info(path, "--entities")
    assert (path / "entity_vocab.sqlite").exists()
    assert "names 7" in info(path)


def test_info_of_a_damaged_checkpoint_is_an_error_with_a_code(path):
    (path / "model.safetensors").write_bytes(b"")
    result = CliRunner().invoke(app, ["info", str(path)])
    assert result.exit_code == 1
    assert "[ML045]" in result.stdout
