"""What a graph contains."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

from ..errors import Errors, check_at_least, check_choice, check_flag, check_fraction, check_names

UNLINKED = ("merge", "document", "skip")
DEFAULT_BASE = "https://example.org/graph/"
_IRI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|\\^`\x7f-\x9f\ud800-\udfff]*[/#:]')


@dataclass(frozen=True)
class GraphOptions:
    """What a graph contains, and how its entities are named.

    RAISES (ValueError): ML070, ML071, ML310 or ML464 for a value that is not allowed.
    """

    unlinked: str = "merge"  # mentions without a link: "merge" by name, by name in each "document", or "skip"
    min_probability: float = 0.0  # of a mention's relation
    min_mention_probability: float = 0.0  # of a mention
    min_support: int = 1  # documents with a relation
    min_entity_support: int = 1  # documents with an entity
    types: Sequence[str] = ()  # labels of mentions; none for all
    relations: Sequence[str] = ()  # labels or Wikidata properties; none for all
    only_related: bool = False  # whether entities without a relation are left out
    provenance: bool = True  # whether documents, mentions and evidence are written
    base: str = DEFAULT_BASE  # of IRIs in RDF

    def __post_init__(self) -> None:
        check_choice("unlinked", self.unlinked, UNLINKED)
        for option in ("min_probability", "min_mention_probability"):
            check_fraction(option, getattr(self, option))
        for option in ("min_support", "min_entity_support"):
            check_at_least(option, getattr(self, option), 1)
        for option in ("types", "relations"):
            check_names(option, getattr(self, option))
        for option in ("only_related", "provenance"):
            check_flag(option, getattr(self, option))
        if not isinstance(self.base, str) or not _IRI.fullmatch(self.base):
            raise ValueError(Errors.ML464.format(found=repr(self.base)))
