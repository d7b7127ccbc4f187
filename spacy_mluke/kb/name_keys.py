"""Keys of names: what different spellings of a name have in common."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = re.compile("[.'\u2019\u02bc\u00b7]")
_SPACES = re.compile(r"[\s\-\u2010-\u2015\u2212_\u30fb]+")
# Maximum number of marks on one letter, as in Unicode's stream-safe text format. The time to sort them grows with the
# square of their number.
MAX_MARKS = 30


def loose_key(name: str) -> str:
    """Return the key of a name: its spelling without case, accents and punctuation.

    Case, width and other compatibility forms, format characters, full stops and apostrophes are removed; dashes become
    spaces; accents on Latin and Greek letters are removed. So "São Tomé" and "SAO  TOME" have one key, and "St. John's"
    and "st johns", too. Marks of other scripts are kept, because they distinguish letters (й, が, कि); of more than 30
    marks on one letter, the first 30 are kept.

    name (str): A name.
    RETURNS (str): Its key. If nothing would remain, the case-folded name.
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
    """Return a name in one case.

    name (str): A name.
    RETURNS (str): The name, compatibility-normalized and case-folded.
    """
    if name.isascii():
        return name.lower()
    name = _limit_marks(name)
    # Case folding can undo the normalization, so normalize again.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def has_accents(name: str) -> bool:
    """Return whether a name has accents that `loose_key` removes.

    name (str): A name.
    RETURNS (bool): Whether it has.
    """
    if name.isascii():
        return False
    folded = case_key(name)
    return _drop_accents(folded) != folded


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
