"""Read the packed knowledge base of the package: an entity on each line, facts, and names of classes."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Iterator, List, NamedTuple, Tuple

from .packed_cells import SEPARATOR, names_in
from .store_rows import StoreRow

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


def read_packed(folder: Path) -> Iterator[StoreRow]:
    """Read the names of entities.

    A line has, with tabs between them: id, type, prior, ids in other registers, numbers of classes, and names (see
    `packed_cells`).

    folder (Path): The folder of the files.
    YIELDS (StoreRow): A name.
    """
    for cells in packed_lines(folder / ENTITIES):
        entity_id, kind, weight = cells[0], cells[1], float(cells[2])
        for name, lang, form, own in names_in(SEPARATOR.join([cells[3], *cells[5:]]), weight):
            yield StoreRow(entity_id, lang, name, kind, own, form, weight)


def read_packed_facts(folder: Path) -> Iterator[Tuple[str, str, str]]:
    """Read facts.

    folder (Path): The folder of the files.
    YIELDS (Tuple[str, str, str]): Subject, property, object.
    """
    for relation, subject, objects in packed_lines(folder / FACTS):
        for object_ in objects.split():
            yield subject, relation, object_


def read_packed_classes(folder: Path) -> Iterator[Tuple[str, str]]:
    """Read the classes of entities.

    folder (Path): The folder of the files.
    YIELDS (Tuple[str, str]): Id of an entity, name of a class.
    """
    names = class_names(folder)
    for cells in packed_lines(folder / ENTITIES):
        for place in cells[4].split():
            yield cells[0], names[int(place)]


def class_names(folder: Path) -> List[str]:
    """Read the names of classes.

    folder (Path): The folder of the files.
    RETURNS (List[str]): The names, in the order of the numbers that entities have.
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
