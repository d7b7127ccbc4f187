"""Damage bytes, JSON, and files of a folder."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any, Callable, List, Sequence, Tuple

# Values that often break code.
HOSTILE: Tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 7, 2**31, -(2**31), 2**63, 2**64, 10**30, 1_000_000, 0.5, -0.5, 1e308),
    *(float("nan"), float("inf"), -float("inf"), "", " ", "x", "0", "null", "\x00", "\ud800", "e\u0301" * 50),
    *("../x", "/etc/passwd", "//tmp/x", "a" * 300, [], {}, [None], [[]], {"": None}, [1, "x"], {"text": 1}),
)
BYTES = "bytes"  # some bytes are changed
SHORT = "short"  # bytes at the end, or the whole file, are missing
CONTENT = "content"  # a value of a JSON file is changed


def damage_bytes(rng: random.Random, data: bytes) -> Tuple[bytes, str]:
    """Damage bytes in one or a few places.

    rng (random.Random): Random numbers.
    data (bytes): The bytes.
    RETURNS (Tuple[bytes, str]): Damaged bytes, and BYTES or SHORT.
    """
    if rng.random() < 0.35 or not data:
        return data[: rng.randrange(len(data) + 1)] if data else b"", SHORT
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        # Headers are at the start and at the end.
        at = rng.randrange(len(data)) if rng.random() < 0.6 else min(len(data) - 1, rng.randrange(200))
        if rng.random() < 0.15:
            at = len(data) - 1 - min(len(data) - 1, rng.randrange(200))
        size = rng.choice((1, 1, 2, 4, 8, 64, 512))
        kind = rng.random()
        if kind < 0.3:
            data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        elif kind < 0.5:
            data = data[:at] + rng.randbytes(size) + data[at + size :]
        elif kind < 0.6:
            data = data[:at] + rng.choice((b"\x00", b"\xff", b" ", b"\n")) * size + data[at + size :]
        elif kind < 0.75:
            data = data[:at] + data[at + size :] or b"\x00"
        elif kind < 0.9:
            data = data[:at] + rng.randbytes(size) + data[at:]
        else:
            other = rng.randrange(len(data))
            data = data[:at] + data[other : other + size] + data[at:]
    return data, BYTES


def damage_json(rng: random.Random, value: Any, *, depth: int = 0) -> Any:
    """Replace, remove, duplicate or rename one value of a JSON tree.

    rng (random.Random): Random numbers.
    value (Any): The tree, which is not changed.
    RETURNS (Any): The changed tree.
    """
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        kind = rng.random()
        found = dict(value)
        if kind < 0.15:
            del found[key]
        elif kind < 0.2:
            found[rng.choice(("", "x", key + "s", key.upper(), "__class__"))] = found.pop(key)
        elif kind < 0.25:
            found[rng.choice(("x", "id", "", "\ud800"))] = rng.choice(HOSTILE)
        else:
            found[key] = damage_json(rng, value[key], depth=depth + 1)
        return found
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        kind = rng.random()
        found_list = list(value)
        if kind < 0.15:
            del found_list[at]
        elif kind < 0.25:
            found_list.insert(at, value[at])
        else:
            found_list[at] = damage_json(rng, value[at], depth=depth + 1)
        return found_list
    if isinstance(value, (int, float)) and not isinstance(value, bool) and rng.random() < 0.5:
        near = (value + 1, value - 1, -value, value * 2, value * 1000, float(value), str(value))
        return rng.choice(near)
    if isinstance(value, str) and value and rng.random() < 0.3:
        return rng.choice((value[:-1], value + "x", value.upper(), value[::-1], value * 2))
    return rng.choice(HOSTILE)


def damage_text(rng: random.Random, content: Any) -> bytes:
    """Damage a JSON tree, and serialize it, sometimes as invalid JSON.

    rng (random.Random): Random numbers.
    content (Any): The tree.
    RETURNS (bytes): The text.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = damage_json(rng, content)
    data = json.dumps(content).encode("utf8", "surrogatepass")
    kind = rng.random()
    if kind < 0.04:
        depth = rng.choice((50, 5000, 200_000))
        return b"[" * depth + b"]" * depth if rng.random() < 0.5 else b'{"a":' * depth + b"1" + b"}" * depth
    if kind < 0.06:
        return b"\xef\xbb\xbf" + data
    if kind < 0.08:
        return data.decode("utf8").encode("utf-16")
    if kind < 0.1:
        return data + data
    return data


def damage_folder(
    rng: random.Random, folder: Path, files: Sequence[Path], other: Sequence[Path] = (), *, with_special: bool = True
) -> str:
    """Damage one of a folder's files.

    rng (random.Random): Random numbers.
    folder (Path): The folder.
    files (Sequence[Path]): Files to choose from.
    other (Sequence[Path]): The same files of another folder, as replacements.
    with_special (bool): Whether folders, links and pipes may replace a file.
    RETURNS (str): Kind of damage: SHORT, BYTES, CONTENT, or "mixed", "missing", "special".
    """
    at = rng.randrange(len(files))
    path = files[at]
    kind = rng.random()
    if kind < 0.12:
        path.unlink()
        return "missing"
    if kind < 0.2 and other:
        shutil.copyfile(other[at], path)
        return "mixed"
    if kind < 0.28 and with_special:
        return _replace(rng, path, folder, files)
    if path.suffix == ".json" and kind < 0.75:
        path.write_bytes(damage_text(rng, json.loads(path.read_text(encoding="utf8"))))
        return CONTENT
    data, how = damage_bytes(rng, path.read_bytes())
    path.write_bytes(data)
    return how


def _replace(rng: random.Random, path: Path, folder: Path, files: Sequence[Path]) -> str:
    """Replace a file by a folder, link or pipe."""
    content = rng.choice(files).read_bytes()
    path.unlink()
    makers: List[Callable[[], Any]] = [
        path.mkdir,
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(content),
        lambda: path.symlink_to(folder / "nowhere"),
        lambda: path.symlink_to(path.name),
        lambda: path.symlink_to("/dev/zero"),
        lambda: os.mkfifo(path),
        lambda: path.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    ]
    rng.choice(makers)()
    return "special"
