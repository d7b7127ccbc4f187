"""The index of a knowledge base's names: the hashes of their keys, and what the mention finder must know of each."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Collection, Dict, Iterable, List, NamedTuple, Optional, Protocol, Tuple

import numpy

from ..types import Ints1d
from .inflection import LANGUAGES, stem_of
from .name_hashes import hash_keys
from .name_keys import fold_name
from .store import Entity
from .store_format import COMMON, CROSS_REFERENCE, STEM, WEAK

# Longer names are not searched.
MAX_NAME_LENGTH = 256
PREFIX = 5  # characters of the keys that tell how long a name with this beginning may be
_MIN_LANGUAGE = 20
_BLOCK = 1 << 15  # names hashed at once

# What is true of at least one name with a key. A bit for each, so that the bits of several names are joined with OR.
LOWER, NO_CODE, NAME, ANY_ENDING, PLAIN, ACCENTED, APOSTROPHE, ORDINARY = (1 << bit for bit in range(8))
# The name is inflected as in this language: a bit for each.
INFLECTED = {lang: 1 << bit for bit, lang in enumerate(LANGUAGES, 8)}
_WITH_ENDINGS = ANY_ENDING | sum(INFLECTED.values())
_MAX_CODE_LENGTH = 4


INDEX_FORMAT = 2
COLUMNS = ("hashes", "prefixes", "lengths", "langs", "types", "flags")


class Names(NamedTuple):
    """The names that are searched in text of one language."""

    hashes: Ints1d  # sorted, distinct. Shape: (n_keys,), uint64
    flags: Ints1d  # Shape: (n_keys,), uint32
    prefixes: Ints1d  # sorted hashes of the beginnings of keys. Shape: (n_prefixes,), uint64
    lengths: Ints1d  # length of the longest key with each beginning. Shape: (n_prefixes,), int64

    @property
    def has_stems(self) -> bool:
        """Whether a name may be followed by an ending."""
        return bool(len(self.flags)) and bool((self.flags & _WITH_ENDINGS).any())


class AnyIndex(Protocol):
    """Names of a knowledge base."""

    type_names: List[str]

    def names(self, lang: Optional[str], types: Optional[Collection[str]] = None, min_length: int = 1) -> Names:
        """Select names for text of a language, as `NameIndex.names` does."""
        ...


class NameIndex:
    """Names of entities, by the hashes of their `loose_key`s.

    A row is a name's key, language and type. 1.5 million of them take 30 MB.

    hashes (Ints1d): Shape: (n_rows,), uint64.
    prefixes (Ints1d): Hash of the first five characters of the key. Shape: (n_rows,), uint64.
    lengths (Ints1d): Length of the key. Shape: (n_rows,), uint16.
    langs (Ints1d): Index of its language in `languages`. Shape: (n_rows,), uint16.
    types (Ints1d): Index of its entity's type in `type_names`. Shape: (n_rows,), uint32.
    flags (Ints1d): Bits, as defined in this file. Shape: (n_rows,), uint32.
    languages (List[str]): Languages.
    type_names (List[str]): Types.
    """

    def __init__(
        self,
        hashes: Ints1d,
        prefixes: Ints1d,
        lengths: Ints1d,
        langs: Ints1d,
        types: Ints1d,
        flags: Ints1d,
        languages: List[str],
        type_names: List[str],
    ):
        self.hashes, self.prefixes, self.lengths = hashes, prefixes, lengths
        self.langs, self.types, self.flags = langs, types, flags
        self.languages, self.type_names = languages, type_names

    def write(self, path: Path) -> None:
        """Write the index to a file.

        path (Path): The file.
        """
        columns = {name: getattr(self, name) for name in COLUMNS}
        with path.open("wb") as file:
            numpy.savez(file, **columns, languages=_text(self.languages), type_names=_text(self.type_names))

    @classmethod
    def read(cls, path: Path) -> Optional[NameIndex]:
        """Read an index that `write` wrote.

        path (Path): The file.
        RETURNS (Optional[NameIndex]): The index; None if there is no such file, or if it is damaged.
        """
        try:
            with numpy.load(path, allow_pickle=False) as file:
                columns: Any = {name: file[name] for name in COLUMNS}
                names = {name: file[name].tobytes().decode("utf8").split("\n") for name in ("languages", "type_names")}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return cls(**columns, **names)

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> NameIndex:
        """Index the names of entities.

        entities (Iterable[Entity]): The entities.
        RETURNS (NameIndex): The index.
        """
        languages: Dict[str, int] = {}
        types: Dict[str, int] = {}
        keys: List[str] = []
        codes: List[Tuple[int, int, int]] = []
        parts = []
        for entity in entities:
            weak = {name.name for name in entity.names if name.kind == WEAK}
            kind = types.setdefault(entity.type, len(types))
            for name in entity.names:
                if name.kind == CROSS_REFERENCE or name.name in weak:
                    continue
                lang = languages.setdefault(name.lang, len(languages))
                for key, flags in _keys_of(name.name, name.lang, name.kind):
                    keys.append(key)
                    codes.append((lang, kind, flags))
            if len(keys) >= _BLOCK:
                parts.append(index_rows(keys, codes))
                keys, codes = [], []
        parts.append(index_rows(keys, codes))
        columns: Any = dict(zip(COLUMNS, map(numpy.concatenate, zip(*parts, strict=True)), strict=True))
        names: Any = {"languages": list(languages), "type_names": list(types)}
        return cls(**columns, **names)

    def has_language(self, lang: str) -> bool:
        """Return whether the index has enough names in a language, so that text in it need not be searched for others.

        lang (str): The language.
        RETURNS (bool): Whether it has.
        """
        if lang not in self.languages:
            return False
        counts = numpy.bincount(self.langs, minlength=len(self.languages))
        most = max((int(n) for n, code in zip(counts, self.languages, strict=True) if code), default=0)
        return int(counts[self.languages.index(lang)]) * _MIN_LANGUAGE >= most

    def names(self, lang: Optional[str], types: Optional[Collection[str]] = None, min_length: int = 1) -> Names:
        """Select names for text of a language.

        lang (Optional[str]): Names of this language, and those without a language. All names, if it is None or if the
            index lacks the language: if it has less than a twentieth of the names of the best-known language in it.
        types (Optional[Collection[str]]): Types of the entities; None for all.
        min_length (int): Minimum length of a key.
        RETURNS (Names): The names.
        """
        kept = self.lengths >= min_length
        if lang is not None and self.has_language(lang):
            own = [self.languages.index(code) for code in (lang, "") if code in self.languages]
            kept &= numpy.isin(self.langs, own)
        if types is not None:
            kept &= numpy.isin(self.types, [i for i, name in enumerate(self.type_names) if name in types])
        hashes, flags = join_equal(self.hashes[kept], self.flags[kept], numpy.bitwise_or)
        long = kept & (self.lengths >= PREFIX)
        prefixes, lengths = join_equal(self.prefixes[long], self.lengths[long], numpy.maximum)
        return Names(hashes, flags, prefixes, lengths.astype("int64"))


def spelling_flags(name: str, is_accented: bool) -> int:
    """Return the flags of a name that a text contains as it is.

    name (str): The name.
    is_accented (bool): As returned by `has_accents`.
    RETURNS (int): The flags, NAME among them. Without NO_CODE, the name is a code.
    """
    first = name[0] if name[0].isalpha() else next((char for char in name if char.isalpha()), "")
    flags = NAME | (ACCENTED if is_accented else PLAIN)
    flags |= LOWER if first == first.lower() else 0
    if "'" in name or "\u2019" in name or "\u02bc" in name:
        flags |= APOSTROPHE
    # A name of few letters, all upper case, is a code (US, USA). Found in upper case only: "us" is a word.
    is_code = len(name) <= _MAX_CODE_LENGTH and name.isupper() and name.isalnum() and first.lower() != first
    return flags if is_code else flags | NO_CODE


def stem_flags(flags: int) -> int:
    """Return the flags of the beginning of a name that endings follow.

    flags (int): Those of the name, from `spelling_flags`.
    RETURNS (int): The flags, without those of the endings.
    """
    return flags & ~NAME | NO_CODE


def is_searched(key: str) -> bool:
    """Return whether names with a key are searched in text.

    key (str): The key.
    RETURNS (bool): Whether they are.
    """
    return len(key) <= MAX_NAME_LENGTH and (key[:1].isalnum() or any(map(str.isalnum, key)))


def _keys_of(name: str, lang: str, kind: str) -> Iterable[Tuple[str, int]]:
    key, is_accented = fold_name(name)
    if not is_searched(key):
        return
    if kind == COMMON:
        yield key, ORDINARY
        return
    flags = spelling_flags(name, is_accented)
    if kind == STEM:
        yield key, stem_flags(flags) | ANY_ENDING
        return
    yield key, flags
    stem = stem_of(key, lang) if flags & NO_CODE else None
    if stem is not None:
        yield stem, stem_flags(flags) | INFLECTED[lang]


def _text(parts: List[str]) -> Ints1d:
    return numpy.frombuffer("\n".join(parts).encode("utf8"), dtype="uint8")


def index_rows(keys: List[str], codes: List[Tuple[int, int, int]]) -> Tuple[Ints1d, ...]:
    """Return rows of an index.

    keys (List[str]): The keys of names.
    codes (List[Tuple[int, int, int]]): Indexes of language and type, and flags, of each.
    RETURNS (Tuple[Ints1d, ...]): The columns `COLUMNS`. Shapes: (n_rows,).
    """
    table = numpy.asarray(codes, dtype="int64").reshape((-1, 3))
    lengths = numpy.fromiter(map(len, keys), dtype="int64", count=len(keys))
    columns = (hash_keys(keys), hash_keys([key[:PREFIX] for key in keys]), lengths.astype("uint16"))
    return (*columns, table[:, 0].astype("uint16"), table[:, 1].astype("uint32"), table[:, 2].astype("uint32"))


def join_equal(keys: Ints1d, values: Ints1d, join: numpy.ufunc) -> Tuple[Ints1d, Ints1d]:
    """Join the values of equal keys.

    keys (Ints1d): Keys. Shape: (n,).
    values (Ints1d): Their values. Shape: (n,).
    join (numpy.ufunc): How two values are joined.
    RETURNS (Tuple[Ints1d, Ints1d]): Distinct keys, sorted, and the joined values of each. Shapes: (n_distinct,).
    """
    if not len(keys):
        return keys, values
    order = numpy.argsort(keys)
    keys, values = keys[order], values[order]
    heads = numpy.flatnonzero(numpy.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[heads], join.reduceat(values, heads)
