"""Countries of entities, which other names of a text may share: "Toledo" beside "Ohio" is the city in the USA."""

from __future__ import annotations

import re
from itertools import product
from string import ascii_uppercase
from typing import Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence

from .caches import cached
from .entities import Entity, Fact
from .store_format import ALIAS, NAME

# Facts whose object may be a country: country, citizenship, country of origin; capital (of), neighbour, part of, place,
# headquarters, founded in, born in, lives in.
_PLACES = (
    "P17", "P27", "P495", "P36", "P1376", "P47", "P131", "P276", "P159", "P740", "P19", "P551",
)  # fmt: skip
_REGISTER = "iso3166:"  # ids that countries and territories have in another register
_OF = re.compile(r" (?:of|in) (?:the )?(\S.*)$")  # "city of the United States"
NONE: FrozenSet[str] = frozenset()


class Countries:
    """Finds the countries of entities by facts, and by the names of classes. They are cached.

    facts_of (Callable[[str], Iterable[Fact]]): Returns the facts about an entity.
    classes_of (Callable[[str], Sequence[str]]): Returns the names of an entity's classes.
    get (Callable[[str], Optional[Entity]]): Returns an entity by its id, or by its id in another register.
    """

    def __init__(
        self,
        facts_of: Callable[[str], Iterable[Fact]],
        classes_of: Callable[[str], Sequence[str]],
        get: Callable[[str], Optional[Entity]],
    ):
        self.facts_of, self.classes_of, self.get = facts_of, classes_of, get
        self._names: Optional[Dict[str, str]] = None
        self._ids: FrozenSet[str] = NONE
        self._known: Dict[str, FrozenSet[str]] = {}

    def of(self, entity_id: str) -> FrozenSet[str]:
        """Return the countries of an entity.

        entity_id (str): Its id.
        RETURNS (FrozenSet[str]): Their ids: a country has itself. Empty if none is known.
        """
        return cached(self._known, entity_id, lambda: self._read(entity_id))

    def evidence(self, context: Mapping[str, float]) -> Dict[str, float]:
        """Return how strongly the other entities of a text speak for each country.

        context (Mapping[str, float]): Their ids, and the probability of each.
        RETURNS (Dict[str, float]): For each country, the largest probability of an entity of it. An entity of several
            countries counts less for each.
        """
        found: Dict[str, float] = {}
        for entity_id, probability in context.items():
            own = self.of(entity_id)
            for country in own:
                found[country] = max(found.get(country, 0.0), probability / len(own) ** 0.5)
        return found

    def _read(self, entity_id: str) -> FrozenSet[str]:
        names = self._by_name()
        if not names:
            return NONE
        ids = [entity_id, *(fact.object for fact in self.facts_of(entity_id) if fact.property in _PLACES)]
        ends: List[str] = [own for name in self.classes_of(entity_id) for own in _OF.findall(name)]
        return self._ids.intersection(ids) | {names[own] for own in ends if own in names}

    def _by_name(self) -> Dict[str, str]:
        """The ids of countries by their English names, and those without a language."""
        if self._names is None:
            names: Dict[str, str] = {}
            for code in map("".join, product(ascii_uppercase, repeat=2)):
                country = self.get(_REGISTER + code)
                if country is not None:
                    own = [name for name in country.names if name.kind in (NAME, ALIAS) and name.lang in ("", "en")]
                    names.update((name.name, country.id) for name in reversed(own) if name.name not in names)
            self._names, self._ids = names, frozenset(names.values())
        return self._names
