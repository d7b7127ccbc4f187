"""Folders with a file for each document: names of files and types, which have fewer characters than ids and labels; the
files of a folder or an archive."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List

from ..storage.untrusted import parse_json
from .documents import Place, ToolDocument, nil_places, reading, restore_nil, tool_label, unreadable

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


@dataclass
class Names:
    """Names of documents, entities and relations in a folder."""

    documents: Dict[str, str]  # file name without suffix, by id
    entities: Dict[str, str]  # name of the type, by label
    relations: Dict[str, str]  # name of the type, by label
    nil: Dict[str, List[Place]]  # bounds of entities that are not in the knowledge base, by file name

    @classmethod
    def of(cls, documents: List[ToolDocument]) -> Names:
        """Make names for documents.

        documents (List[ToolDocument]): The documents.
        RETURNS (Names): The names. No entity has the name of a relation.
        """
        labels = {tool_label(entity.label) for document in documents for entity in document.entities}
        entities = plain_names(sorted(labels))
        relations = sorted({relation.label for document in documents for relation in document.relations})
        files = plain_names(document.id for document in documents)
        nil = {files[document.id]: nil_places(document.entities) for document in documents}
        nil = {name: bounds for name, bounds in nil.items() if bounds}
        return cls(files, entities, plain_names(relations, taken=entities.values()), nil)

    def to_json(self) -> str:
        """Return the original ids and labels, by name, as JSON."""
        originals = Originals(_turned(self.documents), _turned(self.entities), _turned(self.relations), self.nil)
        return json.dumps(asdict(originals), ensure_ascii=False, indent=1)


@dataclass
class Originals:
    """Original ids and labels of a folder."""

    documents: Dict[str, str] = field(default_factory=dict)  # id, by file name without suffix
    entities: Dict[str, str] = field(default_factory=dict)  # label, by name of the type
    relations: Dict[str, str] = field(default_factory=dict)  # label, by name of the type
    nil: Dict[str, List[Place]] = field(default_factory=dict)  # as in `Names`

    def set_on(self, document: ToolDocument, file_name: str) -> ToolDocument:
        """Give a document its id, and mark its entities that are not in the knowledge base.

        document (ToolDocument): The document that was read, changed in place.
        file_name (str): Name of its file, without suffix.
        RETURNS (ToolDocument): The same document.
        """
        document.id = self.documents.get(file_name, file_name)
        restore_nil(document.entities, document.text, self.nil.get(file_name, ()))
        return document


def read_names(folder: Path) -> Originals:
    """Read the original ids and labels of a folder.

    folder (Path): The folder.
    RETURNS (Originals): The original ids and labels; empty if the folder has no such file.
    RAISES (ValueError): ML470 if the file is damaged.
    """
    path = folder / NAMES_FILE
    if not path.is_file():
        return Originals()
    with reading(f"'{path}'"):
        found = parse_json(path.read_bytes())
        return Originals(
            documents=_texts(found.get("documents", {})),
            entities=_texts(found.get("entities", {})),
            relations=_texts(found.get("relations", {})),
            nil={
                str(name): [(int(a), int(b), str(label)) for a, b, label in places]
                for name, places in found.get("nil", {}).items()
            },
        )


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


def _texts(names: Dict[Any, Any]) -> Dict[str, str]:
    return {str(name): str(original) for name, original in names.items()}


def _turned(names: Dict[str, str]) -> Dict[str, str]:
    return {name: original for original, name in names.items()}
