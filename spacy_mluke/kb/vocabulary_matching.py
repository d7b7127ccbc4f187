"""Match entities of a knowledge base with those of an encoder's entity vocabulary."""

from __future__ import annotations

from typing import Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from ..vocabulary.entity_names import NewEntity, split_name
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .store import Entity, EntityName
from .store_format import ALIAS, CROSS_REFERENCE, NAME, TITLE

_ORDER = (TITLE, NAME, ALIAS)


class VocabularyMatch(NamedTuple):
    """The entity of the vocabulary that matches an entity of the knowledge base."""

    id: int
    name: str  # the name by which it was found
    by_name: bool  # whether it was found by a name that another entity may have, too


def find_entity(vocabulary: EntityVocabulary, entity_id: str, entity: Optional[Entity]) -> Optional[VocabularyMatch]:
    """Find an entity of a knowledge base in a vocabulary.

    It is found by its id ("en:Tokyo", or "Q1490" of an added entity), or an id in another register; else by the titles
    of its pages, which are unique to an entity; else, if it has no titles, by its names.

    vocabulary (EntityVocabulary): The vocabulary.
    entity_id (str): Id in the knowledge base.
    entity (Optional[Entity]): The entity in the knowledge base, with its names; None if it has none.
    RETURNS (Optional[VocabularyMatch]): None if the vocabulary does not have it.
    """
    found = vocabulary.get(entity_id)
    if found is not None and found not in vocabulary.special:
        return VocabularyMatch(found, entity_id, by_name=False)
    if entity is None:
        return None
    for name in entity.names:
        found = vocabulary.get(name.name) if name.kind == CROSS_REFERENCE else None
        if found is not None and found not in vocabulary.special:
            return VocabularyMatch(found, name.name, by_name=False)
    titles = [name for name in entity.names if name.kind == TITLE]
    for name in titles or [name for name in entity.names if name.kind == NAME]:
        for form in dict.fromkeys((f"{name.lang}:{name.name}" if name.lang else name.name, name.name)):
            found = vocabulary.get(form)
            if found is not None and found not in vocabulary.special:
                return VocabularyMatch(found, form, by_name=not titles)
    return None


def missing_entities(vocabulary: EntityVocabulary, entities: Iterable[Entity]) -> List[NewEntity]:
    """Return the entities of a knowledge base to add to a vocabulary: those that it does not have, or not by their ids.

    If several entities have the name of one entity in the vocabulary, the best-known of them matches it: the one with
    the greatest prior, then with the most names.

    vocabulary (EntityVocabulary): The vocabulary.
    entities (Iterable[Entity]): The entities.
    RETURNS (List[NewEntity]): The best-known first.
    """
    missing: List[Entity] = []
    by_name: List[Tuple[Entity, int]] = []
    for entity in entities:
        match = find_entity(vocabulary, entity.id, entity)
        if match is None or (match.by_name and split_name(match.name)[0]):
            missing.append(entity)
        elif match.by_name:
            by_name.append((entity, match.id))
    claimed: Set[int] = set()
    for entity, found in sorted(by_name, key=_first_rank):
        if found in claimed:
            missing.append(entity)
        claimed.add(found)
    return [new_entity(entity) for entity in sorted(missing, key=_rank)]


def new_entity(entity: Entity) -> NewEntity:
    """Convert an entity to one for a vocabulary: its id is the key, and a title is the first name of a language.

    entity (Entity): The entity. If it has no names, its id is its name.
    RETURNS (NewEntity): The entity.
    """
    names: Dict[str, List[str]] = {}
    for name in sorted((name for name in entity.names if name.kind in _ORDER), key=_kind):
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
