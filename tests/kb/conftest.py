"""A small entity store."""

from __future__ import annotations

import pytest

from spacy_mluke.kb.store import STORE, EntityStore
from spacy_mluke.kb.store_build import build_store
from tests.kb.stores import ROWS


@pytest.fixture
def store(tmp_path) -> EntityStore:
    return build_store(ROWS, tmp_path / STORE)
