"""The special entities, which every vocabulary has, and their ids."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, Mapping, NamedTuple, Tuple

from ..errors import Errors

_BLOCK = 1 << 20
# Bytes that adjacent blocks share: more than the entry of a special entity.
_OVERLAP = 256
_ENTRY = re.compile(rb'"(\[(?:MASK2?|UNK|PAD)\])"\s{0,64}:\s{0,64}(\d{1,18})\s{0,64}[,}]')


class SpecialEntities(NamedTuple):
    """Ids of the special entities, as given in the vocabulary's file. They may be at any position in it."""

    mask: int
    unk: int
    pad: int
    mask2: int


NAMES: Mapping[str, str] = {"mask": "[MASK]", "unk": "[UNK]", "pad": "[PAD]", "mask2": "[MASK2]"}


def special_from_names(names: Mapping[str, int], source: object) -> SpecialEntities:
    """Return the ids of the special entities in a vocabulary.

    names (Mapping[str, int]): Name -> id.
    source (object): Source of the names, for the message.
    RETURNS (SpecialEntities): Their ids.
    RAISES (ValueError): ML060 if one is missing.
    """
    missing = [name for name in NAMES.values() if name not in names]
    if missing:
        raise ValueError(Errors.ML060.format(source=source, missing=", ".join(missing)))
    return SpecialEntities(**{field: names[name] for field, name in NAMES.items()})


def find_special_entities(path: Path) -> SpecialEntities:
    """Find the ids of the special entities in an entity_vocab.json, without reading all its names.

    path (Path): The file. Published ones have 12 million names; the special entities are at the start or the end.
    RETURNS (SpecialEntities): Their ids.
    RAISES (ValueError): ML060 if one is missing.
    """
    found: Dict[str, int] = {}
    for block in _blocks(path):
        for entry in _ENTRY.finditer(block):
            # A name may contain this text, but there its first quote is escaped. At the very start of a block this
            # cannot be checked, but then the previous block contains the entry, too.
            if entry.start() and block[entry.start() - 1] != ord("\\"):
                found.setdefault(entry[1].decode("ascii"), int(entry[2]))
        if len(found) == len(NAMES):
            break
    return special_from_names(found, path)


def _blocks(path: Path) -> Iterator[bytes]:
    """The first block, the last, then the others."""
    # Read, not mapped: pages of a mapping count as the process's memory.
    with path.open("rb") as file:
        for start in _starts(path.stat().st_size):
            file.seek(start)
            yield file.read(_BLOCK + _OVERLAP)


def _starts(size: int) -> Tuple[int, ...]:
    return (0, max(0, size - _BLOCK), *range(_BLOCK, size, _BLOCK))
