"""The keys of the packed knowledge base's names, and the index of the names: most steps are those of whole arrays."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy

from ..ragged import ranges, row_offsets
from ..types import Ints1d
from .inflection import LANGUAGES, stem_of
from .name_index import INFLECTED, NO_CODE, ORDINARY, NameIndex, index_rows, is_searched, spelling_flags, stem_flags
from .name_keys import fold_name
from .packed import PackedEntity
from .packed_cells import CELL_BITS, SEPARATOR, parse_head

_BLOCK = 1 << 12  # entities whose names are hashed at once


class PackedKeys(NamedTuple):
    """The keys of all names, sorted by their hashes."""

    hashes: Ints1d  # Shape: (n_names,), uint64
    # Number of the entity, and in the last bits (`CELL_BITS`) that of the cell. Shape: (n_names,), uint64
    places: Ints1d
    beginnings: Dict[str, int]  # number of names with each beginning of their cell


class _Names(NamedTuple):
    """Names, or stems of names. Each array has an item for each of them. They are the columns of a `NameIndex`."""

    hashes: Ints1d
    prefixes: Ints1d
    lengths: Ints1d
    langs: Ints1d  # the language of a stem; the number of a name's head
    types: Ints1d
    flags: Ints1d  # 0 for a name that is not searched


class _Numbers(Dict[str, int]):
    """Numbers of texts, in the order of their first use."""

    def __missing__(self, text: str) -> int:
        found = self[text] = len(self)
        return found


def index_packed(entities: Sequence[PackedEntity]) -> Tuple[PackedKeys, NameIndex]:
    """Index the names of the packed knowledge base, as `NameIndex.of` does.

    entities (Sequence[PackedEntity]): The entities, in the order of their numbers, which begin with 1.
    RETURNS (Tuple[PackedKeys, NameIndex]): The keys of all names, and the index of those that are searched.
    """
    heads, types, languages = _Numbers(), _Numbers(), _Numbers()
    names: List[_Names] = []
    stems: List[_Names] = []
    for start in range(0, len(entities), _BLOCK):
        own, inflected = _read(entities[start : start + _BLOCK], heads, types, languages)
        names.append(own)
        stems.append(inflected)
    found = _joined(names)
    known = [parse_head(text) for text in heads]
    plain = _spread(found, [[languages[lang] for lang in head.langs] for head in known])
    common = _spread(found, [[languages[lang] for lang in head.common] for head in known])
    common = common._replace(flags=numpy.full_like(common.flags, ORDINARY))
    columns: Any = dict(zip(_Names._fields, _joined([plain, common, *stems]), strict=True))
    index = NameIndex(**columns, languages=list(languages), type_names=list(types))
    order = numpy.argsort(found.hashes, kind="stable")
    counts = numpy.asarray([entity.names.count(SEPARATOR) + 1 for entity in entities], dtype="int64")
    numbers = numpy.arange(1, len(entities) + 1, dtype="int64").repeat(counts)
    places = (numbers << CELL_BITS) + ranges(numpy.ones_like(counts), counts)
    beginnings = dict(zip(heads, numpy.bincount(found.langs, minlength=len(heads)).tolist(), strict=True))
    return PackedKeys(found.hashes[order], places[order].astype("uint64"), beginnings), index


def _read(
    entities: Sequence[PackedEntity], heads: _Numbers, types: _Numbers, languages: _Numbers
) -> Tuple[_Names, _Names]:
    """Return the names of entities, and the stems of names in languages that inflect them."""
    keys: List[str] = []
    codes: List[Tuple[int, int, int]] = []
    stems: List[str] = []
    stem_codes: List[Tuple[int, int, int]] = []
    for entity in entities:
        kind = types[entity.type]
        for cell in entity.names.split(SEPARATOR):
            beginning, _, name = cell.partition("=")
            head = parse_head(beginning)
            key, is_accented = fold_name(name)
            flags = spelling_flags(name, is_accented) if not head.is_weak and is_searched(key) else 0
            keys.append(key)
            codes.append((heads[beginning], kind, flags))
            if flags & NO_CODE:
                for lang in head.langs:
                    stem = stem_of(key, lang) if lang in LANGUAGES else None
                    if stem is not None:
                        stems.append(stem)
                        stem_codes.append((languages[lang], kind, stem_flags(flags) | INFLECTED[lang]))
    return _Names(*index_rows(keys, codes)), _Names(*index_rows(stems, stem_codes))


def _spread(names: _Names, langs: Sequence[Sequence[int]]) -> _Names:
    """Return the searched names, once for each language that their head has in `langs`."""
    counts = numpy.asarray([len(own) for own in langs], dtype="int64")
    flat = numpy.asarray([lang for own in langs for lang in own], dtype="uint16")
    searched = numpy.flatnonzero(names.flags)
    heads = names.langs[searched]
    rows = searched.repeat(counts[heads])
    spread = _Names(*(column[rows] for column in names))
    return spread._replace(langs=flat[ranges(row_offsets(counts)[:-1][heads], counts[heads])])


def _joined(parts: Sequence[_Names]) -> _Names:
    return _Names(*map(numpy.concatenate, zip(*parts, strict=True)))
