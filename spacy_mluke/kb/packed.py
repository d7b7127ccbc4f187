"""Read the packed knowledge base of the package: an entity on each line, facts, and names of classes."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Tuple

from .packed_cells import SEPARATOR

ENTITIES, FACTS, CLASSES = "entities.tsv.xz", "facts.tsv.xz", "classes.tsv"
# Further entities and names, and facts about these entities. There may be none.
MORE_ENTITIES, MORE_FACTS = "more_entities.tsv.xz", "more_facts.tsv.xz"
KEYWORDS = "keywords.tsv.xz"
# Ids in other registers, and the entities that they belong to. There may be none.
MERGED = "merged.tsv"
# Cells of names, and what they should be. There may be none.
CORRECTIONS = "corrections.tsv"


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
    RETURNS (List[PackedEntity]): The entities, sorted by id. What stands in several lines about one is put together.
    """
    found: Dict[str, PackedEntity] = {}
    for path in _parts(folder, ENTITIES, MORE_ENTITIES):
        for line in filter(None, lzma.decompress(path.read_bytes()).decode("utf8").split("\n")):
            entity_id, kind, prior, references, classes, names = line.split(SEPARATOR, 5)
            known = found.get(entity_id)
            if known is None:
                found[entity_id] = PackedEntity(entity_id, kind, float(prior), references, classes, names)
            else:
                found[entity_id] = known._replace(names=known.names + SEPARATOR + names)
    _merge(found, read_merged(folder))
    _correct(found, read_corrections(folder))
    return [found[entity_id] for entity_id in sorted(found)]


def read_packed_facts(folder: Path) -> Iterator[Tuple[str, str, str]]:
    """Read facts.

    folder (Path): The folder of the files.
    YIELDS (Tuple[str, str, str]): Subject, property, object.
    """
    merged = read_merged(folder)
    for path in _parts(folder, FACTS, MORE_FACTS):
        for relation, subject, objects in packed_lines(path):
            own = merged.get(subject, subject)
            for object_ in objects.split():
                other = merged.get(object_, object_)
                # The city of Singapore is in Singapore: these are one entity.
                if own != other or subject == object_:
                    yield own, relation, other


def read_packed_keywords(folder: Path) -> Dict[str, str]:
    """Read the keywords of entities.

    folder (Path): The folder of the files.
    RETURNS (Dict[str, str]): Words of each entity, with spaces between them. Empty if there is no such file.
    """
    path = folder / KEYWORDS
    merged = read_merged(folder)
    rows = packed_lines(path) if path.exists() else ()
    return {merged.get(entity_id, entity_id): words for entity_id, words in rows}


def read_merged(folder: Path) -> Dict[str, str]:
    """Read which ids of other registers belong to which entities, where the lines of the entities do not say so.

    folder (Path): The folder of the files.
    RETURNS (Dict[str, str]): The ids of the entities, by the other ids. Empty if there is no such file.
    """
    return dict(_rows(folder / MERGED))


def read_corrections(folder: Path) -> List[Tuple[str, str, str]]:
    """Read which cells of names are to be changed.

    folder (Path): The folder of the files.
    RETURNS (List[Tuple[str, str, str]]): Ids of entities, a cell, and what is to be in its place: "" for nothing. A
        cell in the place of "" is a new one. Empty if there is no such file.
    """
    return list(_rows(folder / CORRECTIONS))


def _rows(path: Path) -> Iterator[Any]:
    """The rows of a plain table with a header, if there is one."""
    rows = path.read_text(encoding="utf8").splitlines()[1:] if path.exists() else ()
    return (row.split(SEPARATOR) for row in rows)


def _merge(entities: Dict[str, PackedEntity], merged: Mapping[str, str]) -> None:
    """Merge entities that stand in the files under ids of other registers into those that they are."""
    owners = {own: entity.id for entity in entities.values() for own in entity.references.split() if own in merged}
    for reference, entity_id in merged.items():
        if reference in owners:  # of a namesake
            owner = entities[owners[reference]]
            others = " ".join(own for own in owner.references.split() if own != reference)
            entities[owner.id] = owner._replace(references=others)
        second = entities.pop(reference, None)
        first = entities.get(entity_id)
        if first is not None and second is not None:
            prior, names = max(first.prior, second.prior), first.names + SEPARATOR + second.names
            first = first._replace(prior=prior, classes=first.classes or second.classes, names=names)
        known = first or second
        if known is not None:
            references = " ".join(sorted({*known.references.split(), reference}))
            entities[entity_id] = known._replace(id=entity_id, references=references)


def _correct(entities: Dict[str, PackedEntity], corrections: Iterable[Tuple[str, str, str]]) -> None:
    """Change cells of names. A smaller knowledge base may lack some of the entities."""
    for entity_id, before, after in corrections:
        known = entities.get(entity_id)
        if known is not None:
            cells = [after if own == before else own for own in known.names.split(SEPARATOR)]
            cells += [] if before else [after]
            entities[entity_id] = known._replace(names=SEPARATOR.join(filter(None, cells)))


def _parts(folder: Path, name: str, more: str) -> List[Path]:
    """Return a file, and the one with what is further known, if there is one."""
    return [folder / name, *(path for path in (folder / more,) if path.exists())]


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
