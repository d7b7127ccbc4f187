"""Keywords of entities: words of names that a text about an entity may have, such as "Maumee" for Toledo in Ohio."""

from __future__ import annotations

import re
from typing import FrozenSet, List, Sequence

from .name_keys import loose_key

_LEAST_LETTERS = 4
_WINDOW = 100  # tokens before a mention, and after it
_WORD = re.compile(r"[^\W\d_]+")


def name_words(text: str) -> List[str]:
    """Return the words of a text that are written as names.

    text (str): A token, or a name.
    RETURNS (List[str]): Words with a capital and at least four letters, as `loose_key` spells them.
    """
    return [loose_key(word) for word in _WORD.findall(text) if len(word) >= _LEAST_LETTERS and word[0].isupper()]


def words_around(words: Sequence[Sequence[str]], start: int, end: int) -> FrozenSet[str]:
    """Return the words around a mention, but those of the mention itself.

    words (Sequence[Sequence[str]]): From `name_words`, for each token of a text.
    start (int): First token of the mention.
    end (int): The token after its last one.
    RETURNS (FrozenSet[str]): Words of the 100 tokens before it, and of the 100 after it.
    """
    around = (*words[max(start - _WINDOW, 0) : start], *words[end : end + _WINDOW])
    return frozenset(word for own in around for word in own).difference(*words[start:end])
