"""What the runner finds. Positions are characters of the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from ..types import Floats2d, Ints2d


@dataclass(frozen=True)
class FoundName:
    """A named entity."""

    start: int
    end: int
    text: str
    label: str
    score: float  # its probability


@dataclass(frozen=True)
class FoundRelation:
    """A relation between two mentions."""

    head: Tuple[int, int]
    tail: Tuple[int, int]
    label: str
    score: float  # its probability


@dataclass(frozen=True)
class FoundAnswer:
    """An answer to a question."""

    start: int
    end: int
    text: str
    score: float  # its probability
    null_score: float  # the probability that the text does not answer the question


@dataclass(frozen=True)
class FoundTypes:
    """The types of a mention that reach the threshold."""

    start: int
    end: int
    types: Tuple[Tuple[str, float], ...]  # labels and probabilities, most probable first


@dataclass(frozen=True)
class FoundStates:
    """The states of a text."""

    pieces: Tuple[str, ...]  # the wordpieces, from <s> to </s>
    piece_chars: Ints2d  # (n_pieces, 2): characters of each piece; -1, -1 for <s> and </s>
    piece_states: Floats2d  # (n_pieces, width)
    mention_states: Floats2d  # (n_mentions, width); NaN for a mention without wordpieces
