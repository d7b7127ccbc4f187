"""Read the packed knowledge base of the package: an entity on each line, facts, and names of classes."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Iterator, List, Tuple

from .store_build import StoreRow
from .store_format import ALIAS, COMMON, CROSS_REFERENCE, NAME, WEAK

ENTITIES, FACTS, CLASSES = "entities.tsv.xz", "facts.tsv.xz", "classes.tsv"
_ALIAS, _WEAK = "~", "!"
# Weight of an entity among those with a name that is not its label.
_ALIAS_WEIGHT = 0.3


def read_packed(folder: Path) -> Iterator[StoreRow]:
    """Read the names of entities.

    A line has, with tabs between them: id, type, prior, ids in other registers, numbers of classes, and names. A name
    is "LANGUAGES=NAME". A "~" at its beginning marks an alias, a "!" a weak name; a ":" after the languages introduces
    those of which it is an ordinary word.

    folder (Path): The folder of the files.
    YIELDS (StoreRow): A name.
    """
    for cells in _lines(folder / ENTITIES):
        entity_id, kind, weight = cells[0], cells[1], float(cells[2])
        for reference in cells[3].split():
            yield StoreRow(entity_id, "", reference, kind, None, CROSS_REFERENCE, weight)
        for cell in cells[5:]:
            head, _, name = cell.partition("=")
            plain = head.lstrip(_ALIAS + _WEAK)
            marks = head[: len(head) - len(plain)]
            langs, _, common = plain.partition(":")
            form, own = (ALIAS, weight * _ALIAS_WEIGHT) if _ALIAS in marks else (NAME, weight)
            for lang in langs.split(","):
                yield StoreRow(entity_id, lang, name, kind, own, form, weight)
            if _WEAK in marks:
                yield StoreRow(entity_id, "", name, kind, own, WEAK, weight)
            for lang in common.split(",") if common else ():
                yield StoreRow(entity_id, lang, name, kind, own, COMMON, weight)


def read_packed_facts(folder: Path) -> Iterator[Tuple[str, str, str]]:
    """Read facts.

    folder (Path): The folder of the files.
    YIELDS (Tuple[str, str, str]): Subject, property, object.
    """
    for relation, subject, objects in _lines(folder / FACTS):
        for object_ in objects.split():
            yield subject, relation, object_


def read_packed_classes(folder: Path) -> Iterator[Tuple[str, str]]:
    """Read the classes of entities.

    folder (Path): The folder of the files.
    YIELDS (Tuple[str, str]): Id of an entity, name of a class.
    """
    lines = (folder / CLASSES).read_text(encoding="utf8").splitlines()
    names = [line.partition("\t")[2] for line in lines]
    for cells in _lines(folder / ENTITIES):
        for place in cells[4].split():
            yield cells[0], names[int(place)]


def _lines(path: Path) -> Iterator[List[str]]:
    with lzma.open(path, "rt", encoding="utf8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")
