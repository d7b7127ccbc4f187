"""The vocabulary that mLUKE shares with XLM-R, and the reference tokenizers."""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from typing import Any, Callable, Optional

import pytest

from spacy_mluke.tokenization.interface import Wordpieces
from spacy_mluke.tokenization.load import load_wordpieces

ENTITY_VOCAB = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}


@pytest.fixture(scope="session")
def wordpieces(xlmr_model_path) -> Wordpieces:
    return load_wordpieces(xlmr_model_path.parent)


@pytest.fixture(scope="session")
def byte_level(tiny_byte_level) -> Wordpieces:
    return load_wordpieces(tiny_byte_level)


@pytest.fixture(scope="session")
def mluke_tokenizer(xlmr_model_path, tmp_path_factory) -> Callable[..., Any]:
    """transformers' MLukeTokenizer, by task. Call it with one text at a time: it treats lists of spans as pairs."""
    from transformers import MLukeTokenizer

    path = tmp_path_factory.mktemp("reference")
    shutil.copy(xlmr_model_path, path / "sentencepiece.bpe.model")
    (path / "entity_vocab.json").write_text(json.dumps(ENTITY_VOCAB), encoding="utf8")

    @lru_cache
    def make(task: Optional[str] = None) -> Any:
        return MLukeTokenizer(str(path / "sentencepiece.bpe.model"), str(path / "entity_vocab.json"), task=task)

    return make


@pytest.fixture(scope="session")
def luke_tokenizer(tiny_byte_level, tmp_path_factory) -> Callable[..., Any]:
    """transformers' LukeTokenizer over the tiny byte-level vocabulary."""
    from transformers import LukeTokenizer

    path = tmp_path_factory.mktemp("reference_luke") / "entity_vocab.json"
    path.write_text(json.dumps(ENTITY_VOCAB), encoding="utf8")
    files = [str(tiny_byte_level / "vocab.json"), str(tiny_byte_level / "merges.txt"), str(path)]

    @lru_cache
    def make(task: Optional[str] = None, add_prefix_space: bool = False) -> Any:
        return LukeTokenizer(*files, task=task, add_prefix_space=add_prefix_space)

    return make
