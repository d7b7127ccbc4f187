"""Align texts with markers around one span (typing) or two (relations)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

import numpy

from ..errors import Errors, check_at_least
from ..ragged import row_offsets
from ..tokenization.interface import RaggedPieces, Wordpieces
from ..types import AlignedBatch, Bools1d, Counts, Ints1d, Ints3d
from .locate import SpanTable, doc_alignments, place_spans, read_docs
from .markers import order_markers, shorten
from .overlaps import overlapping_pieces
from .segments import BatchText, before_space, check_segmentation, continues_word, doc_bounds
from .sequences import PiecePool, check_limits
from .windows import check_windows

if TYPE_CHECKING:
    from spacy.tokens import Doc

# Characters to encode on each side of a span, for each piece of a window. A piece has 1 to 5 characters, depending on
# the language, so that a window is always filled, and a pair costs the same in a long document as in a short one.
CHARS_PER_PIECE = 8


def align_marked(
    docs: Sequence[Doc],
    groups: Sequence[Any],
    wordpieces: Wordpieces,
    *,
    marker_ids: Sequence[Optional[int]],
    entity_ids: Sequence[int],
    segmentation: str = "published",
    window: int = 512,
    max_mention_length: int = 30,
) -> AlignedBatch:
    """Build a sequence for every group of spans, with markers around its spans.

    Typing marks one span: `<ent> span <ent>`. Relations mark a head and a tail: `<ent> head <ent> ... <ent2> tail
    <ent2>` (Yamada et al., 2020, sections 4.1 and 4.2). Each entity covers its span and the markers around it. Spans
    may be nested, equal or crossing. Of a long document, the text around the spans is encoded. If the spans are too far
    apart, text between them is skipped (`counts.truncated_texts`), so that every group has a sequence.

    docs (Sequence[Doc]): The documents.
    groups (Sequence[Ints3d]): Token bounds of the groups of each document. Shape: (n_groups, size, 2); size is the
        number of markers.
    wordpieces (Wordpieces): The vocabulary.
    marker_ids (Sequence[Optional[int]]): The marker of each span of a group: `ent_id`, `ent2_id` of the vocabulary.
    entity_ids (Sequence[int]): The entity of each span of a group: [MASK], [MASK2].
    segmentation (str): As for `align`.
    window (int): Maximum number of pieces of a sequence, special pieces and markers included.
    max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding, markers
        included.
    RETURNS (AlignedBatch): One sequence for each group, with an entity for each span, documents in order. In `docs`,
        `span_bounds` and `span_rows` hold the groups end to end (reshape to (n_groups, size)). A group with a span
        without pieces has no sequence, and -1 for all its spans. There are no token states.
    RAISES (ValueError): ML001, ML003, ML004, ML007, ML009, ML070, ML071.
    """
    size = len(marker_ids)
    check_at_least("len(marker_ids)", size, 1)
    check_segmentation(segmentation)
    check_windows(window, 0, least=2 + 6 * size)
    check_limits(None, max_mention_length)
    if any(marker is None for marker in marker_ids):
        raise ValueError(Errors.ML004.format(names=" and ".join(("<ent>", "<ent2>")[:size])))
    if len(entity_ids) != size:
        raise ValueError(
            Errors.ML007.format(what="Entity ids", found=len(entity_ids), expected=size, per="span of a group")
        )
    batch = read_docs(docs)
    spans = place_spans(batch, *_flatten(groups, size))
    starts, lengths, pieces, markers, is_distant = _encode_segments(
        batch, spans, wordpieces, segmentation, size, window
    )
    visible = row_offsets(pieces.offsets[:, 1] > pieces.offsets[:, 0])
    n_visible = (visible[starts + lengths] - visible[starts]).sum(axis=2)  # (n_groups, n_segments)
    n_groups = len(n_visible)
    before = numpy.concatenate([numpy.zeros((n_groups, 1), dtype="int64"), numpy.cumsum(n_visible, axis=1)], axis=1)
    group = numpy.arange(n_groups)[:, None]
    is_blank = before[group, markers.closes + 1] == before[group, markers.opens + 1]
    starts, lengths, is_shortened = shorten(starts, lengths, markers, window - 2 - 2 * size)

    kept = numpy.flatnonzero(~is_blank.any(axis=1))
    is_truncated = (is_shortened | is_distant)[kept]
    sums = lengths.sum(axis=2)[kept]
    # Before a marker are <s>, segments and other markers.
    places = 1 + numpy.cumsum(sums, axis=1)[:, :-1] + numpy.arange(2 * size)
    group = numpy.arange(len(kept))[:, None]
    bounds = numpy.stack([places[group, markers.opens[kept]], places[group, markers.closes[kept]] + 1], axis=2)

    extra = numpy.array([wordpieces.bos_id, wordpieces.eos_id, *marker_ids])
    pool = PiecePool(pieces.ids, extra)
    piece_ids, piece_lengths = pool.build(
        _with_markers(starts[kept], pool.n_pieces + 2 + markers.slots[kept], pool.n_pieces),
        _with_markers(lengths[kept], numpy.ones_like(markers.slots[kept]), None),
    )
    entity_rows = numpy.full((n_groups, size), -1, dtype="int32")
    entity_rows[kept] = numpy.arange(len(kept) * size).reshape((-1, size))
    result = AlignedBatch(
        piece_ids=piece_ids,
        piece_lengths=piece_lengths,
        entity_ids=numpy.tile(numpy.asarray(entity_ids, dtype="int64"), len(kept)),
        entity_bounds=bounds.reshape((-1, 2)).astype("int32"),
        entity_lengths=numpy.full(len(kept), size, dtype="int32"),
        max_mention_length=max_mention_length,
        with_tokens=False,
        docs=doc_alignments(spans, entity_rows.ravel(), batch=batch),
    )
    result.counts = Counts(
        spans=len(spans.bounds),
        blank_spans=int(is_blank.sum()),
        truncated_mentions=int((bounds[:, :, 1] - bounds[:, :, 0] > max_mention_length).sum()),
        truncated_texts=int(is_truncated.sum()),
    )
    return result


def _flatten(groups: Sequence[Any], size: int) -> Tuple[Any, Ints1d]:
    """Return the bounds of all spans of all groups, and the number of spans of each document."""
    bounds = [numpy.zeros((0, 2), dtype="int64")]
    lengths = []
    for n, group in enumerate(groups):
        found = numpy.asarray(group, dtype="int64")
        if not found.size:
            found = found.reshape((0, size, 2))
        if found.ndim != 3 or found.shape[1:] != (size, 2):
            raise ValueError(Errors.ML009.format(n=n, size=size, shape=found.shape))
        bounds.append(found.reshape((-1, 2)))
        lengths.append(len(bounds[-1]))
    return numpy.concatenate(bounds), numpy.array(lengths, dtype="int64")


def _encode_segments(
    batch: BatchText, spans: SpanTable, wordpieces: Wordpieces, segmentation: str, size: int, window: int
) -> Tuple[Ints3d, Ints3d, RaggedPieces, Any, Bools1d]:
    """Split each group's text at its markers, and encode the segments.

    RETURNS: First piece and number of pieces of each segment's two ranges, shapes: (n_groups, n_segments, 2); the
        pieces; the markers; and the groups with text between markers that was not encoded, shape: (n_groups,).
    """
    chars = spans.chars.reshape((-1, size, 2))
    docs = spans.docs.reshape((-1, size))[:, 0]
    if segmentation == "plain":
        split_points = numpy.unique(batch.doc_chars)
        pieces = wordpieces.encode_segments(batch.text, batch.codes, split_points)
        doc_pieces = row_offsets(pieces.lengths)[numpy.searchsorted(split_points, batch.doc_chars)]
        within = doc_bounds(doc_pieces)[spans.docs]
        span_pieces = overlapping_pieces(spans.chars, pieces.offsets, within)
        markers = order_markers(span_pieces.reshape((-1, size, 2)))
        edges = numpy.concatenate([doc_pieces[docs][:, None], markers.positions, doc_pieces[docs + 1][:, None]], axis=1)
        starts = numpy.stack([edges[:, :-1], edges[:, 1:]], axis=2)
        lengths = numpy.stack([numpy.diff(edges, axis=1), numpy.zeros_like(edges[:, 1:])], axis=2)
        return starts, lengths, pieces, markers, numpy.zeros(len(docs), dtype=bool)

    first, end = batch.doc_chars[docs], batch.doc_chars[docs + 1]
    markers = order_markers(before_space(batch, chars, first[:, None, None]))
    margin = CHARS_PER_PIECE * window
    edges = numpy.concatenate([first[:, None], markers.positions, end[:, None]], axis=1)
    # Only the ends of long segments are encoded: (first range, second range) x (start, end) in characters.
    left, right = edges[:, :-1], edges[:, 1:]
    parts = numpy.stack([numpy.stack([left, right], axis=2), numpy.stack([right, right], axis=2)], axis=2)
    is_long = right - left > 2 * margin
    parts[:, :, 0, 1] = numpy.where(is_long, _at_token(batch, left + margin, left), right)
    parts[:, :, 1, 0] = numpy.where(is_long, _at_token(batch, right - margin, left + margin), right)
    parts[:, 0, 0] = numpy.where(is_long[:, 0, None], parts[:, 0, 1], parts[:, 0, 0])
    parts[:, 0, 1] = parts[:, 0, 1, 1:]
    parts[:, -1, 1] = parts[:, -1, 1, 1:]

    # Groups of one document share most of their segments: each is encoded once.
    unique, inverse = numpy.unique(parts.reshape((-1, 2)), axis=0, return_inverse=True)
    unique_starts, unique_ends = unique[:, 0].tolist(), unique[:, 1].tolist()
    texts: List[str] = [batch.text[a:b] for a, b in zip(unique_starts, unique_ends, strict=True)]
    joined = None
    if segmentation == "pretraining":
        filled = unique[:, 0] < unique[:, 1]
        joined = filled.copy()
        joined[filled] = continues_word(batch, unique[filled, 0])
    pieces = wordpieces.encode_ragged(texts, joined=joined)
    first_pieces = row_offsets(pieces.lengths)[:-1]
    shape = parts.shape[:3]
    inverse = inverse.ravel()
    return (
        first_pieces[inverse].reshape(shape),
        pieces.lengths[inverse].reshape(shape),
        pieces,
        markers,
        is_long[:, 1:-1].any(axis=1),
    )


def _at_token(batch: BatchText, chars: Any, lowest: Any) -> Any:
    """Move positions back to the start of a token, so that no word is split.

    A position stays if the start is not above the lowest allowed position (in a token of thousands of characters).
    """
    if not len(batch.token_chars):
        return chars
    found = numpy.searchsorted(batch.token_chars[:, 0], chars, side="right") - 1
    starts = batch.token_chars[numpy.maximum(found, 0), 0]
    return numpy.where(starts > lowest, starts, chars)


def _with_markers(ranges: Ints3d, between: Any, special: Optional[int]) -> Any:
    """Insert columns for <s>, each marker and </s> between the columns of the segments.

    ranges (Ints3d): Starts or lengths of the segments' ranges. Shape: (n_groups, n_segments, 2).
    between (Ints2d): Starts or lengths of the markers. Shape: (n_groups, n_segments - 1).
    special (Optional[int]): Number of <s> in the pool, which </s> follows; None for lengths, which are 1.
    RETURNS (Ints2d): Shape: (n_groups, 3 * n_segments + 1).
    """
    n_groups, n_segments, _ = ranges.shape
    found = numpy.ones((n_groups, 3 * n_segments + 1), dtype="int64")
    if special is not None:
        found[:, 0] = special
        found[:, -1] = special + 1
    found[:, 1::3] = ranges[:, :, 0]
    found[:, 2::3] = ranges[:, :, 1]
    found[:, 3:-1:3] = between
    return found
