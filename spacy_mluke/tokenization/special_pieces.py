"""Find the ids of special pieces: <s>, <mask>, the entity markers and other pieces that text never produces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

from ..errors import Errors
from .vocabulary_files import ADDED_TOKENS, TOKENIZER_CONFIG, read_json


@dataclass(frozen=True)
class SpecialIds:
    """Ids of the special pieces. Encoding text never returns one of them, except <unk> for unknown characters."""

    bos: int
    pad: int
    eos: int
    unk: int
    mask: int
    ent: Optional[int]
    ent2: Optional[int]


class AddedTokens:
    """Ids of the pieces that were added to a vocabulary, by name.

    files (Mapping[str, bytes]): The vocabulary's files by name.
    max_ids (Optional[int]): Number of rows of the checkpoint's word table, if known. Larger ids do not exist.
    RAISES (ValueError): ML006 if a file is damaged.
    """

    def __init__(self, files: Mapping[str, bytes], max_ids: Optional[int]) -> None:
        self.config = read_json(files, TOKENIZER_CONFIG)
        self.max_ids = max_ids
        named: Dict[str, Any] = {}
        try:
            for piece_id, token in self.config.get("added_tokens_decoder", {}).items():
                named[token["content"]] = int(piece_id)
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ValueError(Errors.ML006.format(name=TOKENIZER_CONFIG, reason=repr(err))) from err
        named.update(read_json(files, ADDED_TOKENS, unique=True))
        for name, piece_id in named.items():
            check_id(name, piece_id, ADDED_TOKENS)
        self.ids: Dict[str, int] = named

    def name(self, key: str, default: str) -> str:
        """Return the name that this vocabulary gives a special piece.

        key (str): Its key in tokenizer_config.json.
        default (str): Its usual name.
        RETURNS (str): The name.
        """
        found = self.config.get(key, default)
        if isinstance(found, dict):
            found = found.get("content")
        return str(found or default)

    def has(self, key: str, name: str) -> bool:
        """Return whether the files give the id of a special piece.

        key (str): Its key in tokenizer_config.json.
        name (str): Its usual name.
        RETURNS (bool): True if they do.
        """
        return self.name(key, name) in self.ids

    def id(self, key: str, name: str, default: int) -> Optional[int]:
        """Return the id of a special piece.

        key (str): Its key in tokenizer_config.json.
        name (str): Its usual name.
        default (int): Its id if no file gives one: the id that Hugging Face's tokenizers would add it with.
        RETURNS (Optional[int]): The id; None if the checkpoint has no row for it.
        """
        found = self.ids.get(self.name(key, name), default)
        return found if self.max_ids is None or found < self.max_ids else None


def check_id(name: str, piece_id: Any, file: str) -> None:
    """Check that a value is an id.

    name (str): The piece.
    piece_id (Any): Its id, as the file has it.
    file (str): The file, for the message.
    RAISES (ValueError): ML006 if it is not a whole number from 0 to 2^31 - 1.
    """
    if not isinstance(piece_id, int) or isinstance(piece_id, bool) or not 0 <= piece_id < 1 << 31:
        raise ValueError(Errors.ML006.format(name=file, reason=f"the id of '{name}' is {repr(piece_id)[:40]}"))


def check_special(special: SpecialIds, file: str) -> None:
    """Check that special pieces have different ids.

    special (SpecialIds): Their ids.
    file (str): The file to name in the message.
    RAISES (ValueError): ML006 if two have the same id.
    """
    names: Dict[int, str] = {}
    for field, piece_id in vars(special).items():
        if piece_id is None:
            continue
        if piece_id in names:
            reason = f"the special pieces '{names[piece_id]}' and '{field}' have the same id, {piece_id}"
            raise ValueError(Errors.ML006.format(name=file, reason=reason))
        names[piece_id] = field
