"""Random documents with spans."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import List, Optional, Sequence

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.types import Ragged

from .oracle import Bounds
from .texts import random_words

WINDOWS = (3, 3, 4, 5, 6, 8, 10, 14, 20, 32, 64, 512)


@dataclass
class FuzzDoc:
    """A document, and the oracle's input for it."""

    doc: Doc
    text: str
    tokens: List[Bounds]  # characters
    spans: List[Bounds]  # tokens


def random_doc(rng: random.Random, vocab: Vocab, most: int) -> FuzzDoc:
    """Make a document with spans: nested, equal, crossing, empty, of whitespace.

    rng (random.Random): Random numbers.
    vocab (Vocab): Vocabulary of the document.
    most (int): Maximum number of tokens.
    RETURNS (FuzzDoc): The document.
    """
    words = random_words(rng, most)
    space = rng.random()
    spaces = [rng.random() < space for _ in words]
    doc = Doc(vocab, words=words, spaces=spaces)
    tokens, at = [], 0
    for word, has_space in zip(words, spaces, strict=True):
        tokens.append((at, at + len(word)))
        at += len(word) + has_space
    text = "".join(word + " " * has_space for word, has_space in zip(words, spaces, strict=True))
    return FuzzDoc(doc, text, tokens, random_spans(rng, len(words)))


def random_spans(rng: random.Random, n_tokens: int) -> List[Bounds]:
    """Return token bounds of random spans."""
    found: List[Bounds] = []
    for _ in range(int(rng.random() ** 2 * 8)):
        kind = rng.random()
        if found and kind < 0.15:
            found.append(rng.choice(found))
            continue
        start = rng.randint(0, n_tokens)
        length = 0 if kind < 0.2 else 1 if kind < 0.6 else rng.randint(1, 8) if kind < 0.95 else n_tokens
        found.append((start, min(n_tokens, start + length)))
    return found


def random_masks(rng: random.Random, doc: FuzzDoc) -> List[int]:
    """Return numbers of `<mask>` pieces for random spans that do not share characters."""
    masks: List[int] = []
    taken: List[Bounds] = []
    for start, end in doc.spans:
        n = rng.choice((0, 1, 1, 2, 3)) if end > start else 0
        if any(start < other_end and other_start < end for other_start, other_end in taken):
            n = 0
        if n:
            taken.append((start, end))
        masks.append(n)
    return masks


def ragged(groups: Sequence[Sequence[Bounds]]) -> Ragged:
    """Return the spans of each document, in the format of suggesters."""
    rows = [row for group in groups for row in group]
    bounds = numpy.array(rows, dtype="int32").reshape((-1, 2))
    return Ragged(bounds, numpy.array([len(group) for group in groups], dtype="int32"))  # type: ignore[arg-type]


def random_limit(rng: random.Random) -> Optional[int]:
    """Return a random maximum number of entities in a sequence."""
    return rng.choice((None, 128, 1, 2, 3, 5))
