"""What is written at a name and is no part of it: "Ankara'da" (in Ankara), "@NASA", "#Berlin"."""

from __future__ import annotations

import re
from typing import Iterator

from .name_keys import APOSTROPHES

# An ending after an apostrophe, as in Turkish, and in other languages at foreign names and abbreviations. It is in
# small letters: "L'Aquila" has none. "s" is none, because it belongs to names: "Levi's", "Macy's".
_MARKED_ENDING = re.compile(rf"(.+)[{APOSTROPHES}](?!s$)([^\W\d_]{{1,8}})", re.DOTALL)
_MIN_LETTERS, _MIN_CAPITALS = 3, 2  # of the name: a name, or an abbreviation
_TAG = re.compile(r"[@#](?=\w)")


def bare_names(text: str) -> Iterator[str]:
    """Return names that a mention may consist of, without what is written at them.

    text (str): The mention.
    YIELDS (str): A name: without an ending after an apostrophe, without the mark of a tag or a user name, and with
        spaces between the words of a tag. Nothing if the mention has none of these.
    """
    tag = _TAG.match(text)
    name = text[tag.end() :] if tag else text
    found = _MARKED_ENDING.fullmatch(name)
    if found and found[2].islower() and _is_name(found[1]):
        name = found[1]
    if name != text:
        yield name
    if tag:
        words = "".join(map(_divided, " " + name, name))
        if words != name:
            yield words


def bare_name(text: str) -> str:
    """Return a mention without an ending after an apostrophe, and without the mark of a tag or a user name.

    text (str): The mention.
    RETURNS (str): The name in it; the mention itself if there is no such ending or mark.
    """
    return [text, *bare_names(text)][-1]


def _divided(before: str, char: str) -> str:
    """A character of a tag, with a space before it if a word begins there: "NewYork", "AngelaMerkel"."""
    return f" {char}" if before.islower() and char.isupper() else char


def _is_name(text: str) -> bool:
    n_letters = sum(map(str.isalnum, text))
    return n_letters >= _MIN_LETTERS or (n_letters >= _MIN_CAPITALS and text.isupper())
