"""The vocabulary that mLUKE shares with XLM-R, and the reference tokenizers."""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path
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


_MAX_ENTITIES = {"entity_classification": 1, "entity_pair_classification": 2}


@pytest.fixture(scope="session")
def mluke_tokenizer(xlmr_model_path, tmp_path_factory) -> Callable[..., Any]:
    """transformers' MLukeTokenizer, by task. Call it with one text at a time: it treats lists of spans as pairs."""

    @lru_cache
    def make(task: Optional[str] = None) -> Any:
        whole = _read_mluke_tokenizer(xlmr_model_path, tmp_path_factory.mktemp)
        # Its constructor reads the vocabulary, and so does copy.copy, which takes 2 s.
        found = object.__new__(type(whole))
        found.__dict__.update(whole.__dict__)
        # What the constructor does with a task.
        found.task = task
        found.max_entity_length = _MAX_ENTITIES.get(task, found.max_entity_length)
        return found

    return make


@lru_cache
def _read_mluke_tokenizer(model: Path, make_folder: Callable[[str], Path]) -> Any:
    from transformers import MLukeTokenizer

    path = make_folder("reference")
    shutil.copy(model, path / "sentencepiece.bpe.model")
    (path / "entity_vocab.json").write_text(json.dumps(ENTITY_VOCAB), encoding="utf8")
    return MLukeTokenizer(str(path / "sentencepiece.bpe.model"), str(path / "entity_vocab.json"))


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
