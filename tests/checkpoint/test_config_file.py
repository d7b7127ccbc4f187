"""Reading config.json."""

from __future__ import annotations

import pytest

from spacy_mluke.checkpoint.config_file import read_config
from tests.checkpoint.checkpoints import make_checkpoint


def test_config_is_read_from_a_file_or_its_directory(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path, tiny_sentencepiece)
    assert read_config(path) == read_config(path / "config.json")


@pytest.mark.parametrize("text", ["", "{", "[1"])
def test_config_that_is_not_json_is_an_error_with_its_path(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=r"ML020.*config\.json"):
        read_config(path)


def test_missing_config_is_an_error_with_its_path(tmp_path):
    with pytest.raises(ValueError, match=r"ML020.*nothing_here"):
        read_config(tmp_path / "nothing_here")
