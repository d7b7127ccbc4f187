"""Read the packed knowledge base of the package: an entity on each line, facts, and names of classes."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

from .packed_cells import SEPARATOR

ENTITIES, FACTS, CLASSES = "entities.tsv.xz", "facts.tsv.xz", "classes.tsv"


class PackedEntity(NamedTuple):
    """An entity of the packed knowledge base."""

    id: str
    type: str
    prior: float
    references: str  # ids in other registers, with spaces between them
    classes: str  # numbers of its classes, with spaces between them
    names: str  # cells (see `packed_cells`)


def read_packed_entities(folder: Path) -> List[PackedEntity]:
    """Read all entities.

    folder (Path): The folder of the files.
    RETURNS (List[PackedEntity]): The entities, sorted by id.
    """
    # A line begins with the id and a tab, which precedes all characters of ids.
    lines = sorted(lzma.decompress((folder / ENTITIES).read_bytes()).decode("utf8").split("\n"))
    cells = (line.split(SEPARATOR, 5) for line in lines if line)
    return [PackedEntity(own[0], own[1], float(own[2]), *own[3:]) for own in cells]


def read_packed_facts(folder: Path) -> Iterator[Tuple[str, str, str]]:
    """Read facts.

    folder (Path): The folder of the files.
    YIELDS (Tuple[str, str, str]): Subject, property, object.
    """
    for relation, subject, objects in packed_lines(folder / FACTS):
        for object_ in objects.split():
            yield subject, relation, object_


def class_names(folder: Path) -> List[str]:
    """Read the names of classes.

    folder (Path): The folder of the files.
    RETURNS (List[str]): The names, in the order of the numbers that entities have; "" for a class without one.
    """
    lines = (folder / CLASSES).read_text(encoding="utf8").splitlines()
    return [line.partition("\t")[2] for line in lines]


def packed_lines(path: Path) -> Iterator[List[str]]:
    """Read the lines of a packed table.

    path (Path): The file.
    YIELDS (List[str]): The cells of a line.
    """
    with lzma.open(path, "rt", encoding="utf8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")
