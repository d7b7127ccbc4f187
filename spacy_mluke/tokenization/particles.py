"""Where particles begin and end inside the wordpieces of Chinese, Japanese, Korean and Thai; where elided words end,
and full stops begin.

Some wordpieces are a name and a particle: 日本の ("of Japan"), 在美国 ("in the USA"). A name can be found there only if
the wordpiece is cut. French, Italian and Catalan write articles and prepositions before a vowel without a space:
l'Espagne, dell'Inter. spaCy's rules for any language leave the full stop at some words: "BSkyB.", "GmbH.".
"""

from __future__ import annotations

import re
import unicodedata

import numpy

from ..types import Ints1d, Ints2d

# Japanese particles after a character that is not Hiragana; Chinese "of" after two characters, and "on", "in" and "at"
# after three.
_LAST = re.compile(
    "(?<=[^\u3040-\u309f])(?:の|が|は|を|に|で|と|も|から|まで)$"
    "|(?<=[\u4e00-\u9fff]{2})的$|(?<=[\u4e00-\u9fff]{3})[上中于於内內里裡]$"
)
# Korean particles at the end of a word of three syllables or more.
_LAST_KOREAN = re.compile("(?<=[\uac00-\ud7a3]{2})[는은이가을를의에](?![\uac00-\ud7a3])")
# Chinese words for "in", "is", "to" and "from" before two characters; Thai "in" and "at" before three.
_FIRST = re.compile("(?:[在是对對从從與](?=[^\\s]{2})|(?:ใน|ที่)(?=[^\\s]{3}))")
# Elided words: one letter, "qu" and longer French words that end with it; Italian articles, some with a preposition.
_ELIDED = re.compile(
    r"(?<![\w'’])(?:[cdjlmnst]|(?:jus|lors|puis|quoi)?qu|d?all|[dn]ell|coll|sull|un|quest|gl)['’](?=[^\W\d_])",
    re.IGNORECASE,
)
# A full stop after a word without others, at the end of a sentence or of quoted or bracketed text.
_FULL_STOP = re.compile(r"(?<=[^\s.]{2})\.(?=[\s\"'’”»)\]]|$)")


def find_elisions(text: str) -> Ints1d:
    """Find where an elided word ends before a capital letter: after the apostrophe of "l'Espagne".

    text (str): The text.
    RETURNS (Ints1d): Character positions, rising. Shape: (n,), int64.
    """
    found = [match.end() for match in _ELIDED.finditer(text)] if "'" in text or "’" in text else []
    return numpy.asarray([end for end in found if text[end].isupper()], dtype="int64")


def find_full_stops(text: str) -> Ints1d:
    """Find the full stops after words that end with a mark, or with one capital after a small letter. Tokenizers find
    the others, or know the word as an abbreviation.

    text (str): The text.
    RETURNS (Ints1d): Character positions, rising. Shape: (n,), int64.
    """
    found = [match.start() for match in _FULL_STOP.finditer(text)] if "." in text else []
    return numpy.asarray([stop for stop in found if _ends_word(text[stop - 2], text[stop - 1])], dtype="int64")


def _ends_word(char: str, last: str) -> bool:
    return (last.isupper() and char.islower()) or unicodedata.combining(last) > 0


def find_particles(text: str, offsets: Ints2d) -> Ints1d:
    """Find where particles begin and end inside wordpieces.

    text (str): The text.
    offsets (Ints2d): Character bounds of its wordpieces. Shape: (n_pieces, 2), int.
    RETURNS (Ints1d): The bounds between particles and the rest of their wordpieces, sorted. Shape: (n,), int64.
    """
    points = []
    for start, end in offsets[offsets[:, 1] - offsets[:, 0] > 1].tolist():
        last, first = _LAST.search(text, start + 1, end), _FIRST.match(text, start, end)
        if _LAST_KOREAN.match(text, end - 1):
            points.append(end - 1)
        if last:
            points.append(last.start())
        if first:
            points.append(first.end())
    return numpy.unique(numpy.asarray(points, dtype="int64"))
