"""Read named entities: files in IOB2 to texts with character bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Iterable, List, Tuple

from scripts.xx_mluke_small.sources import NAME_LABELS, language_of
from spacy_mluke.training.conll import read_conll

# Languages that write no spaces between words, and files whose tokens are characters.
WITHOUT_SPACES = frozenset({"zh", "ja", "th"})
_CHARACTERS = ("ja-stockmark", "ko-klue")
_WORD = re.compile(r"\w")
_SPACE = "▁"  # stands for a space where tokens are joined with nothing

NameSpan = Tuple[int, int, str]  # first character, end and label


@dataclass(frozen=True)
class NamedText:
    """A text and its named entities."""

    text: str
    spans: List[NameSpan]


def read_named_texts(path: Path, labels: Collection[str] = NAME_LABELS) -> List[NamedText]:
    """Read a file in IOB2: a token and its tag on each line, a blank line after each sentence.

    path (Path): The file. Its name begins with the code of its language.
    labels (Collection[str]): Labels to keep.
    RETURNS (List[NamedText]): The sentences. Spans without a letter or digit are left out: the Broad Twitter Corpus
        marks the @ before many user names as a name of its own.
    """
    space = separator_of(path.name)
    found = []
    for sentence in read_conll(path):
        text, bounds = join_tokens(sentence.words, space)
        spans = [
            (bounds[start][0], bounds[end - 1][1], label) for start, end, label in sentence.spans if label in labels
        ]
        found.append(NamedText(text, [span for span in spans if _WORD.search(text, *span[:2])]))
    return found


def separator_of(file: str) -> str:
    """Return what stands between two tokens of a file: a space, or nothing.

    file (str): Its name.
    RETURNS (str): " " or "".
    """
    is_joined = language_of(file) in WITHOUT_SPACES or file.startswith(_CHARACTERS)
    return "" if is_joined else " "


def join_tokens(tokens: Iterable[str], space: str) -> Tuple[str, List[Tuple[int, int]]]:
    """Join tokens to a text.

    tokens (Iterable[str]): The tokens; "▁" is a space.
    space (str): What to put between two tokens.
    RETURNS (Tuple[str, List[Tuple[int, int]]]): The text, and the character bounds of each token.
    """
    parts: List[str] = []
    bounds: List[Tuple[int, int]] = []
    length = 0
    for token in tokens:
        if parts and space:
            parts.append(space)
            length += len(space)
        part = " " if token == _SPACE else token
        bounds.append((length, length + len(part)))
        parts.append(part)
        length += len(part)
    return "".join(parts), bounds


def join_texts(texts: Iterable[NamedText], space: str) -> NamedText:
    """Join texts to one.

    texts (Iterable[NamedText]): The texts.
    space (str): What to put between two texts.
    RETURNS (NamedText): The text and all named entities.
    """
    joined = ""
    spans: List[NameSpan] = []
    for item in texts:
        if joined:
            joined += space
        spans.extend((start + len(joined), end + len(joined), label) for start, end, label in item.spans)
        joined += item.text
    return NamedText(joined, spans)
