"""Limits of predicted relations: how many tails a head may have, and how many heads a tail. Without spaCy: exported
models (`onnx/`) use it, too."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple

from ...errors import check_at_least

LIMITS = ("max_tails", "max_heads")  # options of the component
Mention = Tuple[int, int, str]  # bounds, and what its entity is known by
Fact = Tuple[int, str, int]  # number of the head entity, label, number of the tail entity


@dataclass(frozen=True)
class Found:
    """A relation that was predicted for two mentions."""

    head: Mention
    tail: Mention
    label: str
    score: float


def number_entities(mentions: Iterable[Mention]) -> Dict[Mention, int]:
    """Number the entities of a document, in the order of their first mentions.

    mentions (Iterable[Mention]): Bounds of each mention, and its `kb_id_` or its text. Mentions with the same are
        mentions of one entity; letter case does not count.
    RETURNS (Dict[Mention, int]): The number of each mention's entity.
    """
    numbers: Dict[str, int] = {}
    return {mention: numbers.setdefault(mention[2].casefold(), len(numbers)) for mention in sorted(mentions)}


def check_limit(option: str, value: Any) -> None:
    """Check that a limit is a whole number of 1 or more.

    option (str): Its name, for the message.
    value (Any): The limit.
    RAISES (ValueError): ML071, ML310 if it is not.
    """
    check_at_least(option, value, 1)


def keep_best(found: Sequence[Found], options: Mapping[str, Any]) -> List[bool]:
    """Return which relations of a document are among the most probable ones of their head and of their tail.

    All mentions of two entities count as one pair, with their highest score. A relation and its inverse from tail to
    head are kept or dropped together. Of equal scores, the entity that is mentioned first comes first.

    found (Sequence[Found]): The predicted relations. Their order does not matter.
    options (Mapping[str, Any]): `max_tails` and `max_heads` of `RelationExtractor`, which exports of earlier versions
        do not have, and its `inverses`.
    RETURNS (List[bool]): For each relation, whether it is kept.
    """
    limits: List[Mapping[str, int]] = [options.get(name, {}) for name in LIMITS]
    if not any(limits):
        return [True] * len(found)
    entities = number_entities(mention for own in found for mention in (own.head, own.tail))
    facts: List[Fact] = [(entities[own.head], own.label, entities[own.tail]) for own in found]
    scores: Dict[Fact, float] = {}
    for fact, own in zip(facts, found, strict=True):
        scores[fact] = max(scores.get(fact, 0.0), own.score)
    ranked = [fact for _, fact in sorted((-score, fact) for fact, score in scores.items())]
    kept = _among_best(ranked, limits[0], 0) & _among_best(ranked, limits[1], 2)
    reverses = {fact: (fact[2], options["inverses"].get(fact[1], ""), fact[0]) for fact in kept}
    kept -= {fact for fact, reverse in reverses.items() if reverse in scores and reverse not in kept}
    return [fact in kept for fact in facts]


def _among_best(ranked: Sequence[Fact], limits: Mapping[str, int], side: int) -> Set[Fact]:
    """Facts that are among the first of their label and of their entity on one side: 0 for the head, 2 for the tail."""
    numbers: Counter[Tuple[str, Any]] = Counter()
    best = set()
    for fact in ranked:
        key = fact[1], fact[side]
        numbers[key] += 1
        if numbers[key] <= limits.get(fact[1], len(ranked)):
            best.add(fact)
    return best


def count_limits(
    facts: Iterable[Tuple[Any, str, Any]], *, min_share: float, largest: int, least: int
) -> Dict[str, int]:
    """Count how many tails the heads of each relation have. Exchange head and tail to count heads.

    facts (Iterable[Tuple[Any, str, Any]]): Head, label and tail; an entity is any value that can be hashed, and that
        no other document has.
    min_share (float): Minimum share of a relation's heads that must not exceed its limit.
    largest (int): Highest limit. A relation that needs a higher one is not listed.
    least (int): Minimum number of heads. Relations with fewer are not listed.
    RETURNS (Dict[str, int]): Label -> the lowest limit, sorted by label.
    """
    tails: Dict[Tuple[str, Any], Set[Any]] = defaultdict(set)
    for head, label, tail in facts:
        tails[label, head].add(tail)
    counts: Dict[str, List[int]] = defaultdict(list)
    for (label, _), own in tails.items():
        counts[label].append(len(own))
    limits = {}
    for label, numbers in sorted(counts.items()):
        fitting = [n for n in range(1, largest + 1) if sum(m <= n for m in numbers) >= min_share * len(numbers)]
        if len(numbers) >= least and fitting:
            limits[label] = fitting[0]
    return limits
