"""Encoders of a saved pipeline that are the same as another component's: a pointer stands in their place."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import Errors
from ..storage.files import plain_name, replacing
from ..storage.manifest import checksum

POINTER = "shared.json"


def point_to(path: Path, other: Path) -> None:
    """Write a directory that stands for a neighbour's encoder.

    path (Path): The directory, made if missing; it will stand at the same depth as the other one.
    other (Path): The encoder of another component of the same pipeline.
    """
    path.mkdir(parents=True, exist_ok=True)
    files = {file.name: checksum(file) for file in sorted(other.iterdir()) if file.is_file()}
    content = {"component": other.parent.name, "files": files}
    with replacing(path / POINTER) as aside:
        aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf8")


def follow(path: Path) -> Path:
    """Find the directory that one stands for.

    path (Path): The `encoder` of a component.
    RETURNS (Path): The one of another component beside it, if there is a pointer to that; else the same.
    RAISES (ValueError): ML365 if the pointer is damaged, or that encoder is not there or has changed.
    """
    pointer = path / POINTER
    if not pointer.is_file():
        return path
    try:
        content = json.loads(pointer.read_text(encoding="utf8"))
        # A name beside this component's, whatever the file says: nothing else is read.
        other = path.absolute().parent.parent / plain_name(content["component"]) / path.name
        if (other / POINTER).exists() or not content["files"]:
            raise ValueError(f"'{other}' holds no encoder")
        for name, wanted in content["files"].items():
            file = other / plain_name(name)
            if not file.is_file() or checksum(file) != wanted:
                raise ValueError(f"'{file}' is missing, or is not the file that it was")
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(Errors.ML365.format(path=pointer, reason=error)) from error
    return other
