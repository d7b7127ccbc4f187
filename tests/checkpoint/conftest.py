"""Tiny checkpoints with both kinds of vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkpoint.checkpoints import make_checkpoint


@pytest.fixture
def path(tmp_path, tiny_sentencepiece) -> Path:
    return make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece)


@pytest.fixture
def byte_level(tmp_path, tiny_byte_level) -> Path:
    return make_checkpoint(tmp_path / "byte_level", tiny_byte_level)
