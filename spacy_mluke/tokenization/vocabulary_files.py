"""Name and read the files of a wordpiece vocabulary."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ..errors import Errors
from ..storage.untrusted import parse_json

SENTENCEPIECE = "sentencepiece.bpe.model"
VOCAB, MERGES = "vocab.json", "merges.txt"
TOKENIZER_CONFIG, ADDED_TOKENS = "tokenizer_config.json", "added_tokens.json"
# Settings beside the vocabulary. They are kept byte for byte, so that a saved directory opens as the first one did.
SETTINGS = (ADDED_TOKENS, TOKENIZER_CONFIG, "special_tokens_map.json")
FILES = (SENTENCEPIECE, VOCAB, MERGES, *SETTINGS)  # all files that a vocabulary may have


def read_json(files: Mapping[str, bytes], name: str, *, unique: bool = False) -> Dict[str, Any]:
    """Parse one of a vocabulary's JSON files.

    files (Mapping[str, bytes]): Files by name.
    name (str): The name of the file.
    unique (bool): Whether a key that occurs twice is an error.
    RETURNS (Dict[str, Any]): Its content; empty if the file is missing.
    RAISES (ValueError): ML006 if it is not a JSON object.
    """
    if name not in files:
        return {}
    try:
        found = parse_json(files[name], unique=unique)
    except ValueError as err:
        raise ValueError(Errors.ML006.format(name=name, reason=err)) from err
    if not isinstance(found, dict):
        raise ValueError(Errors.ML006.format(name=name, reason="it is not a JSON object"))
    return found
