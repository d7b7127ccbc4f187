"""Random texts in many scripts, cheap to make."""

from __future__ import annotations

import random
from typing import List

_TEXT = (
    "Tokyo is the capital of Japan and Paris capital France Beyoncé lives in Los Angeles "
    "Москва столица России а Київ України Η Αθήνα είναι πρωτεύουσα της Ελλάδας "
    "القاهرة هي عاصمة مصر وأكبر مدنها ירושלים היא בירת ישראל "
    "東京 は 日本 の 首都 である 北京是中华人民共和国的首都 서울은 대한민국의 수도이다 "
    "กรุงเทพมหานคร เป็น เมืองหลวง नई दिल्ली भारत की राजधानी है ঢাকা বাংলাদেশের রাজধানী "
    "హైదరాబాద్ తెలంగాణ ශ්\u200dරී ලංකාව 👩\u200d👩\u200d👧 🇫🇷 ♥ Cafe\u0301 Zu\u0308rich A\u030angstro\u0308m "
    ". , ; ! ? ( ) [ ] « » 。 、 — - ' \" 12 3,000 1990 AT&T e-mail l'Été"
)
WORDS = _TEXT.split()

# Characters that normalizers remove, split, join or replace by a space, and strings similar to special pieces.
SPECIAL = [
    *("<s>", "</s>", "<mask>", "<ent>", "<ent2>", "<pad>", "<unk>", "[MASK]", "<0x0A>", "▁", "Ġ", "Ċ", "##"),
    *("ﷺ", "½", "ﬁ", "㎏", "…", "Ⅷ", "ſ", "İ", "ß", "ａｂ", "ｶﾞ", "℃", "²", "ŉ", "ﷲ", "㍿", "🅰", "𝔘"),
    *("\u0301", "\u0308\u0301", "e\u0301\u0323", "\u1100\u1161\u11a8", "か\u3099", "\u0f71\u0f72", "\u0345"),
    *("\u200b", "\u200c", "\u200d", "\u200e", "\u202e", "\u2060", "\ufeff", "\ufffd", "\u00ad", "\ufe0f", "\u034f"),
    *("\x00", "\x01", "\x07", "\x1b", "\x7f", "\x85", "\x1c", "\u2028", "\ufffe", "\U000e0001", "\U0010ffff", "\u0378"),
]
SPACES = [" ", " ", " ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2003", "\n\n \n", "\u1680", "\u200b"]


def random_words(rng: random.Random, most: int) -> List[str]:
    """Return random tokens of a document, including whitespace.

    rng (random.Random): Random numbers.
    most (int): Maximum number of tokens.
    RETURNS (List[str]): The tokens; joined, they are the text.
    """
    n_tokens = int(rng.random() * rng.random() * most) + (rng.random() < 0.98)
    style = rng.random()
    if style < 0.5:
        return [rng.choice(WORDS) if rng.random() < 0.9 else _odd(rng) for _ in range(n_tokens)]
    if style < 0.75:
        return [_odd(rng) for _ in range(n_tokens)]
    # Split at random positions, for unusual tokenizers.
    text = "".join(rng.choice(WORDS) + (rng.choice(SPACES) if rng.random() < 0.6 else "") for _ in range(n_tokens))
    if rng.random() < 0.3:
        text += _odd(rng)
    words, at = [], 0
    while at < len(text):
        size = rng.choice((1, 1, 2, 3, 4, 7))
        words.append(text[at : at + size])
        at += size
    return words


def _odd(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(SPECIAL)
    if kind < 0.6:
        return rng.choice(SPACES)
    if kind < 0.7:
        return rng.choice(WORDS) + rng.choice(SPECIAL)
    if kind < 0.8:
        return rng.choice(SPECIAL) + rng.choice(SPACES) + rng.choice(WORDS)
    if kind < 0.82:
        return rng.choice(WORDS) * rng.randrange(1, 12)
    return "".join(map(_any_char, (rng.random() for _ in range(rng.randrange(1, 4)))))


def _any_char(at: float) -> str:
    """Return a random character that is not a surrogate, more often from the first plane."""
    code = int((at * 8 % 1) * (0x10FFFF if at < 0.1 else 0xFFFF))
    return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"
