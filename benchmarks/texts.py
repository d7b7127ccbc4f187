"""The benchmark's texts: XQuAD paragraphs and sentences in arrival order, capitalised words as spans."""

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
    """Take as many paragraphs as sentences, mixed over languages and lengths.

    folder (Path): Where the files xquad.LANG.json lie.
    n_texts (int): Texts wanted.
    RETURNS (List[Tuple[str, CharSpans]]): Texts and the characters of their capitalised words.
    """
    rng = random.Random(0)
    texts: List[str] = []
    for language in LANGUAGES:
        path = folder / f"xquad.{language}.json"
        data = json.loads(path.read_text(encoding="utf8"))["data"]
        paragraphs = [p["context"].strip("\ufeff \n") for article in data for p in article["paragraphs"]]
        rng.shuffle(paragraphs)
        share = n_texts // (2 * len(LANGUAGES)) + 1
        texts.extend(paragraphs[:share])
        sentences = [s for p in paragraphs[share:] for s in _SENTENCE.split(p) if s.strip()]
        texts.extend(rng.sample(sentences, share))
    rng.shuffle(texts)
    return [(text, capitalised(text)) for text in texts[:n_texts]]


def capitalised(text: str) -> CharSpans:
    """Characters of the words that begin with a capital letter.

    text (str): The text.
    RETURNS (CharSpans): Start and end of each, in order; at most 100.
    """
    return [match.span() for match in _WORD.finditer(text) if match.group()[0].isupper()][:100]
