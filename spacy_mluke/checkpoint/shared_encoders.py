"""Pointers between components of a saved pipeline: equal encoders are saved once, others point to them."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import Errors
from ..storage.files import plain_name, replacing
from ..storage.manifest import checksum

POINTER = "shared.json"


def write_pointer(path: Path, other: Path) -> None:
    """Write a directory that points to the encoder of another component.

    path (Path): The directory, created if missing, at the same depth as the other one.
    other (Path): The encoder of another component of the same pipeline.
    """
    path.mkdir(parents=True, exist_ok=True)
    files = {file.name: checksum(file) for file in sorted(other.iterdir()) if file.is_file()}
    content = {"component": other.parent.name, "files": files}
    with replacing(path / POINTER) as aside:
        aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf8")


def follow_pointer(path: Path) -> Path:
    """Return the directory that holds the files of an encoder.

    path (Path): The `encoder` directory of a component.
    RETURNS (Path): The directory of another component if there is a pointer to it, else the same directory.
    RAISES (ValueError): ML365 if the pointer is damaged, or the other encoder is missing or has changed.
    """
    pointer = path / POINTER
    if not pointer.is_file():
        return path
    try:
        content = json.loads(pointer.read_text(encoding="utf8"))
        # Only a component of the same pipeline is read, whatever name the file has.
        other = path.absolute().parent.parent / plain_name(content["component"]) / path.name
        if (other / POINTER).exists() or not content["files"]:
            raise ValueError(f"'{other}' contains no encoder")
        for name, expected in content["files"].items():
            file = other / plain_name(name)
            if not file.is_file() or checksum(file) != expected:
                raise ValueError(f"'{file}' is missing or has changed")
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(Errors.ML365.format(path=pointer, reason=error)) from error
    return other
