from __future__ import annotations

import pytest

from spacy_mluke import EntityIndex
from tests.search.corpora import write


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return write(tmp_path_factory.mktemp("corpus") / "part-000000.parquet").parent


@pytest.fixture(scope="session")
def index(corpus):
    return EntityIndex.build(corpus)
