"""Texts with tokens: what the runner reads in place of spaCy's Doc."""

from __future__ import annotations

import functools
import itertools
import unicodedata
from dataclasses import dataclass
from typing import Any, Iterable, List, Optional, Sequence, Tuple

import numpy

from ..errors import Errors
from ..tokenization.interface import Wordpieces
from ..tokenization.scripts_without_spaces import has_no_spaces, split_points
from ..types import Ints2d

Chars = Tuple[int, int]


@dataclass(frozen=True)
class Mention:
    """A mention in a TokenizedText: tokens, and the label of its entity."""

    start: int
    end: int
    label_: str = ""


@dataclass(frozen=True)
class CharSpan:
    """Characters that begin and end with tokens."""

    start_char: int
    end_char: int


class TokenizedText:
    """A text and its tokens. It has the parts of spaCy's Doc that alignment and suggesters read.

    text (str): The text.
    tokens (Iterable[Chars]): First character and end of each token, in the order of the text.
    sentence_starts (Optional[Iterable[int]]): Numbers of the tokens that begin a sentence; None if unknown. Candidates
        for names do not cross sentences.
    RAISES (ValueError): ML488 for tokens that overlap, are empty or outside the text.
    """

    def __init__(self, text: str, tokens: Iterable[Chars], sentence_starts: Optional[Iterable[int]] = None):
        self.text = text
        self.chars: Ints2d = numpy.asarray(list(tokens), dtype="int64").reshape((-1, 2))
        flat = self.chars.ravel()
        is_empty = self.chars[:, 0] >= self.chars[:, 1]
        if is_empty.any() or (flat[1:] < flat[:-1]).any() or (len(flat) and not 0 <= flat[0] <= flat[-1] <= len(text)):
            raise ValueError(Errors.ML488.format(length=len(text), found=str(self.chars.tolist())[:80]))
        self.sentence_starts = None if sentence_starts is None else sorted(sentence_starts)
        self._mentions: Tuple[Mention, ...] = ()

    @classmethod
    def split(cls, text: str, wordpieces: Wordpieces, *, split_particles: bool = False) -> TokenizedText:
        """Split a text into tokens: runs of letters, marks and digits; and every other character that is not a space.

        Scripts without spaces are split at wordpieces, as `spacy-mluke.PieceTokenizer.v1` does.

        text (str): The text.
        wordpieces (Wordpieces): The vocabulary.
        split_particles (bool): As for that tokenizer.
        RETURNS (TokenizedText): The text with its tokens.
        """
        classes = [_class(char) for char in text]
        bounds = {0, len(text)}
        for i in range(1, len(text)):
            if classes[i] != classes[i - 1] or classes[i] == _SINGLE:
                bounds.add(i)
        if has_no_spaces(text):
            bounds.update(split_points(text, wordpieces, split_particles=split_particles).tolist())
        points = sorted(bounds)
        return cls(text, [(start, end) for start, end in itertools.pairwise(points) if classes[start] != _SPACE])

    def __len__(self) -> int:
        return len(self.chars)

    @property
    def ents(self) -> Tuple[Mention, ...]:
        """The mentions."""
        return self._mentions

    def to_array(self, attrs: Sequence[str]) -> Any:
        """Return attributes of tokens, by the names that spaCy gives them.

        attrs (Sequence[str]): IDX, LENGTH, IS_SPACE or SENT_START.
        RETURNS (numpy.ndarray): Shape: (n_tokens, len(attrs)), uint64.
        """
        words = [self.text[start:end] for start, end in self.chars.tolist()]
        columns = {
            "IDX": self.chars[:, 0],
            "LENGTH": self.chars[:, 1] - self.chars[:, 0],
            "IS_SPACE": numpy.asarray([word.isspace() for word in words], dtype=bool),
            "SENT_START": numpy.isin(numpy.arange(len(self)), self.sentence_starts or []),
        }
        return numpy.stack([columns[attr] for attr in attrs], axis=1).astype("uint64")

    def has_annotation(self, attr: str) -> bool:
        """Return whether an attribute is known.

        attr (str): SENT_START, or another name.
        RETURNS (bool): True for SENT_START, if the sentences are known.
        """
        return attr == "SENT_START" and self.sentence_starts is not None

    def token_bounds(self, start: int, end: int) -> Optional[Tuple[int, int]]:
        """Return the tokens that contain a range of characters.

        start (int): First character.
        end (int): End of the characters.
        RETURNS (Optional[Tuple[int, int]]): First token and end; None if no token contains any of the characters.
        """
        first = int(numpy.searchsorted(self.chars[:, 1], start, side="right"))
        last = int(numpy.searchsorted(self.chars[:, 0], end, side="left"))
        return (first, last) if 0 <= start < end <= len(self.text) and first < last else None

    def char_span(self, start: int, end: int, alignment_mode: str = "expand") -> Optional[CharSpan]:
        """Expand a range of characters to complete tokens.

        start (int): First character.
        end (int): End of the characters.
        alignment_mode (str): "expand".
        RETURNS (Optional[CharSpan]): None if no token contains any of the characters.
        """
        found = self.token_bounds(start, end)
        return None if found is None else CharSpan(int(self.chars[found[0], 0]), int(self.chars[found[1] - 1, 1]))

    def with_mentions(self, mentions: List[Mention]) -> TokenizedText:
        """Return the same text with mentions.

        mentions (List[Mention]): The mentions.
        RETURNS (TokenizedText): A text that shares the tokens.
        """
        other = TokenizedText(self.text, self.chars.tolist(), self.sentence_starts)
        other._mentions = tuple(mentions)
        return other


_SPACE, _WORD, _SINGLE = 0, 1, 2


@functools.lru_cache(maxsize=4096)
def _class(char: str) -> int:
    if char.isspace():
        return _SPACE
    # Letters, marks, numbers, and characters that join letters.
    return _WORD if unicodedata.category(char)[0] in "LMN" or char in "\u200c\u200d\u00ad" else _SINGLE
