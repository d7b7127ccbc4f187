"""Map between the characters, tokens, spans and wordpieces of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional, Union

import numpy

from ..types import AlignedBatch, DocAlignment, Ints2d

if TYPE_CHECKING:
    from spacy.tokens import Doc

CHARS: List[Union[int, str]] = ["IDX", "LENGTH"]  # attributes with the characters of tokens


def overlapping_pieces(chars: Ints2d, offsets: Ints2d, within: Optional[Ints2d] = None) -> Ints2d:
    """Return the pieces that share a character with each range of characters.

    The first and the last piece of a range have characters: "▁" alone may be inside, but not at a boundary. So the
    ranges of consecutive tokens rise, and a piece without characters belongs to no range by itself.

    chars (Ints2d): First character and end of each range. Shape: (n, 2).
    offsets (Ints2d): Characters of the pieces, in text order; start == end (such as -1, -1) for a piece without
        characters. Shape: (n_pieces, 2).
    within (Optional[Ints2d]): First piece and end of each range's document, if there are several. Shape: (n, 2).
    RETURNS (Ints2d): First piece and end. A range without pieces has start == end: before the document's next piece
        with characters, or after the last such piece. Shape: (n, 2), int64.
    """
    visible = numpy.flatnonzero(offsets[:, 1] > offsets[:, 0])
    ends = numpy.append(visible + 1, 0)
    # Numbers of pieces that end before the range starts, and of pieces that start before it ends.
    before = numpy.searchsorted(offsets[visible, 1], chars[:, 0], side="right")
    started = numpy.searchsorted(offsets[visible, 0], chars[:, 1], side="left")
    has_pieces = (started > before) & (chars[:, 1] > chars[:, 0])
    first, end = (0, len(offsets)) if within is None else (within[:, 0], within[:, 1])
    found = numpy.empty((len(chars), 2), dtype="int64")
    found[:, 0] = numpy.append(visible, len(offsets))[before]
    is_last = ~has_pieces & (found[:, 0] >= end)
    found[:, 0] = numpy.where(is_last, numpy.maximum(ends[before - 1], first), found[:, 0])
    found[:, 1] = numpy.where(has_pieces, ends[started - 1], found[:, 0])
    return found


def token_chars(doc: Doc) -> Ints2d:
    """Return the characters of a document's tokens.

    doc (Doc): The document.
    RETURNS (Ints2d): First character and end of each token. Shape: (n_tokens, 2), int64.
    """
    chars = doc.to_array(CHARS).astype("int64")
    chars[:, 1] += chars[:, 0]
    return chars


def piece_bounds_of_tokens(doc: Doc, offsets: Ints2d) -> Ints2d:
    """Return the range of pieces of each token.

    doc (Doc): The document.
    offsets (Ints2d): Characters of its pieces, in text order; start == end for a piece without characters. Shape:
        (n_pieces, 2).
    RETURNS (Ints2d): First piece and end; start == end for a token without pieces. Shape: (n_tokens, 2), int32.
    """
    return overlapping_pieces(token_chars(doc), numpy.asarray(offsets).reshape((-1, 2))).astype("int32")


def span_piece_bounds(aligned: DocAlignment) -> Ints2d:
    """Return the range of pieces of each span that has pieces.

    aligned (DocAlignment): The alignment of a document, with `piece_rows`.
    RETURNS (Ints2d): First piece and end, among the document's `piece_rows`. Shape: (n, 2), int64.
    """
    bounds = aligned.span_bounds[aligned.span_rows >= 0]
    starts, ends = aligned.token_bounds.T
    # A span may end with tokens without pieces: its last piece is that of the last token with pieces.
    ends = numpy.maximum.accumulate(numpy.where(ends > starts, ends, 0))
    return numpy.stack([starts[bounds[:, 0]], ends[bounds[:, 1] - 1]], axis=1)


def char_token_bounds(doc: Doc, chars: Ints2d) -> Ints2d:
    """Return the tokens of ranges of characters.

    doc (Doc): The document.
    chars (Ints2d): First character and end of each range, in the document or outside it. Shape: (n, 2).
    RETURNS (Ints2d): First token and end; -1, -1 for a range that does not start and end at token boundaries. Shape:
        (n, 2), int32.
    """
    tokens = token_chars(doc)
    chars = numpy.asarray(chars, dtype="int64").reshape((-1, 2))
    if not len(tokens):
        return numpy.full(chars.shape, -1, dtype="int32")
    first = numpy.searchsorted(tokens[:, 0], chars[:, 0])
    last = numpy.searchsorted(tokens[:, 1], chars[:, 1])
    inside = numpy.minimum(numpy.stack([first, last], axis=1), len(tokens) - 1)
    fits = (tokens[inside[:, 0], 0] == chars[:, 0]) & (tokens[inside[:, 1], 1] == chars[:, 1])
    fits &= chars[:, 0] < chars[:, 1]
    bounds = numpy.stack([first, last + 1], axis=1)
    return numpy.where(fits[:, None], bounds, -1).astype("int32")


def entity_position_ids(batch: AlignedBatch) -> Ints2d:
    """Return the positions of all pieces of each entity, the form that Hugging Face's LukeModel takes.

    An entity's position embedding is the mean over its pieces (Yamada et al., 2020, section 3.1).

    batch (AlignedBatch): A batch.
    RETURNS (Ints2d): Positions, counted from <s>; -1 is padding. Shape: (n_entities, max_mention_length), int64.
    """
    starts, ends = batch.entity_bounds[:, :1], batch.entity_bounds[:, 1:]
    positions = starts.astype("int64") + numpy.arange(batch.max_mention_length)
    return numpy.where(positions < ends, positions, -1)
