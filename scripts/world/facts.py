"""Read the facts of the bundled knowledge base "world", and draw the pairs of entities that training does not see."""

from __future__ import annotations

import csv
import lzma
import random
from pathlib import Path
from typing import IO, Iterable, List, NamedTuple, Set, Tuple

Pair = Tuple[str, str]  # ids of two entities, sorted
# Fraction of the pairs, and the random numbers' start, that `mluke-small` was trained with.
HELD_OUT, SEED = 0.05, 0


class Fact(NamedTuple):
    """Two entities and their relation."""

    relation: str
    subject: str
    object: str


def read_facts(path: Path) -> List[Fact]:
    """Read a table of facts.

    path (Path): facts.tsv, or facts.tsv.xz.
    RETURNS (List[Fact]): The facts, in the order of the file.
    """
    with _open(path) as file:
        return [Fact(**row) for row in csv.DictReader(file, delimiter="\t")]


def pair_of(fact: Fact) -> Pair:
    """Return the two entities in sorted order."""
    return min(fact.subject, fact.object), max(fact.subject, fact.object)


def draw_held_out(facts: Iterable[Fact], fraction: float, rng: random.Random) -> Set[Pair]:
    """Draw the pairs of entities of which training sees no fact.

    facts (Iterable[Fact]): All facts.
    fraction (float): Fraction of the pairs.
    rng (random.Random): The random numbers.
    RETURNS (Set[Pair]): The pairs.
    """
    pairs = sorted({pair_of(fact) for fact in facts})
    return set(rng.sample(pairs, round(fraction * len(pairs))))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf8")
    return path.open(encoding="utf8")
