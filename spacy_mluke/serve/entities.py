"""Entities of the pipeline's entity store, for JSON."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, List, Optional

from spacy.language import Language

from ..kb.candidate_sources import KBCandidates, StoreCandidates
from ..kb.property_names import property_name, property_rank
from ..kb.spacy_kb import StoreKB
from ..kb.store_format import CROSS_REFERENCE
from ..kb.store_union import AnyStore
from ..rendering.entity_links import entity_url

ENGLISH = "en"  # names of requests without a language
_MAX_CACHED = 1 << 16  # names of entities


class Entities:
    """Looks up entities and their names.

    store (AnyStore): The store. Every thread may use it.
    """

    def __init__(self, store: AnyStore):
        self.store = store
        self._name = lru_cache(maxsize=_MAX_CACHED)(store.name)

    def name(self, entity_id: str, lang: Optional[str] = None) -> Optional[str]:
        """Return an entity's name.

        entity_id (str): Its id.
        lang (Optional[str]): The language; None for English.
        RETURNS (Optional[str]): Its name in that language, else as `Entity.name` chooses; None for an unknown id.
        """
        return self._name(entity_id, lang or ENGLISH)

    def get(self, entity_id: str, lang: Optional[str] = None, max_facts: int = 100) -> Optional[Dict[str, Any]]:
        """Return an entity with all its names, and facts.

        entity_id (str): Its id.
        lang (Optional[str]): Language of its `name`, and of the names in `facts`.
        max_facts (int): Maximum number of facts.
        RETURNS (Optional[Dict[str, Any]]): As `schema.KnownEntity`; None for an unknown id. The facts that say most
            come first; those with the same property are next to each other.
        """
        found = self.store.get(entity_id)
        if found is None:
            return None
        facts = sorted(self.store.facts(found.id), key=lambda fact: property_rank(fact.property))
        ids = dict.fromkeys([found.id, *(one.name for one in found.names if one.kind == CROSS_REFERENCE)])
        return {
            "id": found.id,
            "name": found.name(lang or ENGLISH),
            "type": found.type,
            "prior": found.prior,
            "names": [
                {"name": one.name, "lang": one.lang, "kind": one.kind, "prior": one.prior} for one in found.names
            ],
            "classes": self.store.classes(found.id),
            "descriptions": self.store.descriptions(found.id),
            "links": [{"id": own, "url": url} for own in ids if (url := entity_url(own))],
            "facts": [
                {
                    "property": fact.property,
                    "label": property_name(fact.property, lang) or fact.property,
                    "object": fact.object,
                    "name": self.name(fact.object, lang),
                }
                for fact in facts[:max_facts]
            ],
            "n_facts": len(facts),
        }

    def find(self, name: str, lang: Optional[str] = None, limit: int = 20) -> List[Dict[str, Any]]:
        """Return the entities that a name may mean, as `EntityStore.candidates` does.

        name (str): The name.
        lang (Optional[str]): Its language.
        limit (int): Maximum number of entities.
        RETURNS (List[Dict[str, Any]]): `id`, `name`, `type` and `prior` (the probability given the name), the most
            likely first.
        """
        found = []
        for match in self.store.candidates(name, lang)[:limit]:
            entity = self.store[match.id]
            found.append(
                {"id": match.id, "name": entity.name(lang or ENGLISH), "type": entity.type, "prior": match.prior}
            )
        return found


def find_store(nlp: Language) -> Optional[AnyStore]:
    """Open the knowledge bases of a pipeline's components, and return the last one that is an entity store.

    That is the linker's, if there is a linker.

    nlp (Language): The pipeline.
    RETURNS (Optional[AnyStore]): None if no component has a store.
    """
    found: Optional[AnyStore] = None
    for _, pipe in nlp.pipeline:
        source = getattr(pipe, "candidates", None)
        if isinstance(source, StoreCandidates):
            found = source.store
        elif isinstance(source, KBCandidates) and isinstance(source.kb, StoreKB):
            found = source.kb.store or found
    return found
