"""Mentions as callers of the runner give them: by characters."""

from __future__ import annotations

from typing import Sequence, Tuple, Union

import numpy

from ..errors import Errors
from ..ragged import Spans
from .results import FoundName
from .texts import TokenizedText

# First character and end, or also a label, or a name that was found.
MentionLike = Union[Tuple[int, int], Tuple[int, int, str], FoundName]


def span_table(texts: Sequence[TokenizedText]) -> Spans:
    """Return the mentions of texts in the form that alignment reads.

    texts (Sequence[TokenizedText]): The texts.
    RETURNS (Spans): Token bounds.
    """
    bounds = [(own.start, own.end) for text in texts for own in text.ents]
    lengths = numpy.asarray([len(text.ents) for text in texts], dtype="int32")
    return Spans(numpy.asarray(bounds, dtype="int32").reshape((-1, 2)), lengths)


def token_bounds(text: TokenizedText, n: int, mention: MentionLike) -> Tuple[int, int]:
    """Return the tokens of a mention.

    text (TokenizedText): Its text.
    n (int): The number of the text, for the message.
    mention (MentionLike): The mention.
    RETURNS (Tuple[int, int]): First token and end.
    RAISES (ValueError): ML486 if no token contains any of its characters.
    """
    start, end = (mention.start, mention.end) if isinstance(mention, FoundName) else mention[:2]
    found = text.token_bounds(start, end)
    if found is None:
        raise ValueError(Errors.ML486.format(found=(start, end), n=n))
    return found


def label_of(mention: MentionLike) -> str:
    """Return the label of a mention.

    mention (MentionLike): The mention.
    RETURNS (str): "" if it has none.
    """
    if isinstance(mention, FoundName):
        return mention.label
    return str(mention[2]) if len(mention) > 2 else ""


def characters(text: TokenizedText, bounds: Sequence[int]) -> Tuple[int, int]:
    """Return the characters of a range of tokens.

    text (TokenizedText): The text.
    bounds (Sequence[int]): First token and end.
    RETURNS (Tuple[int, int]): First character and end.
    """
    return int(text.chars[bounds[0], 0]), int(text.chars[bounds[1] - 1, 1])
