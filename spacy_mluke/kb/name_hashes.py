"""Hashes of names, which are also those of equal parts of a text: polynomials in the characters, modulo 2**64."""

from __future__ import annotations

from typing import Dict, List, Tuple

import numpy

from ..types import Ints1d

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_BASE, -1, 1 << 64)
_MASK = (1 << 64) - 1


def running_hashes(text: str) -> Tuple[Ints1d, Ints1d]:
    """Return two arrays from which the hash of each part of a text follows: see `part_hashes`.

    text (str): The folded text.
    RETURNS (Tuple[Ints1d, Ints1d]): Sums of the hashed characters, and inverse powers. Shapes: (n + 1,), uint64.
    """
    codes = _mixed(text)
    sums = numpy.zeros(len(codes) + 1, dtype="uint64")
    numpy.cumsum(codes * _powers(_BASE, len(codes)), out=sums[1:])
    return sums, _powers(_INVERSE, len(codes) + 1)


def part_hashes(hashes: Tuple[Ints1d, Ints1d], starts: Ints1d, ends: Ints1d) -> Ints1d:
    """Return the hashes of parts of a text: a polynomial in its characters, modulo 2**64.

    hashes (Tuple[Ints1d, Ints1d]): As returned by `running_hashes`.
    starts (Ints1d): First character of each part.
    ends (Ints1d): End of each part.
    RETURNS (Ints1d): Hashes. Shape: (n_parts,), uint64.
    """
    sums, inverse = hashes
    return (sums[ends] - sums[starts]) * inverse[starts]


def hash_keys(keys: List[str]) -> Ints1d:
    """Return the hashes of keys, which are those of equal parts of a text.

    keys (List[str]): Keys, none of them empty.
    RETURNS (Ints1d): Shape: (n_keys,), uint64.
    """
    if not keys:
        return numpy.zeros(0, dtype="uint64")
    lengths = numpy.fromiter(map(len, keys), dtype="int64", count=len(keys))
    heads = numpy.cumsum(lengths) - lengths
    places = numpy.arange(lengths.sum()) - heads.repeat(lengths)
    codes = _mixed("".join(keys)) * _powers(_BASE, int(lengths.max()))[places]
    return numpy.add.reduceat(codes, heads)


def hash_key(key: str) -> int:
    """Return the hash of one key, as `hash_keys` does, without the cost of arrays.

    key (str): The key.
    RETURNS (int): From 0 to 2**64 - 1.
    """
    found = 0
    for char in reversed(key):
        code = _CODES.get(char)
        if code is None:
            code = int(_mixed(char)[0])
            if len(_CODES) < _MAX_CACHED:
                _CODES[char] = code
        found = (found * _BASE + code) & _MASK
    return found


_MAX_CACHED = 1 << 16
_CODES: Dict[str, int] = {}  # of characters


def _mixed(text: str) -> Ints1d:
    """A random number for each character of a text."""
    raw = numpy.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="uint32").astype("uint64")
    # splitmix64
    codes = (raw + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
    codes = (codes ^ (codes >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    codes = (codes ^ (codes >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return codes ^ (codes >> numpy.uint64(31))


_POWERS: Dict[int, Ints1d] = {}


def _powers(base: int, n: int) -> Ints1d:
    found = _POWERS.get(base)
    if found is None or len(found) < n:
        steps = numpy.full(max(n, 8192), base, dtype="uint64")
        steps[0] = 1
        found = _POWERS[base] = numpy.multiply.accumulate(steps)
    return found[:n]
