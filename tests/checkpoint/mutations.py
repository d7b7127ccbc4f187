"""Damage the files of a checkpoint, and load it. The same seed gives the same damage."""

from __future__ import annotations

import json
import random
import struct
import warnings
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import numpy
import torch

from spacy_mluke.checkpoint.load import load_encoder

from .checkpoints import states

Mutation = Tuple[str, bytes]  # what was done, and the content after it

VALUES: List[Any] = [
    None, True, -1, 0, 1, 3, 10**6, 10**12, 10**30, 0.5, 1e300, float("nan"), float("inf"), "", "16", "gelu", "\ud800",
    [], [1], {}, {"content": 3}, [[[[]]]],
]  # fmt: skip


def cut(content: bytes, rng: random.Random) -> Mutation:
    """An interrupted download."""
    size = rng.randrange(len(content)) if content else 0
    return f"cut to {size} bytes", content[:size]


def overwrite(content: bytes, rng: random.Random) -> Mutation:
    """Some bytes are changed."""
    at, n = rng.randrange(len(content)), rng.choice([1, 1, 2, 8])
    return f"{n} bytes overwritten at {at}", content[:at] + rng.randbytes(n) + content[at + n :]


def remove(content: bytes, rng: random.Random) -> Mutation:
    """Some bytes are missing."""
    at, n = rng.randrange(len(content)), rng.choice([1, 4, 64, 512])
    return f"{n} bytes removed at {at}", content[:at] + content[at + n :]


def repeat(content: bytes, rng: random.Random) -> Mutation:
    """Some bytes are repeated."""
    at, n = rng.randrange(len(content)), rng.choice([1, 4, 64, 512])
    return f"{n} bytes repeated at {at}", content[: at + n] + content[at:]


def edit_json(content: bytes, rng: random.Random) -> Mutation:
    """A key of a JSON object is changed, removed or added."""
    found = json.loads(content)
    key = rng.choice(sorted(found)) if found else "x"
    value = rng.choice(VALUES)
    if rng.random() < 0.15:
        found.pop(key, None)
        done = f"'{key}' removed"
    else:
        found[key] = value
        done = f"'{key}' = {value!r}"
    return done, json.dumps(found).encode("utf8")


def edit_header(content: bytes, rng: random.Random) -> Mutation:
    """An entry of a safetensors file has another type, shape or place."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    name = rng.choice(sorted(key for key in header if key != "__metadata__"))
    field = rng.choice(["dtype", "shape", "data_offsets"])
    if field == "dtype":
        value: Any = rng.choice(["F16", "I32", "U8", "BOOL", "F8_E4M3", "X9", 3, None])
    elif field == "shape":
        value = rng.choice(
            [[], [-1], [1 << 40, 1 << 40], header[name]["shape"][::-1], [*header[name]["shape"], 1], "x"]
        )
    else:
        first = header[rng.choice(sorted(key for key in header if key != "__metadata__"))]["data_offsets"]
        value = rng.choice([first, [0, 1 << 50], [-4, 4], [8, 4], [0, 0], header[name]["data_offsets"][:1]])
    header[name][field] = value
    encoded = json.dumps(header).encode("utf8")
    encoded += b" " * (-len(encoded) % 8)
    return f"{field} of '{name}' = {value!r}", struct.pack("<Q", len(encoded)) + encoded + content[8 + size :]


BYTES: List[Callable[[bytes, random.Random], Mutation]] = [cut, cut, overwrite, remove, repeat]


def mutations(content: bytes, name: str, n: int, seed: int = 0) -> Iterator[Mutation]:
    """Damage one file in many ways.

    content (bytes): The file.
    name (str): Its name, which says what it is.
    n (int): How many times.
    seed (int): For the random numbers.
    YIELDS (Mutation): What was done, and the damaged content.
    """
    rng = random.Random(f"{name} {seed}")
    kinds = list(BYTES)
    if name.endswith(".json"):
        kinds += [edit_json] * 4
    if name.endswith(".safetensors"):
        kinds += [edit_header] * 4
    for _ in range(n):
        yield rng.choice(kinds)(content, rng)


def try_checkpoint(path: Path, expected: List[torch.Tensor]) -> str:
    """Load a checkpoint that may be damaged, and run it.

    path (Path): The directory.
    expected (List[Tensor]): States that it gave before.
    RETURNS (str): "same", "other" if it gives other states, "warned" if it says that it may, or the code of the error.
    RAISES (Exception): What is no coded error.
    """
    with warnings.catch_warnings(record=True) as heard, torch.no_grad():
        warnings.simplefilter("always")
        try:
            loaded = load_encoder(path)
            found = states(loaded.network, loaded)
        except ValueError as err:
            if not str(err).startswith("[ML"):
                raise
            return str(err)[1:6]
    coded = [str(w.message)[1:6] for w in heard if str(w.message).startswith("[ML")]
    if coded:
        return f"warned {coded[0]}"
    same = all(
        a.shape == b.shape and numpy.allclose(a.numpy(), b.numpy(), atol=1e-5, equal_nan=True)
        for a, b in zip(found, expected, strict=True)
    )
    return "same" if same else "other"
