"""Last names of well-known people, which texts use alone: "Merkel", "Путин", "メルケル". They are linked where another
component found a name, and never searched."""

from __future__ import annotations

import re
from collections import defaultdict
from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Optional, Set, Tuple

from spacy_mluke.kb.packed_cells import ALIAS_WEIGHT

from .sources import Item

# People must be this well-known: the linker makes others NIL by their last name alone.
LEAST_PRIOR = 1_700.0
# The person is this many times as well-known as the next one with the last name, and as all others together.
_DOMINANCE, _DOMINANCE_OF_ALL = 2.0, 1.0
# Languages and countries (China, Taiwan, the Koreas, Vietnam, Cambodia, Singapore) with the last name first.
_LAST_NAME_FIRST = {"hu", "ko", "vi", "zh-hant"}
_COUNTRIES_LAST_NAME_FIRST = {"Q148", "Q865", "Q884", "Q423", "Q881", "Q424", "Q334", "Q13426199", "Q8733", "Q9903"}
# Countries where people have two last names (Spain, and those of Latin America that speak Spanish).
_TWO_LAST_NAMES = {
    "Q29", "Q96", "Q739", "Q414", "Q298", "Q717", "Q419", "Q736", "Q774", "Q241", "Q750", "Q786", "Q792", "Q783",
    "Q733", "Q811", "Q804", "Q800", "Q77",
}  # fmt: skip
_SEPARATOR = re.compile(r"[\s・·]+")
# Not last names: numbers of kings, additions, and initials.
_NUMBER = re.compile(r"^(?:[IVXivx]+|\d.*|[JS]r\.?|.\.)$")
_TITLES = {
    "king",
    "queen",
    "pope",
    "saint",
    "prince",
    "princess",
    "emperor",
    "empress",
    "sultan",
    "lady",
    "lord",
    "sir",
}
_PLACES = {"of", "the"}  # before a place
_LEAST_LETTERS = 3
_MOST_WORDS = 4


def add_surnames(
    items: Dict[str, Item], citizenships: Iterable[Tuple[str, str]], others: Mapping[str, Item] = MappingProxyType({})
) -> int:
    """Add last names as aliases of the people who are best-known by them.

    items (Dict[str, Item]): The entities, changed in place.
    citizenships (Iterable[Tuple[str, str]]): Persons and countries, which tell where in a name the last name is.
    others (Mapping[str, Item]): Further entities that have names. They stay as they are.
    RETURNS (int): Number of people with such an alias.
    """
    countries: Dict[str, Set[str]] = defaultdict(set)
    for qid, country in citizenships:
        countries[qid].add(country)
    things: Dict[str, float] = defaultdict(float)  # the weight of what is no person, by label
    people: Dict[str, Dict[str, float]] = defaultdict(dict)
    names: Dict[str, List[Tuple[str, str]]] = {}
    for item in (*items.values(), *others.values()):
        if item.type != "PER":
            for _, name, is_label in item.names:
                if is_label:
                    things[name.casefold()] = max(things[name.casefold()], weight(item))
            continue
        names[item.id] = [
            (lang, found)
            for lang, name, is_label in item.names
            if is_label and (found := surname(name, lang, countries[item.id])) is not None
        ]
        for _, found in names[item.id]:
            people[found.casefold()][item.id] = weight(item)
    n_people = 0
    for qid, item in items.items():
        own = names.get(qid, [])
        known = {name.casefold() for _, name, _ in item.names}
        added = [
            (lang, found, False)
            for lang, found in own
            if found.casefold() not in known
            and weight(item) >= LEAST_PRIOR
            and things[found.casefold()] < ALIAS_WEIGHT * weight(item)
            and is_dominant(people[found.casefold()], qid)
        ]
        item.names += added
        item.surnames.update(found for _, found, _ in added)
        n_people += bool(added)
    return n_people


def is_dominant(weights: Dict[str, float], qid: str) -> bool:
    """Return whether a person is much better known than the others with a last name.

    weights (Dict[str, float]): Weights of the people with the name, by their ids.
    qid (str): One of them.
    RETURNS (bool): Not for common names, such as "Smith".
    """
    others = [own for other, own in weights.items() if other != qid]
    return weights[qid] >= max(_DOMINANCE * max(others, default=0.0), _DOMINANCE_OF_ALL * sum(others))


def weight(item: Item) -> float:
    """Return the weight of an entity among those with the same name."""
    return max(1.0, item.prominence**2)


def surname(name: str, lang: str, countries: Set[str]) -> Optional[str]:
    """Return the last name of a person.

    name (str): The person's name in a language.
    lang (str): The language; "" for all.
    countries (Set[str]): Countries of citizenship, by their ids.
    RETURNS (Optional[str]): With what precedes it in small letters, such as "van Gogh". None if it cannot be told.
    """
    if lang in _LAST_NAME_FIRST or countries & _COUNTRIES_LAST_NAME_FIRST:
        return None
    words = _SEPARATOR.split(name.strip())
    if not 2 <= len(words) <= _MOST_WORDS or words[0].lower() in _TITLES:
        return None
    if any(_NUMBER.match(word) for word in words[-1:]) or "," in name or "(" in name:
        return None
    first = len(words) - (2 if countries & _TWO_LAST_NAMES and len(words) > 2 else 1)
    while first > 1 and words[first - 1].islower():
        first -= 1
    if words[first] in _PLACES:  # Francis of Assisi
        return None
    found = (" " if " " in name else "・" if "・" in name else "·").join(words[first:])
    return found if sum(map(str.isalpha, found)) >= _LEAST_LETTERS else None
