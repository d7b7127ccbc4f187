"""Words of names, and tables of 32-bit hashes that they are looked up in. NumPy only: exported models read it, too."""

from __future__ import annotations

import re
from typing import Any, List, Tuple

import numpy

from ..types import Ints1d
from .name_hashes import hash_keys
from .name_keys import loose_key

# Types that are told apart; all others are one more.
TYPES = ("PER", "ORG", "LOC")
N_TYPES = len(TYPES) + 1
# Endings of up to so many letters are cut off until a name or word is known, but so many letters are left.
MAX_ENDING, MIN_STEM = 3, 4
# A name of one of these scripts, which write no spaces, is split into characters.
_CHARACTERS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORD = re.compile(f"[{_CHARACTERS}]|[^\\W_{_CHARACTERS}]+")
_FIRST_CHARACTER = 0x3040


def split_name(name: str) -> List[str]:
    """Split a name into the keys of its words.

    name (str): The name.
    RETURNS (List[str]): As from `loose_key`. Chinese and Japanese characters are words of their own.
    """
    return [loose_key(word) for word in WORD.findall(name)]


def is_character(word: str) -> bool:
    """Return whether a word is one Chinese or Japanese character.

    word (str): The word.
    RETURNS (bool): Whether it is.
    """
    return len(word) == 1 and ord(word) >= _FIRST_CHARACTER


def make_table(keys: List[str], values: Any, width: int, dtype: str) -> Tuple[Ints1d, Ints1d]:
    """Return the sorted hashes of keys, and their values, packed into one number each.

    keys (List[str]): The keys.
    values (Any): Numbers from 0. Shape: (n_keys, n_values).
    width (int): Bits of each.
    dtype (str): Type of the packed values.
    RETURNS (Tuple[Ints1d, Ints1d]): Hashes, uint32, and packed values. Shapes: (n_keys,).
    """
    hashes = _hashes(keys)
    packed = numpy.zeros(len(keys), dtype=dtype)
    for i, column in enumerate(values.T):
        packed |= column.astype(dtype) << numpy.asarray(i * width, dtype=dtype)
    unique, rows = numpy.unique(hashes, return_index=True)
    return unique, packed[rows]


def unpack(values: Ints1d, first: int, width: int, n: int = N_TYPES) -> Ints1d:
    """Return numbers that `make_table` has packed.

    values (Ints1d): The packed numbers.
    first (int): The first of them.
    width (int): Bits of each.
    n (int): How many.
    RETURNS (Ints1d): Shape: (n_values, n).
    """
    shifts = ((first + numpy.arange(n)) * width).astype(values.dtype)
    mask = numpy.asarray((1 << width) - 1, dtype=values.dtype)
    return (values[:, None] >> shifts) & mask


def look_up(table: Ints1d, keys: List[str], *, max_ending: int = MAX_ENDING) -> Ints1d:
    """Return the places of keys in a table, or of their beginnings.

    table (Ints1d): Sorted hashes. Shape: (n,), uint32.
    keys (List[str]): The keys.
    max_ending (int): Maximum number of letters of an ending that are cut off, until a key is known.
    RETURNS (Ints1d): -1 for a key that is not known. Shape: (n_keys,), int64.
    """
    found = numpy.full(len(keys), -1, dtype="int64")
    if not len(table):
        return found
    for cut in range(max_ending + 1):
        rows = [i for i in numpy.flatnonzero(found < 0).tolist() if keys[i] and (not cut or _may_cut(keys[i], cut))]
        hashes = _hashes([keys[i][: len(keys[i]) - cut] for i in rows])
        places = numpy.minimum(numpy.searchsorted(table, hashes), len(table) - 1)
        is_known = table[places] == hashes
        found[numpy.asarray(rows, dtype="int64")[is_known]] = places[is_known]
    return found


def _hashes(keys: List[str]) -> Ints1d:
    return (hash_keys(keys) >> numpy.uint64(32)).astype("uint32")


def _may_cut(key: str, n: int) -> bool:
    return len(key) - n >= MIN_STEM and ord(key[-1]) < _FIRST_CHARACTER
