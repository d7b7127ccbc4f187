"""Candidates and aliases of spaCy's knowledge bases, in the form of an entity store's."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from spacy.kb import Candidate

from .store import EntityName, Match


def matches_of(candidates: Iterable[Candidate]) -> List[Match]:
    """Return spaCy's candidates as matches.

    candidates (Iterable[Candidate]): The candidates.
    RETURNS (List[Match]): The most likely first.
    """
    # The sort is stable: equally likely candidates keep the order of the knowledge base.
    found = [Match(candidate.entity_, float(candidate.prior_prob)) for candidate in candidates]
    return sorted(found, key=_descending_prior)


def _descending_prior(match: Match) -> float:
    return -match.prior


def aliases_by_entity(kb: Any) -> Dict[str, List[EntityName]]:
    """Return the aliases of a knowledge base's entities, if it can list them.

    kb (Any): The knowledge base.
    RETURNS (Dict[str, List[EntityName]]): Names of each entity, those with the greatest prior first.
    """
    names: Dict[str, List[EntityName]] = {}
    if not hasattr(kb, "get_alias_strings") or not hasattr(kb, "get_alias_candidates"):
        return names
    for alias in sorted(kb.get_alias_strings()):
        for candidate in kb.get_alias_candidates(alias):
            names.setdefault(candidate.entity_, []).append(EntityName(alias, prior=candidate.prior_prob))
    for own in names.values():
        own.sort(key=_descending_name_prior)
    return names


def _descending_name_prior(name: EntityName) -> float:
    return -(name.prior or 0.0)
