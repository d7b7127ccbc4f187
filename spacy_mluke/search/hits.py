"""What a search returns, and which mentions it may return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Dict, Optional, Tuple


@dataclass(frozen=True)
class EntityHit:
    """A mention that a search found."""

    doc_id: str
    lang: str
    start: int  # offsets in characters of the document
    end: int
    text: str
    before: str  # text of the document before the mention, at most `context` characters
    after: str
    label: str
    types: Tuple[str, ...]  # finer types of the entity, if the corpus has them
    kb_id: str  # "" for a mention without a link
    score: Optional[float]  # probability of the mention; None if no component gave one
    link_score: Optional[float]  # probability of its link; None without candidates
    similarity: Optional[float]  # cosine with the query; None in a search by id

    def to_dict(self) -> Dict[str, Any]:
        """Return the hit as a dictionary of plain Python types.

        RETURNS (Dict[str, Any]): The fields.
        """
        return {**self.__dict__, "types": list(self.types)}


@dataclass(frozen=True)
class HitFilter:
    """Conditions on the mentions of a search."""

    langs: Collection[str] = ()  # empty: all
    types: Collection[str] = ()  # labels or finer types; empty: all
    min_score: float = 0.0  # a mention without a probability passes only 0
    min_link_score: float = 0.0
