"""Keys of names: what different spellings of a name have in common."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Pattern, Tuple

APOSTROPHES = "'\u2019\u02bc"
_DROPPED, _DASHES = f".{APOSTROPHES}\u00b7", "\\-\u2010-\u2015\u2212_\u30fb"
_PUNCTUATION = re.compile(f"[{_DROPPED}{_DASHES}]")
_DROPPED_PUNCTUATION = re.compile(f"[{_DROPPED}]")
# Latin (with IPA and the extensions for Vietnamese) and Greek.
_LETTERS = "[\0-\u02af\u0370-\u03ff\u1e00-\u1fff]"
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
    return fold_name(name)[0]


def fold_name(name: str) -> Tuple[str, bool]:
    """Return the key of a name, and whether it has accents.

    name (str): A name.
    RETURNS (Tuple[str, bool]): As returned by `loose_key`, and by `has_accents`.
    """
    folded = plain = bare = name.lower() if name.isascii() else case_key(name)
    if not folded.isascii():
        plain = bare = _drop_accents(folded)
        if not folded.isprintable():  # it may have format characters
            # What they separated may be one character now.
            plain = "".join(char for char in folded if unicodedata.category(char) != "Cf")
            plain = _drop_accents(unicodedata.normalize("NFC", plain))
    if _PUNCTUATION.search(plain):
        plain = _PUNCTUATION.sub(" ", _DROPPED_PUNCTUATION.sub("", plain))
    return " ".join(plain.split()) or folded, bare != folded


def case_key(name: str) -> str:
    """Return a name in one case.

    name (str): A name.
    RETURNS (str): The name, compatibility-normalized and case-folded.
    """
    if name.isascii():
        return name.lower()
    if len(name) > MAX_MARKS:
        name = _limit_marks(name)
    # Case folding can undo the normalization, so normalize again.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def has_accents(name: str) -> bool:
    """Return whether a name has accents that `loose_key` removes.

    name (str): A name.
    RETURNS (bool): Whether it has.
    """
    return fold_name(name)[1]


def _limit_marks(text: str) -> str:
    kept = []
    n_marks = 0
    for char in text:
        n_marks = n_marks + 1 if unicodedata.combining(char) else 0
        if n_marks <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _drop_accents(text: str) -> str:
    """Remove the accents of a text in NFC."""
    decomposed = unicodedata.normalize("NFD", text)
    is_wide = len(decomposed.encode("utf-16-le", "surrogatepass")) > 2 * len(decomposed)
    bare, n = _accents(is_wide).subn("", decomposed)
    return unicodedata.normalize("NFC", bare) if n else text


@cache
def _accents(is_wide: bool) -> Pattern[str]:
    """Marks on a letter of Latin or Greek. Characters beyond U+FFFF make a set of characters much slower; there are no
    marks beyond U+1FFFF."""
    chars = map(chr, range(1 << 17 if is_wide else 1 << 16))
    mark = f"[{''.join(filter(unicodedata.combining, chars))}]"
    return re.compile(f"{mark}(?<={_LETTERS}{mark}){mark}*")
