"""Compare names with a mention, and weigh the entities that have them."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from .name_keys import case_key
from .store_format import CandidateRow


class Match(NamedTuple):
    """A candidate: an entity that a mention may refer to."""

    id: str
    prior: float  # probability among the mention's candidates; the priors of all candidates sum to 1
    type: str = ""  # the entity's type
    # How well-known the entity is by this name, in stores that know it (`EntityStore.has_prominence`).
    prominence: Optional[float] = None


def strictest(rows: List[CandidateRow], mention: str, match: str) -> List[CandidateRow]:
    """Select the rows whose names match a mention in the strictest spelling that matches any.

    rows (List[CandidateRow]): Rows whose names have the mention's `loose_key`.
    mention (str): The mention.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    RETURNS (List[CandidateRow]): Those rows.
    """
    found = [row for row in rows if row.name == mention]
    if not found and match != "exact":
        key = case_key(mention)
        found = [row for row in rows if case_key(row.name) == key]
    if not found and match == "loose":
        found = rows
    return found


def discounted(rows: List[CandidateRow], lang: str, factor: float) -> List[CandidateRow]:
    """Return the rows whose names are in other languages, with lower weights.

    rows (List[CandidateRow]): The rows. Those without a weight are skipped.
    lang (str): The language of the mention.
    factor (float): Factor of the weights.
    RETURNS (List[CandidateRow]): Those rows.
    """
    found = []
    for row in rows:
        weight = row.entity_prior if row.prior is None else row.prior
        if row.lang not in (lang, "") and weight is not None:
            found.append(row._replace(prior=weight * factor))
    return found


def weigh(rows: List[CandidateRow], *, has_prominence: bool = False) -> List[Match]:
    """Return the entities of rows with their priors.

    rows (List[CandidateRow]): The rows.
    has_prominence (bool): Whether their weights say how well-known the entities are.
    RETURNS (List[Match]): The most likely first; equally likely ones sorted by id.
    """
    weights: Dict[str, Optional[float]] = {}
    types = {row.id: row.type for row in rows}
    for row in rows:
        entity_id = row.id
        weight = row.entity_prior if row.prior is None else row.prior
        before = weights.get(entity_id)
        weights[entity_id] = weight if before is None else max(before, weight or 0.0)
    given = [weight for weight in weights.values() if weight is not None]
    least = min(given, default=1.0)
    filled = {entity_id: least if weight is None else weight for entity_id, weight in weights.items()}
    total = sum(filled.values())
    # If all weights are 0, all candidates are equally likely.
    priors = {i: weight / total if total else 1 / len(filled) for i, weight in filled.items()}
    ranked = sorted(priors.items(), key=_rank)
    return [Match(i, prior, types[i], filled[i] if has_prominence else None) for i, prior in ranked]


def _rank(item: Tuple[str, float]) -> Tuple[float, str]:
    return -item[1], item[0]
