"""The names of an entity in the packed knowledge base: cells with tabs between them.

The first cell has the ids in other registers, with spaces between them. The others are names, "LANGUAGES=NAME". A "~"
at the beginning marks an alias, a "!" a weak name, a "^" an alias by which the entity is as well-known as by its label,
such as an adjective of a country; a ":" after the languages introduces those of which it is an
ordinary word.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Iterator, NamedTuple, Tuple

from .entities import EntityName
from .store_format import ALIAS, COMMON, CROSS_REFERENCE, NAME, WEAK

SEPARATOR = "\t"
# Where a name is: the number of its entity, and in the last bits that of its cell.
CELL_BITS = 16
# The first bits of a key's hash are the number of the array that has it.
PART_SHIFT = 52
_ALIAS, _WEAK, _USUAL = "~", "!", "^"
# Weight of an entity among those with a name that is not its label.
ALIAS_WEIGHT = 0.3


class Head(NamedTuple):
    """What is known of a name: the beginning of its cell."""

    langs: Tuple[str, ...]
    common: Tuple[str, ...]  # languages of which it is an ordinary word
    is_alias: bool
    is_weak: bool
    is_usual: bool  # whether the entity is as well-known by this alias as by its label


@lru_cache(maxsize=1 << 14)
def parse_head(head: str) -> Head:
    """Parse the beginning of a name's cell.

    head (str): What precedes "=".
    RETURNS (Head): What is known of the name.
    """
    plain = head.lstrip(_ALIAS + _WEAK + _USUAL)
    marks = head[: len(head) - len(plain)]
    langs, _, common = plain.partition(":")
    words = tuple(common.split(",")) if common else ()
    is_usual = _USUAL in marks
    return Head(tuple(langs.split(",")), words, is_usual or _ALIAS in marks, _WEAK in marks, is_usual)


def expand(cell: str, weight: float) -> Iterator[EntityName]:
    """Return what a cell says of a name.

    cell (str): The cell.
    weight (float): Prior of the entity.
    YIELDS (EntityName): The name in each of its languages; and, if it is weak or an ordinary word, that.
    RAISES (ValueError): If it is not such a cell.
    """
    beginning, equals, name = cell.partition("=")
    if not equals or not name:
        raise ValueError(f"one of its cells is {cell!r:.40}")
    head = parse_head(beginning)
    form = ALIAS if head.is_alias else NAME
    own = weight * ALIAS_WEIGHT if head.is_alias and not head.is_usual else weight
    for lang in head.langs:
        yield EntityName(name, lang, form, own)
    if head.is_weak:
        yield EntityName(name, "", WEAK, own)
    for lang in head.common:
        yield EntityName(name, lang, COMMON, own)


def names_in(cells: str, weight: float) -> Iterator[EntityName]:
    """Return the names of an entity.

    cells (str): Its cells.
    weight (float): Its prior.
    YIELDS (EntityName): A name, or an id in another register.
    RAISES (ValueError): If a cell is none of a name.
    """
    references, *names = cells.split(SEPARATOR)
    for reference in references.split():
        yield EntityName(reference, "", CROSS_REFERENCE, None)
    # A name may have two cells, for languages of which it is a label and others.
    yield from dict.fromkeys(own for cell in names for own in expand(cell, weight))
