"""What a knowledge base knows about names: the types of entities with this name, and of names that begin or end with
its words. NumPy only: exported models read it, too."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

import numpy

from ..errors import Errors
from ..types import Bools1d, Floats2d, Ints1d
from .entities import Entity
from .name_hashes import hash_keys
from .name_keys import loose_key
from .store_format import CROSS_REFERENCE, STEM

# Types that are told apart; all others are one more.
TYPES = ("PER", "ORG", "LOC")
# Endings of up to so many letters are cut off until a name or word is known, but so many letters are left.
MAX_ENDING, MIN_STEM = 3, 4
# A name of one of these scripts, which write no spaces, is split into characters.
_CHARACTERS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_CHARACTERS}]|[^\\W_{_CHARACTERS}]+")
_N_TYPES = len(TYPES) + 1
# The share of a type is stored in 2 bits, the number of entities in 4 bits, on a scale of logarithms.
_SHARES, _COUNTS, _STEPS = 3, 15, 1.5
# For the whole name, for its first word and for its last word: whether it is known, and a number for each type. Then
# the spelling: capital, upper case, lower case, user name or tag, one word, two words.
N_FEATURES = 3 * (1 + _N_TYPES) + 6
_N_CASES = 3  # the features of capitals, which come first
_MARKS = ("@", "#")
_COLUMNS = ("names", "shares", "words", "counts")
_HASHES = ("names", "words")
_TYPES = {"names": "uint32", "shares": "uint8", "words": "uint32", "counts": "uint32", "weights": "float32"}


@dataclass(frozen=True)
class KnownNames:
    """Names and their words, by hashes of 32 bits.

    names (Ints1d): Hashes of names, sorted. Shape: (n_names,), uint32.
    shares (Ints1d): The share of each type in the priors of the entities with this name: two bits each. Shape:
        (n_names,), uint8.
    words (Ints1d): Hashes of words, sorted. Shape: (n_words,), uint32.
    counts (Ints1d): How many entities of each type have a name of several words that begins with this word, and that
        ends with it: four bits each. Shape: (n_words,), uint32.
    """

    names: Ints1d
    shares: Ints1d
    words: Ints1d
    counts: Ints1d

    @classmethod
    def of(cls, entities: Iterable[Entity], *, least_prior: float = 0.0, least_count: int = 1) -> KnownNames:
        """Collect the names of entities.

        entities (Iterable[Entity]): Such as `open_store("knowledge").entities()`. Their types are PER, ORG, LOC or
            others.
        least_prior (float): Names whose entities have a lower prior in sum are left out.
        least_count (int): Words that fewer entities have are left out.
        RETURNS (KnownNames): The names.
        """
        names: Dict[str, List[float]] = {}
        words: Dict[str, List[int]] = {}
        for entity in entities:
            kind = TYPES.index(entity.type) if entity.type in TYPES else len(TYPES)
            places: Set[Tuple[str, int]] = set()
            own = {name.name for name in entity.names if name.kind not in (STEM, CROSS_REFERENCE)}
            for parts in {tuple(split_name(name)) for name in own}:
                if parts:
                    prior = 1.0 if entity.prior is None else entity.prior
                    names.setdefault(" ".join(parts), [0.0] * _N_TYPES)[kind] += prior
                if len(parts) > 1:
                    places |= {(parts[0], kind), (parts[-1], kind + _N_TYPES)}
            for word, place in places:
                words.setdefault(word, [0] * (2 * _N_TYPES))[place] += 1
        kept_names = {name: row for name, row in names.items() if sum(row) >= max(least_prior, 1e-9)}
        kept_words = {word: row for word, row in words.items() if sum(row) >= least_count}
        priors = numpy.asarray(list(kept_names.values())).reshape((-1, _N_TYPES))
        shares = numpy.rint(_SHARES * priors / priors.sum(axis=1, keepdims=True))
        counts = numpy.asarray(list(kept_words.values())).reshape((-1, 2 * _N_TYPES))
        logs = numpy.minimum(_COUNTS, numpy.rint(_STEPS * numpy.log1p(counts)))
        return cls(*_table(list(kept_names), shares, "uint8"), *_table(list(kept_words), logs, "uint32"))

    def features(self, names: Sequence[str], is_mixed: Optional[Bools1d] = None) -> Floats2d:
        """Return what is known about names, and how they are spelled.

        names (Sequence[str]): The names, as in a text.
        is_mixed (Optional[Bools1d]): Whether the text of each is in mixed case: in other texts, capitals say nothing.
            None: all are. Shape: (n_names,).
        RETURNS (Floats2d): Shape: (n_names, N_FEATURES).
        """
        parts = [split_name(name) for name in names]
        known = _look_up(self.names, self.shares, [" ".join(words) for words in parts])
        whole = numpy.where(known >= 0, known, 0)
        # The characters of Chinese and Japanese names are no words.
        are_words = [words if words and not _is_character(words[0]) else [""] for words in parts]
        ends = []
        for place, first in ((0, 0), (-1, _N_TYPES)):
            found = _look_up(self.words, self.counts, [words[place] for words in are_words])
            ends += [found >= 0, *(_field(numpy.where(found >= 0, found, 0), first, 4) / _STEPS).T]
        columns = [known >= 0, *(_field(whole, 0, 2) / _SHARES).T, *ends]
        spelling = [_spelling(name, len(words)) for name, words in zip(names, parts, strict=True)]
        spelled = numpy.asarray(spelling, dtype="float32").reshape((-1, N_FEATURES - len(columns)))
        if is_mixed is not None:
            spelled[~is_mixed, :_N_CASES] = 0.0
        return numpy.hstack([numpy.stack(columns, axis=1), spelled]).astype("float32")


@dataclass(frozen=True)
class NameEvidence:
    """What known names say about the labels of a component: weights for `KnownNames.features`.

    known (KnownNames): The names.
    classes (List[str]): Labels that have weights.
    weights (Floats2d): A row for each feature, and one more for all names. Shape: (N_FEATURES + 1, n_labels).
    """

    known: KnownNames
    classes: List[str]
    weights: Floats2d

    def logits(self, names: Sequence[str], classes: Sequence[str], is_mixed: Optional[Bools1d] = None) -> Floats2d:
        """Return what is added to the logits of names.

        names (Sequence[str]): The names.
        classes (Sequence[str]): The classes of the columns to return. A class without weights has zeros.
        is_mixed (Optional[Bools1d]): As for `KnownNames.features`.
        RETURNS (Floats2d): Shape: (n_names, n_classes).
        """
        found = numpy.zeros((len(names), len(classes)), dtype="float32")
        own = [i for i, name in enumerate(classes) if name in self.classes]
        columns = [self.classes.index(classes[i]) for i in own]
        if len(names):
            features = self.known.features(names, is_mixed)
            found[:, own] = features @ self.weights[:-1, columns] + self.weights[-1, columns]
        return found

    def to_bytes(self) -> bytes:
        """Return names and weights as bytes.

        RETURNS (bytes): An archive of arrays.
        """
        columns: Dict[str, Any] = {name: getattr(self.known, name) for name in _COLUMNS}
        # Differences of sorted numbers are small, and compress well.
        for name in _HASHES:
            columns[name] = numpy.diff(columns[name], prepend=numpy.uint32(0))
        file = io.BytesIO()
        numpy.savez_compressed(file, **columns, weights=self.weights, classes=numpy.asarray(self.classes, dtype="U"))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> NameEvidence:
        """Read what `to_bytes` returned.

        data (bytes): The bytes.
        source (str): Where they are from, for the message.
        RETURNS (NameEvidence): Names and weights.
        RAISES (ValueError): ML468 if they are damaged.
        """
        try:
            with numpy.load(io.BytesIO(data), allow_pickle=False) as file:
                found: Dict[str, Any] = {name: file[name] for name in (*_COLUMNS, "weights", "classes")}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(Errors.ML468.format(source=source, reason=error)) from error
        _check(found, source)
        for name in _HASHES:
            found[name] = numpy.cumsum(found[name], dtype="uint32")
        classes = found.pop("classes").tolist()
        return cls(weights=found.pop("weights"), classes=classes, known=KnownNames(**found))


def _check(found: Mapping[str, Any], source: str) -> None:
    """Check the arrays of a file."""
    types = {name: found[name].dtype for name in (*_COLUMNS, "weights")}
    shapes = {name: found[name].shape for name in (*_COLUMNS, "weights")}
    is_right = types == {name: numpy.dtype(kind) for name, kind in _TYPES.items()}
    is_right &= shapes["names"] == shapes["shares"] and shapes["words"] == shapes["counts"]
    is_right &= len(shapes["names"]) == len(shapes["words"]) == 1
    is_right &= shapes["weights"] == (N_FEATURES + 1, *found["classes"].shape)
    if not is_right or found["classes"].dtype.kind != "U":
        raise ValueError(Errors.ML468.format(source=source, reason=f"its arrays have the shapes {shapes}"))


def split_name(name: str) -> List[str]:
    """Split a name into the keys of its words.

    name (str): The name.
    RETURNS (List[str]): As from `loose_key`. Chinese and Japanese characters are words of their own.
    """
    return [loose_key(word) for word in _WORD.findall(name)]


def is_mixed_case(text: str) -> bool:
    """Return whether a text has both small letters and capitals.

    text (str): The text.
    RETURNS (bool): False for texts in lower case, in upper case, and in scripts without case.
    """
    return text != text.lower() and text != text.upper()


def are_mixed_case(texts: Iterable[str], owners: Ints1d) -> Bools1d:
    """Return whether names are in texts with both small letters and capitals.

    texts (Iterable[str]): The texts.
    owners (Ints1d): The text of each name. Shape: (n_names,).
    RETURNS (Bools1d): Shape: (n_names,).
    """
    return numpy.asarray([is_mixed_case(text) for text in texts], dtype=bool)[owners]


def _spelling(name: str, n_words: int) -> List[bool]:
    first = name[:1]
    return [first.isupper(), name.isupper(), name.islower(), first in _MARKS, n_words == 1, n_words == 2]


def _is_character(word: str) -> bool:
    return len(word) == 1 and ord(word) >= 0x3040


def _table(keys: List[str], values: Any, dtype: str) -> Tuple[Ints1d, Ints1d]:
    """Sorted hashes of keys, and their values, packed."""
    hashes = _hashes(keys)
    width = 8 * numpy.dtype(dtype).itemsize // max(1, values.shape[1])
    packed = numpy.zeros(len(keys), dtype=dtype)
    for i, column in enumerate(values.T):
        packed |= column.astype(dtype) << numpy.asarray(i * width, dtype=dtype)
    unique, rows = numpy.unique(hashes, return_index=True)
    return unique, packed[rows]


def _field(values: Ints1d, first: int, width: int) -> Ints1d:
    """Unpack the numbers of all types. Shape: (n, 4)."""
    shifts = (first + numpy.arange(_N_TYPES)) * width
    return (values[:, None] >> shifts) & ((1 << width) - 1)


def _hashes(keys: List[str]) -> Ints1d:
    return (hash_keys(keys) >> numpy.uint64(32)).astype("uint32")


def _look_up(table: Ints1d, values: Ints1d, keys: List[str]) -> Ints1d:
    """Return the values of keys, or of their beginnings: -1 for one that is not known. Shape: (n_keys,), int64."""
    found = numpy.full(len(keys), -1, dtype="int64")
    if not len(table):
        return found
    for cut in range(MAX_ENDING + 1):
        rows = [i for i in numpy.flatnonzero(found < 0).tolist() if keys[i] and (not cut or _may_cut(keys[i], cut))]
        hashes = _hashes([keys[i][: len(keys[i]) - cut] for i in rows])
        places = numpy.minimum(numpy.searchsorted(table, hashes), len(table) - 1)
        is_known = table[places] == hashes
        found[numpy.asarray(rows, dtype="int64")[is_known]] = values[places[is_known]]
    return found


def _may_cut(key: str, n: int) -> bool:
    return len(key) - n >= MIN_STEM and ord(key[-1]) < 0x3040
