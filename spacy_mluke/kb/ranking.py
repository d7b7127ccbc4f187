"""Rank a mention's candidates by what is known without an encoder: priors, types, and facts about other entities."""

from __future__ import annotations

from typing import Callable, Collection, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set

from .store import Fact, Match

# Labels of mentions and types of entities that are of one kind.
_KINDS = {
    "PER": ("PER", "PERSON", "human"),
    "LOC": ("LOC", "GPE", "FAC", "LOCATION", "CITY", "COUNTRY", "CONTINENT", "REGION", "PLACE"),
    "ORG": ("ORG", "ORGANIZATION", "ORGANISATION"),
    "WORK": ("WORK", "WORK_OF_ART", "PRODUCT"),
    "EVENT": ("EVENT",),
    "OTHER": ("OTHER", "MISC", "LANGUAGE", "CURRENCY", "LAW", "TITLE"),
    "NORP": ("NORP",),  # nations, religions and parties
}
KIND_OF: Dict[str, str] = {label: kind for kind, labels in _KINDS.items() for label in labels}
# Works and events are often labelled MISC, and products WORK. A nation is linked to its country, or is a people.
_AKIN = {
    frozenset(pair)
    for pair in (
        ("WORK", "OTHER"), ("EVENT", "OTHER"), ("ORG", "WORK"), ("WORK", "EVENT"), ("NORP", "OTHER"), ("NORP", "PER"),
    )
}  # fmt: skip
_ALIKE = {frozenset(("NORP", "LOC")), frozenset(("NORP", "ORG"))}
DISAGREEMENT = 0.05  # factor of a candidate whose type is of another kind than the mention's label
_AKIN_FACTOR = 0.5
_NATION, _LANGUAGE = "NORP", "LANGUAGE"
_SHARED_FACT = 4.0  # factor of a candidate for each entity of the text that is a fact about it
_MAX_FACTS = 3  # facts that count

FactsOf = Callable[[str], Iterable[Fact]]


class Ranking(NamedTuple):
    """A mention's candidates, ranked."""

    matches: List[Match]  # the most likely first; priors sum to 1
    # How well the candidates fit the mention: 1 if all types agree with its label, less otherwise; or what the
    # re-ranker says of the best one (`nil.support_of`).
    support: float


def agreement(label: str, entity_type: str) -> float:
    """Return the factor of an entity's prior for a mention with a label.

    label (str): The mention's label.
    entity_type (str): The entity's type.
    RETURNS (float): 1 if they are of one kind or one of them is unknown, less otherwise.
    """
    own, other = KIND_OF.get(label), KIND_OF.get(entity_type)
    if own is None or other is None or own == other or frozenset((own, other)) in _ALIKE:
        return 1.0
    return _AKIN_FACTOR if frozenset((own, other)) in _AKIN else DISAGREEMENT


def is_no_person(label: str, entity_type: str) -> bool:
    """Return whether a mention is labelled as a person, and an entity is none: "Bush" is no band then. An entity of the
    type OTHER may be a god, who is labelled as a person.

    label (str): The mention's label.
    entity_type (str): The entity's type.
    RETURNS (bool): Whether it is.
    """
    return KIND_OF.get(label) == "PER" and KIND_OF.get(entity_type) in ("LOC", "ORG", "WORK", "EVENT")


def fitting(matches: Sequence[Match], label: str, classes_of: Callable[[str], Sequence[str]]) -> List[Match]:
    """Return the candidates that a mention with a label may mean: "German" is a language only if it is labelled so.

    matches (Sequence[Match]): The candidates.
    label (str): The mention's label.
    classes_of (Callable[[str], Sequence[str]]): Returns the names of an entity's classes.
    RETURNS (List[Match]): For NORP, those that are no languages. For LANGUAGE, only languages, if there are any. For
        other labels, all. The priors sum to what they summed to.
    """
    if label not in (_NATION, _LANGUAGE):
        return list(matches)
    kept = [match for match in matches if _is_language(match, classes_of) == (label == _LANGUAGE)]
    if not kept and label == _LANGUAGE:
        return list(matches)
    total, own = (sum(match.prior for match in some) for some in (matches, kept))
    return [match._replace(prior=match.prior * total / own) if own else match for match in kept]


def _is_language(match: Match, classes_of: Callable[[str], Sequence[str]]) -> bool:
    if match.type == _LANGUAGE:
        return True
    return KIND_OF.get(match.type) == "OTHER" and any(_LANGUAGE.lower() in name for name in classes_of(match.id))


def rank(
    matches: Sequence[Match], label: str, context: Collection[str] = (), facts_of: Optional[FactsOf] = None
) -> Ranking:
    """Rank the candidates of a mention.

    matches (Sequence[Match]): The candidates.
    label (str): The mention's label.
    context (Collection[str]): Ids of other entities of the text.
    facts_of (Optional[FactsOf]): Returns the facts about an entity.
    RETURNS (Ranking): The ranked candidates.
    """
    weights = [match.prior * agreement(label, match.type) for match in matches]
    priors = sum(match.prior for match in matches)
    support = sum(weights) / priors if priors else 1.0
    if len(matches) > 1 and context and facts_of is not None:
        weights = [
            weight * _SHARED_FACT ** min(_MAX_FACTS, _n_shared(match.id, context, facts_of))
            for match, weight in zip(matches, weights, strict=True)
        ]
    total = sum(weights)
    if not total or weights == [match.prior for match in matches]:
        return Ranking(list(matches), support)
    found = [match._replace(prior=weight / total) for match, weight in zip(matches, weights, strict=True)]
    return Ranking(sorted(found, key=_descending), support)


def likely(candidates: Iterable[Sequence[Match]], threshold: float = 0.5) -> Set[str]:
    """Return the entities that names of a text probably mean, for the context of other mentions.

    candidates (Iterable[Sequence[Match]]): Candidates of each name.
    threshold (float): Minimum prior of an entity.
    RETURNS (Set[str]): Ids.
    """
    return {own[0].id for own in candidates if own and own[0].prior >= threshold}


def _n_shared(entity_id: str, context: Collection[str], facts_of: FactsOf) -> int:
    return len({fact.object for fact in facts_of(entity_id)}.intersection(context) - {entity_id})


def _descending(match: Match) -> float:
    return -match.prior
