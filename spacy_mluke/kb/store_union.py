"""Several entity stores as one: one's own and a bundled one."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Dict, Iterator, List, Optional, Sequence, Tuple, Union

from ..errors import Errors, check_choice
from .entities import Entities, Entity, Fact
from .matching import Match, weigh
from .store import MATCHES, EntityStore

SAME_IDS = ("error", "merge")
_LISTED = 3
Own = Tuple[int, str]  # a store's place, and an entity's id in it


class StoreUnion(Entities):
    """Entities of several stores. Its methods are those of a store.

    An entity that is in several stores is one entity with the names, facts and finer types of all of them. Its id, type
    and prior are those of the first. Entities are the same if one of them has the other one's id as its id in another
    register (a name of the kind "xref"), or if they have one such id in common. Equal ids are an error, unless
    `same_ids` is "merge".

    **Candidates.** Each store has the same weight: the priors of a mention's candidates are their priors in their
    stores, divided by the number of stores that have the name. Among equally likely candidates, those of the first
    store come first. A store that has the name as it is written precedes one that has it in another inflection.

    stores (Sequence[EntityStore]): The stores, the most important first.
    same_ids (str): What an id that two stores have means: "error" for a conflict, "merge" for the same entity.
    RAISES (ValueError): ML422 if two stores have the same ids and `same_ids` is "error"; ML070 for another value of it.
    """

    def __init__(self, stores: Sequence[EntityStore], *, same_ids: str = "error"):
        check_choice("same_ids", same_ids, SAME_IDS)
        self.stores = list(stores)
        self.same_ids = same_ids
        # For each store, the ids of entities that a store before it has; and where such an entity is.
        self._ids: List[Dict[str, str]] = [{} for _ in self.stores]
        self._places: Dict[str, List[Own]] = {}
        for place in range(1, len(self.stores)):
            self._merge(place)
        languages: Counter[str] = Counter()
        types: Counter[str] = Counter()
        for store in self.stores:
            languages.update(store.languages)
            types.update(store.types)
        self.languages: Dict[str, int] = dict(sorted(languages.items()))
        self.types: Dict[str, int] = dict(sorted(types.items()))
        self.n_names = sum(store.n_names for store in self.stores)
        self.has_facts = any(store.has_facts for store in self.stores)
        self.has_descriptions = any(store.has_descriptions for store in self.stores)

    def _merge(self, place: int) -> None:
        """Find the entities of a store that stores before it have."""
        own = self.stores[place]
        for before, other in enumerate(self.stores[:place]):
            pairs = _same_entities(other, own)
            equal = [first for first, second in pairs if first == second]
            if equal and self.same_ids == "error":
                examples = ", ".join(f"'{entity_id}'" for entity_id in sorted(equal)[:_LISTED])
                text = Errors.ML422.format(n=len(equal), first=other.path, second=own.path, examples=examples)
                raise ValueError(text)
            for first, second in pairs:
                if second not in self._ids[place]:
                    canonical = self._ids[before].get(first, first)
                    self._ids[place][second] = canonical
                    self._places.setdefault(canonical, [(before, first)]).append((place, second))

    def __len__(self) -> int:
        """Number of entities."""
        return sum(map(len, self.stores)) - sum(map(len, self._ids))

    def __contains__(self, entity_id: object) -> bool:
        return isinstance(entity_id, str) and self.find_id(entity_id) is not None

    # --- by id ---

    def find_id(self, entity_id: str) -> Optional[str]:
        """Return the id of an entity.

        entity_id (str): Its id in any of the stores, or its id in another register.
        RETURNS (Optional[str]): Its id; None if no store has it.
        """
        for place, store in enumerate(self.stores):
            found = store.find_id(entity_id)
            if found is not None:
                return self._ids[place].get(found, found)
        return None

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity, with its names in all stores.

        entity_id (str): Its id, or its id in another register.
        RETURNS (Optional[Entity]): The entity; None for an unknown id.
        """
        found = [self.stores[place].get(own) for place, own in self._find(entity_id)]
        entities = [entity for entity in found if entity is not None]
        if not entities:
            return None
        first = entities[0]
        entity_type = next((entity.type for entity in entities if entity.type), "")
        names = tuple(dict.fromkeys(chain.from_iterable(entity.names for entity in entities)))
        canonical = self._ids[self._find(entity_id)[0][0]].get(first.id, first.id)
        return Entity(canonical, entity_type, first.prior, names)

    def type_of(self, entity_id: str) -> Optional[str]:
        """Return the type of an entity, without reading its names.

        entity_id (str): Its id, or its id in another register.
        RETURNS (Optional[str]): The type in the first store that has one, "" without one; None for an unknown id.
        """
        found = [self.stores[place].type_of(own) for place, own in self._find(entity_id)]
        types = [own for own in found if own is not None]
        return next(filter(None, types), "") if types else None

    @property
    def places(self) -> str:
        return ", ".join(str(store.path) for store in self.stores)

    def ids(self) -> Iterator[str]:
        """Return the ids of all entities, store after store.

        YIELDS (str): The id.
        """
        for place, store in enumerate(self.stores):
            for entity_id in store.ids():
                if entity_id not in self._ids[place]:
                    yield entity_id

    def entities(self) -> Iterator[Entity]:
        """Return all entities, store after store.

        YIELDS (Entity): The entity.
        """
        for place, store in enumerate(self.stores):
            for entity in store.entities():
                if entity.id not in self._ids[place]:
                    yield self[entity.id] if entity.id in self._places else entity

    def facts(self, entity_id: str) -> List[Fact]:
        """Return what the stores know about an entity.

        entity_id (str): Its id.
        RETURNS (List[Fact]): Facts with the entity as subject; empty for an unknown id.
        """
        found = chain.from_iterable(self.stores[place].facts(own) for place, own in self._find(entity_id))
        return list(dict.fromkeys(Fact(fact.property, self.find_id(fact.object) or fact.object) for fact in found))

    def classes(self, entity_id: str) -> List[str]:
        """Return the finer types of an entity.

        entity_id (str): Its id.
        RETURNS (List[str]): Names of classes; empty for an unknown id.
        """
        found = (self.stores[place].classes(own) for place, own in self._find(entity_id))
        return list(dict.fromkeys(chain.from_iterable(found)))

    def descriptions(self, entity_id: str) -> Dict[str, str]:
        """Return the descriptions of an entity.

        entity_id (str): Its id.
        RETURNS (Dict[str, str]): Descriptions by language; of several in a language, that of the first store.
        """
        found: Dict[str, str] = {}
        for place, own in reversed(self._find(entity_id)):
            found.update(self.stores[place].descriptions(own))
        return found

    def keywords(self, entity_id: str) -> List[str]:
        """Return the keywords of an entity in all stores.

        entity_id (str): Its id.
        RETURNS (List[str]): Words, as `loose_key` spells them; empty if there are none.
        """
        return [word for place, own in self._find(entity_id) for word in self.stores[place].keywords(own)]

    def _find(self, entity_id: str) -> List[Own]:
        """Stores that have an entity, and its id in each."""
        if entity_id in self._places:
            return self._places[entity_id]
        for place, store in enumerate(self.stores):
            found = store.find_id(entity_id)
            if found is not None:
                canonical = self._ids[place].get(found, found)
                return self._places.get(canonical) or [(place, found)]
        return []

    # --- by name ---

    def candidates(
        self, mention: str, lang: Optional[str] = None, *, match: str = "loose", inflections: bool = False
    ) -> List[Match]:
        """Return the candidates of a mention: those of all stores.

        mention (str): The mention.
        lang (Optional[str]): Its language. Each store uses its names in this language if it has some.
        match (str): The loosest spelling allowed: "exact", "case" or "loose".
        inflections (bool): Whether a mention may also be a name of any language with an ending.
        RETURNS (List[Match]): The most likely first; of equally likely ones, those of the first store.
        RAISES (ValueError): ML070 for an unknown value of `match`.
        """
        check_choice("match", match, MATCHES)
        named = [store.named(mention, lang, match=match, inflections=inflections) for store in self.stores]
        has_direct = any(own.rows and not own.is_inflected for own in named)
        used = [
            (place, weigh(own.rows, has_prominence=self.stores[place].has_prominence))
            for place, own in enumerate(named)
            if own.rows and not (own.is_inflected and has_direct)
        ]
        found: Dict[str, Match] = {}
        for place, matches in used:
            for match_ in matches:
                entity_id = self._ids[place].get(match_.id, match_.id)
                before = found.get(entity_id, match_._replace(id=entity_id, prior=0.0))
                prior = before.prior + match_.prior / len(used)
                found[entity_id] = before._replace(prior=prior, type=before.type or match_.type)
        return sorted(found.values(), key=_descending)


AnyStore = Union[EntityStore, StoreUnion]


def _same_entities(first: EntityStore, second: EntityStore) -> List[Tuple[str, str]]:
    """Ids of the entities that two stores have. The smaller one's entities are looked up in the larger one."""
    is_swapped = len(first) > len(second)
    small, large = (second, first) if is_swapped else (first, second)
    identifiers = chain(((entity_id, entity_id) for entity_id in small.ids()), small.references())
    found = ((own, large.find_id(identifier)) for own, identifier in identifiers)
    pairs = dict.fromkeys((own, other) for own, other in found if other is not None)
    return [(other, own) if is_swapped else (own, other) for own, other in pairs]


def _descending(match: Match) -> float:
    return -match.prior
