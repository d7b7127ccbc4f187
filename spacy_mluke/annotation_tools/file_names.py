"""Folders with a file for each document: names of files and types, which have fewer characters than ids and labels; the
files of a folder or an archive."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List

from ..storage.untrusted import parse_json
from .documents import ToolDocument, reading, tool_label, unreadable

NAMES_FILE = "names.json"  # the original ids and labels
_MAX_SIZE = 1 << 30  # bytes of an unpacked file


def plain_names(originals: Iterable[str], taken: Iterable[str] = ()) -> Dict[str, str]:
    """Return a name of letters, digits, hyphens and underscores for each text.

    originals (Iterable[str]): The texts.
    taken (Iterable[str]): Names that others have.
    RETURNS (Dict[str, str]): Different names, by text; the same for the same texts in the same order.
    """
    found: Dict[str, str] = {}
    used = {name.lower() for name in taken}  # some file systems do not distinguish upper and lower case
    for original in dict.fromkeys(originals):
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", original)[:80] or "_"
        name, n = plain, 1
        while name.lower() in used:
            n += 1
            name = f"{plain}_{n}"
        used.add(name.lower())
        found[original] = name
    return found


class Names:
    """Names of documents, entities and relations in a folder.

    documents (Dict[str, str]): File name without suffix, by id.
    entities (Dict[str, str]): Name of the type, by label.
    relations (Dict[str, str]): Name of the type, by label.
    """

    def __init__(self, documents: Dict[str, str], entities: Dict[str, str], relations: Dict[str, str]):
        self.documents = documents
        self.entities = entities
        self.relations = relations

    @classmethod
    def of(cls, documents: List[ToolDocument]) -> Names:
        """Make names for documents.

        documents (List[ToolDocument]): The documents.
        RETURNS (Names): The names. No entity has the name of a relation.
        """
        labels = {tool_label(entity.label) for document in documents for entity in document.entities}
        entities = plain_names(sorted(labels))
        relations = sorted({relation.label for document in documents for relation in document.relations})
        ids = [document.id for document in documents]
        return cls(plain_names(ids), entities, plain_names(relations, taken=entities.values()))

    def to_json(self) -> str:
        """Return the original ids and labels, by name, as JSON."""
        return json.dumps({key: _turned(value) for key, value in vars(self).items()}, ensure_ascii=False, indent=1)


def read_names(folder: Path) -> Dict[str, Dict[str, str]]:
    """Read the original ids and labels of a folder.

    folder (Path): The folder.
    RETURNS (Dict[str, Dict[str, str]]): "documents", "entities" and "relations": the original by name; empty if the
        folder has no such file.
    RAISES (ValueError): ML470 if the file is damaged.
    """
    path = folder / NAMES_FILE
    found: Dict[str, Any] = {}
    if path.is_file():
        with reading(f"'{path}'"):
            found = parse_json(path.read_bytes())
            found = {key: {str(name): str(own) for name, own in value.items()} for key, value in found.items()}
    return {key: found.get(key, {}) for key in ("documents", "entities", "relations")}


def read_files(path: Path, is_read: Callable[[str], bool]) -> Dict[str, bytes]:
    """Read files of a folder or a .zip file, at any depth.

    path (Path): The folder or the archive.
    is_read (Callable[[str], bool]): Whether to read the file of a name (the last part of its path).
    RETURNS (Dict[str, bytes]): Contents, by their paths in the folder or the archive.
    RAISES (ValueError): ML470 if the path is neither, or if the files of an archive are too large.
    """
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.is_file() and is_read(file.name)]
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in found}
    if not zipfile.is_zipfile(path):
        raise unreadable(f"'{path}'", "it is neither a folder nor a .zip file")
    with zipfile.ZipFile(path) as archive:
        members = [one for one in archive.infolist() if not one.is_dir() and is_read(one.filename.rpartition("/")[2])]
        if sum(one.file_size for one in members) > _MAX_SIZE:
            raise unreadable(f"'{path}'", f"its files have more than {_MAX_SIZE:,} bytes")
        return {one.filename: archive.read(one) for one in members}


def _turned(names: Dict[str, str]) -> Dict[str, str]:
    return {name: original for original, name in names.items()}
