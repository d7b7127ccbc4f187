"""The direction of a text, and estimated widths of its characters, for drawings without a browser."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

RTL = frozenset(("ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"))
_STRONG = {"L": "ltr", "R": "rtl", "AL": "rtl"}
# Fractions of the font's size, for usual sans-serif fonts. SVG's textLength fits each text into its estimated width.
_NARROW, _THIN, _BROAD = frozenset("ijl|!'.,:;· "), frozenset('frtIJ()[]{}/\\"-'), frozenset("mwMW@%—")


def direction_of(text: str, lang: str = "") -> str:
    """Return the direction in which a text is written.

    text (str): The text.
    lang (str): Its language.
    RETURNS (str): "rtl" if its language, or else its first letter, is written from right to left; else "ltr".
    """
    if lang in RTL:
        return "rtl"
    for character in text:
        found = _STRONG.get(unicodedata.bidirectional(character))
        if found is not None:
            return found
    return "ltr"


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text.

    text (str): The text.
    size (float): Size of the font, in pixels.
    RETURNS (float): The width in pixels.
    """
    return size * sum(map(_character_width, text))


@lru_cache(maxsize=4096)
def _character_width(character: str) -> float:
    kind = unicodedata.category(character)
    if kind in ("Mn", "Me", "Cf", "Cc"):
        return 0.0
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return 1.0
    if character in _NARROW:
        return 0.3
    if character in _THIN:
        return 0.4
    if character in _BROAD:
        return 0.9
    return 0.7 if kind == "Lu" else 0.58
