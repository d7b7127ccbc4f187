"""Read the sources: Wikidata's names, types, facts and prominence, and the entities of assets/world."""

from __future__ import annotations

import csv
import lzma
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Container, Dict, Iterable, Iterator, List, Set, Tuple

# The first of these that an entity's classes have is its type.
TYPES = ("PER", "LOC", "ORG", "WORK", "EVENT", "OTHER")
# Entities of these classes are names, words and pages, not things.
_NO_THINGS = ("Wikimedia", "family name", "given name", "disambiguation", "taxon", "encyclopedic article")
_VITAL = {"3": 60.0, "4": 40.0, "5": 20.0}
_PANTHEON = 20.0
# Languages of X-FACTR's lists of names, the only ones of most entities.
_LISTED = {
    "ceb", "el", "en", "es", "fr", "he", "hu", "ilo", "ja", "ko", "mg", "mr", "nl", "pa", "ru", "sw", "tl", "tr", "vi",
    "war", "yo", "zh",
}  # fmt: skip
_LEAST_LISTED = 4  # number of these from which on it says how well-known an entity is
_CITIZENSHIP, _OCCUPATION = "P27", "P106"


@dataclass
class Item:
    """An entity of the sources."""

    id: str
    type: str = "OTHER"
    classes: List[str] = field(default_factory=list)
    prominence: float = 0.0
    population: float = 0.0
    references: List[str] = field(default_factory=list)  # ids in other registers
    names: List[Tuple[str, str, bool]] = field(default_factory=list)  # language, name, whether it is a label
    surnames: Set[str] = field(default_factory=set)  # those of the names that are last names of the person
    demonyms: Set[str] = field(default_factory=set)  # those of the names that are adjectives of the country


def lines(path: Path) -> Iterator[List[str]]:
    """Yield the rows of a table with tabs, compressed or not."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")


def read_types(path: Path) -> Tuple[Dict[str, Tuple[str, List[str]]], Dict[str, str]]:
    """Return type and classes of each entity, and the names of classes."""
    found: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    names: Dict[str, str] = {}
    for qid, class_id, name, kind in lines(path):
        found[qid].append((class_id, kind))
        names[class_id] = name
    types = {}
    for qid, own in found.items():
        if any(word in names[class_id] for class_id, _ in own for word in _NO_THINGS):
            continue
        counts = Counter(kind for _, kind in own)
        types[qid] = (min(counts, key=lambda kind: (-counts[kind], TYPES.index(kind))), [c for c, _ in own])
    return types, names


def read_prominence(path: Path, names: Path, nameless: Container[str] = ()) -> Dict[str, float]:
    """Return how well-known each entity is: the number of languages with a name, with additions for the best-known.

    Of most entities, the names in only some languages are known (`_LISTED`). They count with the median number of
    languages of the entities whose names are known in all languages and that have as many of these. Where even those
    are too few to say anything, but a list of well-known entities has the entity, it counts as the others of that list;
    and so do the entities `nameless`, whose names the sources lack.
    """
    languages: Dict[str, Set[str]] = defaultdict(set)
    for qid, language, _, _ in lines(names):
        languages[qid].add(language)
    listed = {qid: len(own & _LISTED) for qid, own in languages.items()}
    partly = {qid for qid, own in languages.items() if own <= _LISTED}
    numbers = {qid: float(len(own)) for qid, own in languages.items()}
    typical = _medians((listed[qid], numbers[qid]) for qid in numbers if qid not in partly)
    numbers.update((qid, typical[listed[qid]]) for qid in partly)
    lists = {row[0]: (row[4].strip("()"), bool(row[2])) for row in lines(path) if row[0] != "qid"}
    unclear = {qid for qid in partly if listed[qid] < _LEAST_LISTED}
    of_list = _medians((lists[qid], numbers[qid]) for qid in numbers if qid in lists and qid not in unclear)
    found = {}
    for qid, own_lists in lists.items():
        number = numbers.get(qid, 0.0)
        if (qid in unclear or qid in nameless) and any(own_lists):
            number = max(number, of_list[own_lists])
        level, is_in_pantheon = own_lists
        found[qid] = number + _VITAL.get(level, 0.0) + (_PANTHEON if is_in_pantheon else 0.0)
    return found


def _medians(pairs: Iterable[Tuple[Any, float]]) -> Dict[Any, float]:
    """The median of the numbers with each key."""
    found: Dict[Any, List[float]] = defaultdict(list)
    for key, number in pairs:
        found[key].append(number)
    return {key: float(median(own)) for key, own in found.items()}


def read_names(path: Path, wanted: Set[str], languages: Set[str]) -> Dict[str, List[Tuple[str, str, bool]]]:
    """Return the names of entities: language, name, and whether it is a label."""
    found: Dict[str, List[Tuple[str, str, bool]]] = defaultdict(list)
    for qid, language, name, kind in lines(path):
        if qid in wanted and language in languages:
            found[qid].append((language, name, kind == "label"))
    return found


def read_facts(path: Path, known: Set[str]) -> List[Tuple[str, str, str]]:
    """Return the facts about known entities, without those of mLAMA, which evaluate encoders."""
    return [
        (relation, subject, object_)
        for relation, subject, object_, sources in lines(path)
        if subject in known and object_ in known and "mlama" not in sources
    ]


def read_citizenships(path: Path) -> Iterator[Tuple[str, str]]:
    """Yield persons and the countries that they are citizens of."""
    for relation, subject, object_, _ in lines(path):
        if relation == _CITIZENSHIP:
            yield subject, object_


def read_world(folder: Path) -> Tuple[Dict[str, Item], List[Tuple[str, str, str]]]:
    """Return the entities of assets/world by their ids there, and their facts."""
    items: Dict[str, Item] = {}
    for row in lines(folder / "names.tsv.xz"):
        if row[0] == "id" or row[5] == "stem":
            continue
        item = items.setdefault(row[0], Item(row[0]))
        item.type = "LOC" if row[3] in ("CITY", "COUNTRY", "CONTINENT") else "OTHER"
        item.classes = [row[3].lower()]
        item.names.append((row[1], row[2], row[5] == "name"))
        item.population = max(item.population, float(row[6] or 0))
    for item in items.values():
        # A city of ten million is as well-known as an entity with a label in 70 languages.
        item.prominence = 10 * math.log10(max(item.population, 10))
    facts = [(row[0], row[1], row[2]) for row in lines(folder / "facts.tsv.xz") if row[0] != "relation"]
    return items, facts


def read_links(*paths: Path) -> Dict[str, str]:
    """Return the Wikidata ids of the entities of assets/world."""
    found = {}
    for path in paths:
        with path.open(encoding="utf8", newline="") as file:
            found.update({row["id"]: row["qid"] for row in csv.DictReader(file, delimiter="\t")})
    return found


def read_class_names(path: Path) -> Dict[str, str]:
    """Return the names of the classes in a table."""
    with path.open(encoding="utf8", newline="") as file:
        return {row["id"]: row["name"] for row in csv.DictReader(file, delimiter="\t")}


def read_occupations(facts: Path, names: Path) -> Tuple[Dict[str, List[str]], Dict[str, str]]:
    """Return the occupations of people, without those of mLAMA, and the English names of occupations."""
    occupations: Dict[str, List[str]] = defaultdict(list)
    for relation, subject, object_, sources in lines(facts):
        if relation == _OCCUPATION and "mlama" not in sources:
            occupations[subject].append(object_)
    used = {occupation for own in occupations.values() for occupation in own}
    english: Dict[str, str] = {}
    for qid, language, name, kind in lines(names):
        if qid in used and language == "en" and (kind == "label" or qid not in english):
            english[qid] = name
    return {qid: [own for own in found if own in english] for qid, found in occupations.items()}, english
