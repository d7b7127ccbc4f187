"""The manifest of a saved component: its files with checksums, and the components it was saved with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from ..errors import Errors
from .files import replacing

MANIFEST = "files.json"
FORMAT = 1
_CONFIG = "config.cfg"
# Files up to this size are hashed whole. Of larger files, evenly spaced blocks are hashed.
_SMALL = 1 << 20
_N_BLOCKS, _BLOCK = 64, 1 << 14
_HASH = "sha256"


def write_manifest(folder: Path, *, place: Path, earlier: List[str]) -> None:
    """Write the manifest of a component: its files, and the pipeline's components that were saved before it.

    folder (Path): The temporary folder to which the component was written.
    place (Path): The component's final folder, beside those of the other components.
    earlier (List[str]): Names of the components that were saved before.
    """
    files = {
        file.relative_to(folder).as_posix(): checksum(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file != folder / MANIFEST
    }
    content = {"format": FORMAT, "files": files, "saved_with": _neighbours(place, earlier)}
    config = place.parent / _CONFIG
    if config.is_file():
        content["config"] = checksum(config)
    with replacing(folder / MANIFEST) as aside:
        aside.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf8")


def read_manifest(folder: Path) -> Optional[Dict[str, Any]]:
    """Read the manifest of a component.

    folder (Path): The component's folder.
    RETURNS (Optional[Dict[str, Any]]): Checksums: "files" by file name, "saved_with" by component name, and "config".
        None if there is no manifest; versions before 0.2 wrote none.
    RAISES (ValueError): ML364 if the manifest is damaged.
    """
    path = folder / MANIFEST
    try:
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf8"))
        if content["format"] > FORMAT:
            raise ValueError(f"it has format {content['format']}, and this version reads {FORMAT}")
        for part in ("files", "saved_with"):
            if not all(isinstance(text, str) for pair in content[part].items() for text in pair):
                raise ValueError(f"'{part}' is damaged")
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(Errors.ML364.format(path=path, reason=error, manifest=path)) from error
    return content


def check_manifest(folder: Path) -> Optional[Dict[str, Any]]:
    """Check that a component's files were saved together, and together with the other components.

    folder (Path): The component's folder.
    RETURNS (Optional[Dict[str, Any]]): The manifest, as from `read_manifest`.
    RAISES (ValueError): ML364 if a file is missing or has changed, ML363 if another component was saved at another
        time.
    """
    content = read_manifest(folder)
    if content is None:
        return None
    for name, wanted in content["files"].items():
        file = folder / name
        if not file.is_file():
            raise ValueError(Errors.ML364.format(path=file, reason="it is missing", manifest=folder / MANIFEST))
        if checksum(file) != wanted:
            reason = "it is not the file that was saved here"
            raise ValueError(Errors.ML364.format(path=file, reason=reason, manifest=folder / MANIFEST))
    for name, found in _neighbours(folder, list(content["saved_with"])).items():
        if found != content["saved_with"][name]:
            neighbour = folder.parent / name
            raise ValueError(Errors.ML363.format(path=neighbour, name=folder.name, manifest=folder / MANIFEST))
    return content


def is_config_changed(folder: Path, content: Mapping[str, Any]) -> bool:
    """Check whether the pipeline's config has changed since a component was saved.

    folder (Path): The component's folder.
    content (Mapping[str, Any]): The manifest, as from `read_manifest`.
    RETURNS (bool): Whether it changed. False if there was no config, or is none now.
    """
    config = folder.parent / _CONFIG
    return "config" in content and config.is_file() and checksum(config) != content["config"]


def checksum(path: Path) -> str:
    """Return a cheap checksum that differs between files saved at different times.

    path (Path): The file.
    RETURNS (str): SHA-256 of a small file, with Windows line ends normalized; of a large file, SHA-256 of its size and
        of evenly spaced blocks.
    """
    size = path.stat().st_size
    found = hashlib.new(_HASH)
    with path.open("rb") as file:
        if size <= _SMALL:
            found.update(file.read().replace(b"\r\n", b"\n"))
        else:
            found.update(b"%d\n" % size)
            for i in range(_N_BLOCKS):
                file.seek((size - _BLOCK) * i // (_N_BLOCKS - 1))
                found.update(file.read(_BLOCK))
    return f"{_HASH}:{found.hexdigest()}"


def _neighbours(place: Path, names: List[str]) -> Dict[str, str]:
    """Checksums of the manifests of other components of the pipeline."""
    lists = {name: place.parent / name / MANIFEST for name in names}
    return {name: checksum(path) for name, path in lists.items() if path.is_file()}
