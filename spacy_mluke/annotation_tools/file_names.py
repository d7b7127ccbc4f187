"""Folders with a file for each document: names of files and types, which have fewer characters than ids and labels."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterable, List

from ..storage.untrusted import parse_json
from .documents import ToolDocument, reading, tool_label

NAMES_FILE = "names.json"  # the original ids and labels


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


def _turned(names: Dict[str, str]) -> Dict[str, str]:
    return {name: original for original, name in names.items()}
