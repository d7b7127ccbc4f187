"""Entities of a knowledge base and those of an encoder's vocabulary: which is which."""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from ..vocabulary.entity_names import NewEntity, split_name
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .store import Entity, EntityName
from .store_format import ALIAS, NAME, STEM, TITLE

_ORDER = (TITLE, NAME, ALIAS)


class Place(NamedTuple):
    """An entity's place in the vocabulary."""

    id: int
    name: str  # under which it was found
    by_name: bool  # what it is called, and another entity may be called so, too


def find_entity(vocabulary: EntityVocabulary, entity_id: str, entity: Optional[Entity]) -> Optional[Place]:
    """Find an entity of a knowledge base in a vocabulary.

    By its id ("en:Tokyo", or "Q1490" of one that was added); else by the titles of its pages, which no two entities
    share; else, if it has none, by its names.

    vocabulary (EntityVocabulary): The vocabulary.
    entity_id (str): Its id in the knowledge base.
    entity (Optional[Entity]): What the knowledge base knows of it.
    RETURNS (Optional[Place]): None if the vocabulary lacks it.
    """
    found = vocabulary.get(entity_id)
    if found is not None and found not in vocabulary.special:
        return Place(found, entity_id, by_name=False)
    if entity is None:
        return None
    titles = [name for name in entity.names if name.kind == TITLE]
    for name in titles or [name for name in entity.names if name.kind == NAME]:
        for form in dict.fromkeys((f"{name.lang}:{name.name}" if name.lang else name.name, name.name)):
            found = vocabulary.get(form)
            if found is not None and found not in vocabulary.special:
                return Place(found, form, by_name=not titles)
    return None


def missing_entities(vocabulary: EntityVocabulary, entities: Iterable[Entity]) -> List[NewEntity]:
    """Entities of a knowledge base that a vocabulary lacks, or does not know by their ids: to be added, or named.

    Where several are called what one of the vocabulary is called, it is taken to be the best-known of them: of greatest
    prior, then of most names.

    vocabulary (EntityVocabulary): The vocabulary.
    entities (Iterable[Entity]): The entities.
    RETURNS (List[NewEntity]): The best-known first.
    """
    missing: List[Entity] = []
    by_name: List[Tuple[Entity, int]] = []
    for entity in entities:
        place = find_entity(vocabulary, entity.id, entity)
        if place is None or (place.by_name and split_name(place.name)[0]):
            missing.append(entity)
        elif place.by_name:
            by_name.append((entity, place.id))
    claimed: Set[int] = set()
    for entity, found in sorted(by_name, key=_first_rank):
        if found in claimed:
            missing.append(entity)
        claimed.add(found)
    return [new_entity(entity) for entity in sorted(missing, key=_rank)]


def new_entity(entity: Entity) -> NewEntity:
    """An entity as it is added to a vocabulary: under its id, with its names by language, a title first.

    entity (Entity): The entity; one without names is called what its id is.
    RETURNS (NewEntity): The entity.
    """
    names: Dict[str, List[str]] = {}
    for name in sorted((name for name in entity.names if name.kind != STEM), key=_kind):
        own = names.setdefault(name.lang, [])
        if name.name not in own:
            own.append(name.name)
    return NewEntity(entity.id, names or {"": [entity.id]})


def _kind(name: EntityName) -> int:
    return _ORDER.index(name.kind)


def _rank(entity: Entity) -> Tuple[float, int, str]:
    return -(entity.prior or 0.0), -len(entity.names), entity.id


def _first_rank(item: Tuple[Entity, int]) -> Tuple[float, int, str]:
    return _rank(item[0])
