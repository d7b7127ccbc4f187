"""Tiny checkpoints with both kinds of vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

import pytest
import torch
from safetensors.torch import load_file

from spacy_mluke.checkpoint.quantized_files import write_quantized
from spacy_mluke.checkpoint.tensor_names import WORDS
from tests.checkpoint.checkpoints import make_checkpoint


@pytest.fixture
def path(tmp_path, tiny_sentencepiece) -> Path:
    return make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece)


@pytest.fixture
def byte_level(tmp_path, tiny_byte_level) -> Path:
    return make_checkpoint(tmp_path / "byte_level", tiny_byte_level)


@pytest.fixture
def quantized(tmp_path: Path, tiny_sentencepiece: Path) -> Path:
    """A checkpoint in the format of the bundled one."""
    path = make_checkpoint(
        tmp_path / "quantized", tiny_sentencepiece, hidden_size=32, entity_emb_size=32, intermediate_size=64
    )
    tensors: Dict[str, torch.Tensor] = load_file(path / "model.safetensors")
    write_quantized(path / "words.safetensors", {WORDS: tensors.pop(WORDS)}, {WORDS: "q4"})
    write_quantized(path / "encoder.safetensors", tensors, {})
    (path / "model.safetensors").unlink()
    config = json.loads((path / "config.json").read_text())
    config["spacy_mluke"] = {"format": 1, "words": "words.safetensors", "encoder": "encoder.safetensors"}
    (path / "config.json").write_text(json.dumps(config))
    return path
