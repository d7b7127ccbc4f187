"""Count how often a word is a name in running text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

_NAMES = ("PER", "ORG", "LOC", "WORK", "EVENT", "PRODUCT")
_UNMARKED = ("mobie", "idner")  # sources that leave many common names unmarked


class Word(NamedTuple):
    """How often a word occurs."""

    lower: int  # in lower case
    upper: int  # with a capital inside a sentence, in no name
    named: int  # with a capital inside a sentence, in a name


Frequencies = Dict[Tuple[str, str], Word]  # by language and word in lower case


def count_words(folder: Path) -> Frequencies:
    """Return the frequencies of the words of data/ner's training splits."""
    counts: Dict[Tuple[str, str], List[int]] = {}
    for path in sorted(folder.glob("*.train.iob2")):
        language, _, source = path.name.partition(".")[0].partition("-")
        if source in _UNMARKED:
            continue
        found: Counter = Counter()
        is_start = True
        for line in path.read_text(encoding="utf8").split("\n"):
            if not line:
                is_start = True
                continue
            word, _, tag = line.partition("\t")
            lower = word.lower()
            if word == lower:
                # Letters without case: what is in no name counts as a word.
                kind = 2 if tag[2:] in _NAMES else 0 if word != word.upper() else 1
                found[lower, kind] += 1
            elif not is_start:
                found[lower, 2 if tag[2:] in _NAMES else 1] += 1
            is_start = word in '.!?:"„“«»-–'
        for (word, kind), n in found.items():
            counts.setdefault((language, word), [0, 0, 0])[kind] += n
    return {key: Word(*own) for key, own in counts.items()}
