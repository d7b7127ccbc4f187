"""The key under which a name is found: what is left of it when spelling is read loosely."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = re.compile("[.'\u2019\u02bc\u00b7]")
_SPACES = re.compile(r"[\s\-\u2010-\u2015\u2212_\u30fb]+")
# Marks over one letter that count: the bound of Unicode's stream-safe text format. Ordering them takes time that grows
# with the square of their number.
MAX_MARKS = 30


def loose_key(name: str) -> str:
    """Reduce a name to what its spellings have in common.

    Case, width and other compatibility forms, format characters, full stops and apostrophes do not count, dashes are
    spaces, and accents over Latin and Greek letters go: "São Tomé" and "SAO  TOME" have one key, so do "St. John's" and
    "st johns". Marks of other scripts stay: they are the letters' own (й, が, कि); of more than 30 over one letter, the
    first 30.

    name (str): A name.
    RETURNS (str): Its key. A name that consists of nothing else keeps its case-folded form.
    """
    folded = case_key(name)
    if folded.isascii():
        plain = folded
    else:
        plain = "".join(c for c in folded if unicodedata.category(c) != "Cf")
        if not plain.isascii():
            plain = _drop_accents(plain)
    return _SPACES.sub(" ", _DROPPED.sub("", plain)).strip() or folded


def case_key(name: str) -> str:
    """Reduce a name to its letters without case.

    name (str): A name.
    RETURNS (str): Compatibility-normalised and case-folded.
    """
    if name.isascii():
        return name.lower()
    name = _limit_marks(name)
    # Folding can undo the normal form, so that comes last, too.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _limit_marks(text: str) -> str:
    if len(text) <= MAX_MARKS:
        return text
    kept = []
    n_marks = 0
    for char in text:
        n_marks = n_marks + 1 if unicodedata.combining(char) else 0
        if n_marks <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _drop_accents(text: str) -> str:
    kept = []
    on_letter = False
    for char in unicodedata.normalize("NFD", text):
        if unicodedata.combining(char):
            if not on_letter:
                kept.append(char)
            continue
        kept.append(char)
        # Latin (with IPA and the extensions for Vietnamese) and Greek.
        on_letter = char < "\u02b0" or "\u0370" <= char < "\u0400" or "\u1e00" <= char < "\u2000"
    return unicodedata.normalize("NFC", "".join(kept))
