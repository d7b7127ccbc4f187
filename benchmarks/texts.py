"""Texts to measure with: XQuAD's paragraphs and sentences in random order, with capitalised words as spans."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import List, Tuple

CharSpans = List[Tuple[int, int]]
LANGUAGES = ("en", "de", "es", "ru", "el", "ar", "zh")
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?。؟])\s*")


def read_texts(folder: Path, n_texts: int) -> List[Tuple[str, CharSpans]]:
    """Return as many paragraphs as sentences, in random order.

    folder (Path): Folder with xquad.LANG.json.
    n_texts (int): Number of texts.
    RETURNS (List[Tuple[str, CharSpans]]): Texts and the character bounds of their capitalised words.
    """
    rng = random.Random(0)
    texts: List[str] = []
    for language in LANGUAGES:
        path = folder / f"xquad.{language}.json"
        data = json.loads(path.read_text(encoding="utf8"))["data"]
        paragraphs = [p["context"].strip("\ufeff \n") for article in data for p in article["paragraphs"]]
        rng.shuffle(paragraphs)
        n_each = n_texts // (2 * len(LANGUAGES)) + 1
        texts.extend(paragraphs[:n_each])
        sentences = [s for p in paragraphs[n_each:] for s in _SENTENCE.split(p) if s.strip()]
        texts.extend(rng.sample(sentences, n_each))
    rng.shuffle(texts)
    return [(text, capitalised(text)) for text in texts[:n_texts]]


def capitalised(text: str) -> CharSpans:
    """Return the character bounds of capitalised words.

    text (str): The text.
    RETURNS (CharSpans): Start and end of each word, in order; at most 100.
    """
    return [match.span() for match in _WORD.finditer(text) if match.group()[0].isupper()][:100]
