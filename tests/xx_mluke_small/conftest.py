from __future__ import annotations

import pytest

from scripts.xx_mluke_small.examples import make_blank
from scripts.xx_mluke_small.training_files import DataFolder
from tests.xx_mluke_small.tiny_data import write_data


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory):
    """A folder with a tiny file for each file of the data."""
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def tiny_folder(tiny_root):
    return DataFolder(tiny_root)


@pytest.fixture(scope="session")
def blank():
    """The pipeline's tokenizer. Tests must not change it."""
    return make_blank()
