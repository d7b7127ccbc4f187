"""Entities of a knowledge base, with their names and facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Tuple

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
        RETURNS (str): Its name in that language, else one without a language, else the English one, else the first; its
            id if it has no name.
        """
        complete = [name for name in self.names if name.kind in (NAME, ALIAS, TITLE)]
        own = [name for name in complete if name.kind == NAME] or complete
        for code in (lang, "", "en"):
            for name in own:
                if name.lang == code:
                    return name.name
        return own[0].name if own else self.id


class Fact(NamedTuple):
    """A fact about an entity."""

    property: str  # such as "P17"
    object: str  # id of an entity
