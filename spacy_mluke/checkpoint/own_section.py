"""The section of config.json that spacy_mluke writes: the format, and where the weights of a checkpoint are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

from ..errors import Errors
from ..network.config import EncoderConfig

# The name of the section.
OWN = "spacy_mluke"
# The format of a complete checkpoint, and that of a delta, which versions without deltas must refuse.
FORMAT, DELTA_FORMAT = 1, 2
# Key of the id of the first added entity. The rows of added entities train, however large the table is.
ADDED = "first_added_entity"
# Key of the name and commit on the hub that the checkpoint was loaded from.
SOURCE = "source"
# Keys of a delta: the name and checksum of its base, and the file with the changed tensors, if there are any.
BASE, DELTA = "base", "delta"


@dataclass(frozen=True)
class BaseReference:
    """The checkpoint that a delta was made from."""

    name: str  # the bundled "mluke-small", a directory, or a hub name with its commit
    checksum: str  # of its content, as from `base.content_checksum`


def own_section(config: EncoderConfig, path: Path) -> Dict[str, Any]:
    """Return the section "spacy_mluke" of a config.json, checked.

    config (EncoderConfig): The content of the config.json.
    path (Path): The checkpoint, for messages.
    RETURNS (Dict[str, Any]): The section; empty if there is none.
    RAISES (ValueError): ML342 for a value that is not allowed, ML051 if a newer version wrote it.
    """
    own = config.extra.get(OWN, {})
    if not isinstance(own, dict):
        raise ValueError(Errors.ML342.format(path=path, key=OWN, found=repr(own)[:80], wanted="an object"))
    rows = config.entity_vocab_size
    pair = "an object with the name and the {} of a checkpoint"
    for key, wanted, fits in (
        ("format", "a whole number", _is_count(own.get("format", FORMAT))),
        ("words", "the name of a file", isinstance(own.get("words", ""), str)),
        ("encoder", "the name of a file", isinstance(own.get("encoder", ""), str)),
        (DELTA, "the name of a file", isinstance(own.get(DELTA, ""), str)),
        (BASE, pair.format("checksum"), _has_texts(own.get(BASE), ("name", "checksum"))),
        (SOURCE, pair.format("commit") + " on the hub", _has_texts(own.get(SOURCE), ("name", "commit"))),
        (ADDED, f"a whole number up to {rows}", _is_count(own.get(ADDED, rows)) and own.get(ADDED, rows) <= rows),
    ):
        if not fits:
            raise ValueError(
                Errors.ML342.format(path=path, key=f"{OWN}.{key}", found=repr(own[key])[:80], wanted=wanted)
            )
    if own.get("format", FORMAT) > DELTA_FORMAT:
        raise ValueError(Errors.ML051.format(path=path, found=own["format"]))
    return own


def base_reference(own: Dict[str, Any]) -> Optional[BaseReference]:
    """Return the base of a delta.

    own (Dict[str, Any]): As from `own_section`.
    RETURNS (Optional[BaseReference]): None for a complete checkpoint.
    """
    base = own.get(BASE)
    return None if base is None else BaseReference(base["name"], base["checksum"])


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _has_texts(value: Any, keys: tuple) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in keys)
