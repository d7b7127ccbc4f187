"""Keywords of entities: names that a text about an entity may have, such as rivers, clubs and buildings of a city."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Dict, Iterable, List, Set, Tuple

from spacy_mluke.kb.keywords import name_words
from spacy_mluke.kb.name_keys import loose_key
from spacy_mluke.kb.packed import PackedEntity

from .frequencies import Frequencies
from .sources import lines

# A word of more entities says little of each: "Cathedral".
_MOST_ENTITIES = 12


def read_keywords(
    path: Path, entities: Iterable[PackedEntity], frequencies: Frequencies
) -> List[Tuple[str, List[str]]]:
    """Return the words of the names that a table has for entities.

    path (Path): A table: id, and names with "; " between them.
    entities (Iterable[PackedEntity]): The entities of the knowledge base. Words of their own names are no keywords.
    frequencies (Frequencies): How often a word is a name. One that is more often an ordinary word is no keyword.
    RETURNS (List[Tuple[str, List[str]]]): Ids of entities, in the order of the table, and their keywords, sorted.
    """
    _, *rows = lines(path)
    words = {entity_id: set(name_words(names)) for entity_id, names in rows}
    own_words = {own.id: set(loose_key(own.names.replace("=", " ")).split()) for own in entities if own.id in words}
    counts = Counter(word for own in words.values() for word in own)
    ordinary = _ordinary(frequencies)
    found = []
    for entity_id, own in words.items():
        if entity_id in own_words:  # a smaller knowledge base may lack it
            telling = own - ordinary - own_words[entity_id]
            kept = sorted(word for word in telling if counts[word] <= _MOST_ENTITIES)
            found += [(entity_id, kept)] if kept else []
    return found


def _ordinary(frequencies: Frequencies) -> Set[str]:
    """The words that are more often written as ordinary words than as names."""
    totals: Dict[str, List[int]] = {}
    for (_, word), own in frequencies.items():
        total = totals.setdefault(word, [0, 0])
        total[0] += own.lower
        total[1] += own.named
    return {word for word, (lower, named) in totals.items() if lower > named}
