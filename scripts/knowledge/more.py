"""Entities and names that the data lacks: people of lists of vital articles, and what has become well-known since.

`more_names.tsv` has their names; `more_entities.tsv` and `more_facts.tsv` have what the data does not say of some.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .sources import Item

_PERSON = ("PER", ["Q5"])  # the lists are of people


def read_more(
    names: Path,
    entities: Path,
    known: Mapping[str, Item],
    types: Mapping[str, Tuple[str, List[str]]],
    prominence: Mapping[str, float],
    latin: Sequence[str],
) -> Dict[str, Item]:
    """Return the entities of the tables, with their names there.

    names (Path): A table: id, languages with commas between them, name, and "label" or "alias". A name without
        languages is in Latin letters, and is one in all languages that are written in these and have no other label.
    entities (Path): A table: id, type, classes with spaces between them, and the number of languages that have a name.
    known (Mapping[str, Item]): The entities that the data has. They get further names.
    types (Mapping[str, Tuple[str, List[str]]]): Type and classes of entities. Those without are people.
    prominence (Mapping[str, float]): How well-known entities of lists are.
    latin (Sequence[str]): Languages that are written in Latin letters.
    RETURNS (Dict[str, Item]): The entities, by their ids.
    RAISES (ValueError): If nothing says how well-known one of them is.
    """
    items: Dict[str, Item] = {}
    described = {row["id"]: row for row in _rows(entities)}
    for row in _rows(names):
        qid, is_label = row["id"], row["form"] == "label"
        if qid not in items:
            items[qid] = _item(qid, known, types, prominence, described.get(qid))
        own = row["languages"].split(",") if row["languages"] else [""]
        items[qid].names += [(language, row["name"], is_label) for language in own]
    for item in items.values():
        labels = {language for language, _, is_label in item.names if is_label}
        others = [language for language in latin if language not in labels]
        shared = [name for language, name, is_label in item.names if is_label and not language]
        item.names += [(language, name, True) for name in shared for language in others]
    return items


def _item(
    qid: str,
    known: Mapping[str, Item],
    types: Mapping[str, Tuple[str, List[str]]],
    prominence: Mapping[str, float],
    described: Optional[Dict[str, str]],
) -> Item:
    if qid in known:
        return Item(qid, known[qid].type, prominence=known[qid].prominence)
    kind, classes = types.get(qid, _PERSON)
    own = prominence.get(qid)
    if described is not None:
        kind, classes = described["type"], described["classes"].split()
        own = max(own or 0.0, float(described["languages"]))
    if own is None:
        raise ValueError(f"{qid} has names, but is in no list: say how well-known it is.")
    return Item(qid, kind, list(classes), own)


def read_more_facts(path: Path) -> Iterator[Tuple[str, str, str]]:
    """Read facts that the data lacks.

    path (Path): A table: relation, subject, object.
    YIELDS (Tuple[str, str, str]): The facts.
    """
    for row in _rows(path):
        yield row["relation"], row["subject"], row["object"]


def _rows(path: Path) -> Iterator[Dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
