"""Entities of a knowledge base, with their names and facts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Iterator, NamedTuple, Optional, Tuple

from ..errors import Errors
from .store_format import ALIAS, NAME, TITLE


class EntityName(NamedTuple):
    """One name of an entity."""

    name: str
    lang: str = ""  # "" for a name without a language
    # "name": the main name in this language; "alias"; "title" of its page; "stem": the common beginning of inflected
    # forms ("Япони": Японии, Японией); "xref": its id in another register; "weak" and "common" repeat a name, and
    # say how it is found (see `store_format`).
    kind: str = NAME
    prior: Optional[float] = None  # weight of this entity among those with this name


@dataclass(frozen=True)
class Entity:
    """An entity of the store."""

    id: str
    type: str = ""
    prior: Optional[float] = None  # weight for names that have no prior: how frequent the entity is
    names: Tuple[EntityName, ...] = ()

    def name(self, lang: Optional[str] = None) -> str:
        """Return the entity's name in a language.

        lang (Optional[str]): The language.
        RETURNS (str): Its label in that language, else one without a language, else the English one; else an alias of
            these; else the first name; its id if it has none.
        """
        complete = [name for name in self.names if name.kind in (NAME, ALIAS, TITLE)]
        labels = [name for name in complete if name.kind == NAME]
        for own, code in product((labels, complete), (lang, "", "en")):
            for name in own:
                if name.lang == code:
                    return name.name
        return (labels or complete)[0].name if complete else self.id


class Fact(NamedTuple):
    """A fact about an entity."""

    property: str  # such as "P17"
    object: str  # id of an entity


class Entities:
    """What a store and several stores have in common. A subclass defines `get`, `entities` and `places`."""

    @property
    def places(self) -> str:
        """Where the entities are stored, for messages."""
        raise NotImplementedError

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity.

        entity_id (str): Its id, or its id in another register (a name of the kind "xref").
        RETURNS (Optional[Entity]): The entity; None for an unknown id.
        """
        raise NotImplementedError

    def entities(self) -> Iterator[Entity]:
        """Return all entities.

        YIELDS (Entity): The entity.
        """
        raise NotImplementedError

    def __getitem__(self, entity_id: str) -> Entity:
        found = self.get(entity_id)
        if found is None:
            raise KeyError(Errors.ML233.format(id=entity_id, path=self.places))
        return found

    def name(self, entity_id: str, lang: Optional[str] = None) -> Optional[str]:
        """Return an entity's name in a language, as `Entity.name` does.

        entity_id (str): Its id.
        lang (Optional[str]): The language.
        RETURNS (Optional[str]): The name; None for an unknown id.
        """
        found = self.get(entity_id)
        return None if found is None else found.name(lang)

    def __iter__(self) -> Iterator[Entity]:
        return self.entities()
