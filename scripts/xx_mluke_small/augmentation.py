"""Vary letter case and accents of training texts. Character offsets stay the same."""

from __future__ import annotations

import random
import unicodedata
from typing import Sequence, Tuple

# Probabilities of texts with named entities: lower case, upper case, without accents.
LOWER, UPPER, PLAIN = 0.06, 0.04, 0.03
_LATIN_END = 0x250  # accents are removed from letters before this code point
_BEFORE_CAPITAL = " -"


def vary_case(text: str, rng: random.Random) -> str:
    """Return a text as it is, or in lower case, in upper case, or without accents, at random.

    text (str): The text.
    rng (random.Random): Random numbers.
    RETURNS (str): A text of the same length.
    """
    drawn = rng.random()
    if drawn < LOWER:
        changed = text.lower()
    elif drawn < LOWER + UPPER:
        changed = text.upper()
    elif drawn < LOWER + UPPER + PLAIN:
        changed = remove_accents(text)
    else:
        return text
    return changed if len(changed) == len(text) else text


def lower_some(text: str, probability: float, rng: random.Random) -> str:
    """Return a text in lower case with some probability, or as it is.

    text (str): The text.
    probability (float): The probability.
    rng (random.Random): Random numbers.
    RETURNS (str): A text of the same length.
    """
    changed = text.lower() if rng.random() < probability else text
    return changed if len(changed) == len(text) else text


def remove_accents(text: str) -> str:
    """Return a text without the accents of its Latin letters.

    text (str): The text.
    RETURNS (str): A text of the same length.
    """
    return "".join(unicodedata.normalize("NFD", char)[0] if ord(char) < _LATIN_END else char for char in text)


def restore_capitals(text: str, spans: Sequence[Tuple[int, int]]) -> str:
    """Capitalize the words of spans, and the first letter of the text: for texts that are in lower case.

    text (str): The text.
    spans (Sequence[Tuple[int, int]]): Character bounds.
    RETURNS (str): A text of the same length.
    """
    places = {0} if text else set()
    for start, end in spans:
        places.update(i for i in range(start, end) if i == start or text[i - 1] in _BEFORE_CAPITAL)
    chars = list(text)
    for i in places:
        capital = chars[i].upper()
        if len(capital) == 1:
            chars[i] = capital
    return "".join(chars)
