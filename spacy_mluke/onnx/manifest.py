"""The manifest of an export: manifest.json says what each graph reads and returns, and what its numbers mean."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict

from ..errors import Errors
from ..storage.untrusted import parse_json, read_untrusted

NAME = "manifest.json"
FORMAT = 1
_MAX_BYTES = 64 << 20
_BLOCK = 1 << 20


def write_manifest(folder: Path, content: Dict[str, Any]) -> None:
    """Write the manifest, with the size and the checksum of every other file of the folder.

    folder (Path): The folder.
    content (Dict[str, Any]): The content.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file != folder / NAME)
    listed = {
        file.relative_to(folder).as_posix(): {"bytes": file.stat().st_size, "sha256": _digest(file)} for file in files
    }
    text = json.dumps({"format": FORMAT, **content, "files": listed}, indent=1, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", encoding="utf8")


def read_manifest(folder: Path, *, verify: bool) -> Dict[str, Any]:
    """Read the manifest of an export, and check that its files are there.

    folder (Path): The folder.
    verify (bool): Whether to compare the checksums of the files, too, not only their sizes.
    RETURNS (Dict[str, Any]): The content.
    RAISES (ValueError): ML484 if the manifest or a file is missing or damaged, or of a later format.
    """
    path = folder / NAME
    try:
        content = parse_json(read_untrusted(path, most=_MAX_BYTES))
        if content["format"] != FORMAT:
            raise ValueError(f"it has format {content['format']!r}, and this version reads {FORMAT}")
        for name, wanted in content["files"].items():
            file = folder / name
            if not file.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"'{name}' is outside the folder")
            if not file.is_file() or file.stat().st_size != wanted["bytes"]:
                raise ValueError(f"'{name}' is missing, or has another size")
            if verify and _digest(file) != wanted["sha256"]:
                raise ValueError(f"'{name}' has changed")
        for part in ("components", "encoders", "tokenizer", "wordpieces"):
            if not isinstance(content[part], dict):
                raise ValueError(f"'{part}' is damaged")
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(Errors.ML484.format(path=folder, reason=error)) from error
    return content


def _digest(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()
