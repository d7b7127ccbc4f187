"""Align documents and their spans with wordpieces. See `align/__init__.py` for an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence, Union

import numpy

from ..errors import Errors
from ..ragged import Spans, positions, ranges, row_offsets, to_numpy
from ..tokenization.interface import Wordpieces
from ..types import AlignedBatch, Bools1d, Ints1d
from .locate import Located, doc_alignments, locate
from .segments import check_segmentation
from .sequences import PiecePool, check_limits, distribute_entities
from .windows import WindowPlan, check_windows

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from thinc.types import Ragged


def align(
    docs: Sequence[Doc],
    spans: Union[Ragged, Spans],
    wordpieces: Wordpieces,
    *,
    entity_ids: Optional[Ints1d] = None,
    default_entity_id: int,
    segmentation: str = "published",
    split_tokens: bool = False,
    mask_lengths: Optional[Ints1d] = None,
    window: int = 512,
    overlap: int = 128,
    max_entities: Optional[int] = 128,
    max_mention_length: int = 30,
    with_tokens: bool = True,
    with_all_pieces: bool = False,
    needed_spans: Optional[Bools1d] = None,
) -> AlignedBatch:
    """Align documents and their entity spans with the wordpieces that the encoder reads.

    Long documents are split into overlapping windows; each span is in the window that has the most context for it. If a
    window has more entities than a sequence may have, they are distributed over several sequences of the same
    window. By default, all text and every span that has wordpieces is in some sequence;
    `with_tokens` and `needed_spans` leave out what is not needed.

    docs (Sequence[Doc]): The documents.
    spans (Union[Ragged, Spans]): Entity spans as suggesters return them: token bounds (start, end), document after
        document, in any spans_by_sequence. They may be nested, equal or crossing.
    wordpieces (Wordpieces): The vocabulary.
    entity_ids (Optional[Ints1d]): The entity of each span. Shape: (n_spans,).
    default_entity_id (int): The entity of all spans if there are no `entity_ids`: [MASK].
    segmentation (str): "published" splits the text at the bounds of all spans and encodes each segment by itself, as in
        the fine-tuning of the published models. "pretraining" does the same, but a segment that continues a word gets
        no "▁". "plain" does not split, and a span covers every piece that shares a character with it.
    split_tokens (bool): Whether to split text at the bounds of all tokens, not only of spans, so that wordpieces do not
        depend on the spans.
    mask_lengths (Optional[Ints1d]): Number of `<mask>` pieces that replace the words of each span; 0 keeps the words.
        Shape: (n_spans,).
    window (int): Maximum number of pieces of a sequence, <s> and </s> included.
    overlap (int): Minimum number of pieces that neighbouring windows share, at most half a window.
    max_entities (Optional[int]): Maximum number of entities of a sequence; None for no limit.
    max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
    with_tokens (bool): Whether states of the documents' pieces are needed. If not, windows without entities are
        skipped.
    with_all_pieces (bool): Whether states of all pieces of all sequences are needed.
    needed_spans (Optional[Bools1d]): Spans whose states are needed; None for all. If no states of pieces are needed
        either, sequences without a needed span are skipped, with their other spans. Shape: (n_spans,).
    RETURNS (AlignedBatch): Sequences, entities, and where the documents are in them.
    RAISES (ValueError): ML001 if a span does not fit into its document, ML003, ML070 or ML071 if an option has a wrong
        value, ML007 if an array has not one item for each span, ML220 if spans that are masked overlap.
    """
    check_segmentation(segmentation)
    check_windows(window, overlap, least=3)
    check_limits(max_entities, max_mention_length)
    located = locate(
        docs, spans, wordpieces, segmentation=segmentation, split_tokens=split_tokens, mask_lengths=mask_lengths
    )
    n_spans = len(located.spans.bounds)
    if entity_ids is not None and len(entity_ids) != n_spans:
        raise ValueError(Errors.ML007.format(what="Entity ids", found=len(entity_ids), expected=n_spans, per="span"))
    if needed_spans is not None and len(needed_spans) != n_spans:
        raise ValueError(
            Errors.ML007.format(what="Needed spans", found=len(needed_spans), expected=n_spans, per="span")
        )
    kept = numpy.flatnonzero(~located.is_blank)
    span_pieces = located.span_pieces[kept]
    n_tokens = numpy.diff(located.batch.doc_tokens)
    has_spans = numpy.bincount(located.spans.docs[kept], minlength=located.n_docs) > 0
    plan = WindowPlan(
        located.doc_lengths,
        span_pieces,
        located.spans.docs[kept],
        room=window - 2,
        overlap=overlap,
        max_mention_length=max_mention_length,
        needed_texts=n_tokens > 0 if with_tokens else has_spans,
    )
    n_windows = len(plan.starts)
    n_sequences, spans_by_sequence, sequences = distribute_entities(
        plan.span_windows, n_windows, max_entities, int(with_tokens)
    )
    windows = numpy.repeat(numpy.arange(n_windows), n_sequences)  # (number of sequences,)
    if needed_spans is not None and not (with_tokens or with_all_pieces):
        is_kept = numpy.zeros(len(windows), dtype=bool)
        is_kept[sequences[numpy.asarray(needed_spans)[kept[spans_by_sequence]]]] = True
        keep = is_kept[sequences]
        spans_by_sequence = spans_by_sequence[keep]
        sequences = row_offsets(is_kept)[sequences[keep]]
        windows = windows[is_kept]

    pieces = located.segmented.pieces
    pool = PiecePool(pieces.ids, numpy.array([wordpieces.bos_id, wordpieces.eos_id]))
    ones = numpy.ones(len(windows), dtype="int64")
    first_pieces = (located.segmented.doc_pieces[plan.texts] + plan.starts)[windows]
    piece_ids, piece_lengths = pool.build(
        numpy.stack([ones * pool.n_pieces, first_pieces, ones * (pool.n_pieces + 1)], axis=1),
        numpy.stack([ones, (plan.ends - plan.starts)[windows], ones], axis=1),
    )

    entity_windows = plan.span_windows[spans_by_sequence]
    bounds = span_pieces[spans_by_sequence]
    # A span that is longer than every window ends with its window.
    bounds[:, 1] = numpy.minimum(bounds[:, 1], plan.ends[entity_windows])
    bounds += 1 - plan.starts[entity_windows][:, None]
    ids = numpy.full(n_spans, default_entity_id, dtype="int64")
    if entity_ids is not None:
        ids[:] = to_numpy(entity_ids)
    entity_rows = numpy.full(n_spans, -1, dtype="int32")
    entity_rows[kept[spans_by_sequence]] = numpy.arange(len(spans_by_sequence))

    batch = AlignedBatch(
        piece_ids=piece_ids,
        piece_lengths=piece_lengths,
        entity_ids=ids[kept[spans_by_sequence]],
        entity_bounds=bounds.astype("int32"),
        entity_lengths=numpy.bincount(sequences, minlength=len(windows)).astype("int32"),
        max_mention_length=max_mention_length,
        with_tokens=with_tokens,
        with_all_pieces=with_all_pieces,
        counts=located.count(max_mention_length),
    )
    if with_tokens:
        _set_doc_alignments(batch, located, plan, row_offsets(n_sequences)[:-1], entity_rows)
    else:
        batch.docs = doc_alignments(located.spans, entity_rows, batch=located.batch)
    return batch


def _set_doc_alignments(
    batch: AlignedBatch, located: Located, plan: WindowPlan, first_sequences: Ints1d, entity_rows: Ints1d
) -> None:
    """Set `batch.docs`: for each wordpiece of each document its row, from the window with the most context.

    The rows of a document begin with an <s> and end with a </s>.

    batch (AlignedBatch): The batch; changed in place.
    located (Located): The documents.
    plan (WindowPlan): Their windows.
    first_sequences (Ints1d): The first sequence of each window, whose states are used. Shape: (n_windows,).
    entity_rows (Ints1d): Row of each span among the entities, or -1. Shape: (n_spans,).
    """
    sequence_starts = row_offsets(batch.piece_lengths)
    window_rows = sequence_starts[first_sequences]  # (n_windows,): row of the <s> of each window
    window_ends = sequence_starts[first_sequences + 1] - 1
    lengths = located.doc_lengths
    has_rows = numpy.diff(plan.offsets) > 0
    doc_offsets = row_offsets(numpy.where(has_rows, lengths + 2, 0))
    rows = numpy.empty(int(doc_offsets[-1]), dtype="int32")
    offsets = numpy.full((len(rows), 2), -1, dtype="int32")
    rows[doc_offsets[:-1][has_rows]] = window_rows[plan.offsets[:-1][has_rows]]
    rows[doc_offsets[1:][has_rows] - 1] = window_ends[plan.offsets[1:][has_rows] - 1]
    inner = ranges(doc_offsets[:-1] + 1, lengths)
    windows = plan.piece_windows()
    within = positions(lengths)  # (n_pieces,): number of each piece in its document
    rows[inner] = window_rows[windows] + 1 + within - plan.starts[windows]
    offsets[inner] = located.segmented.pieces.offsets - located.batch.doc_chars[:-1].repeat(lengths)[:, None]
    batch.docs = doc_alignments(
        located.spans,
        entity_rows,
        batch=located.batch,
        piece_rows=rows,
        piece_offsets=offsets,
        doc_offsets=doc_offsets,
        token_bounds=(located.token_pieces() + 1).astype("int32"),
    )
