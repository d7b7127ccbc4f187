"""Documents and spans -> AlignedBatch.

    doc      Tokyo | is | big          spans (0, 1)
    pieces   <s> ▁Tokyo ▁is ▁big </s>  entity (1, 2): counted from <s>

`align` reads documents as they are; `align_marked` makes a text of its own for every span or pair, with markers
around; `align_questions` reads two texts together.
"""

from __future__ import annotations

from typing import Optional, Sequence

import numpy
from spacy.tokens import Doc
from thinc.types import Ragged
from thinc.util import to_numpy

from ..errors import Errors
from ..ragged import positions, ranges, row_offsets
from ..tokenization.wordpieces import Wordpieces
from ..types import AlignedBatch, Bools1d, Ints1d
from .locate import Located, doc_alignments, locate
from .marked import align_marked
from .questions import align_questions
from .segments import check_segmentation
from .sequences import Pool, WindowPlan, check_limits, split_sequences
from .windows import check_windows

__all__ = ["align", "align_marked", "align_questions"]


def align(
    docs: Sequence[Doc],
    spans: Ragged,
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
    wanted: Optional[Bools1d] = None,
) -> AlignedBatch:
    """Place documents and their entity spans on the wordpieces that the encoder reads.

    Nothing is dropped: long documents are read in windows, each span in the one that shows it with most context, and
    entities that a pass cannot take go to a further pass over the same window.

    docs (Sequence[Doc]): The documents.
    spans (Ragged): Entity spans as suggesters give them: (start, end) token rows, document after document, in any
        order, nested or equal or crossing.
    wordpieces (Wordpieces): The vocabulary.
    entity_ids (Optional[Ints1d]): The entity of each span. Shape: (n_spans,).
    default_entity_id (int): The entity of every span otherwise: [MASK].
    segmentation (str): "published" cuts the text at every span bound and encodes each segment by itself, as the
        published models were fine-tuned; "pretraining" does too, but a segment that continues a word gains no "▁";
        "plain" never cuts, and a span takes every piece that shares a character with it.
    split_tokens (bool): Split text at the bounds of all tokens, not only of spans, so that wordpieces do not depend on
        the spans.
    mask_lengths (Optional[Ints1d]): `<mask>` pieces that take the place of each span's words; 0 leaves them. Shape:
        (n_spans,).
    window (int): Pieces of a pass, <s> and </s> included.
    overlap (int): Pieces that neighbouring windows of a long document share, at most half of them.
    max_entities (Optional[int]): Entities of a pass; None for any number.
    max_mention_length (int): Pieces of a mention that its position embedding is the mean of, from the left.
    with_tokens (bool): Whether the states of the pieces are wanted. Without, windows that hold no entity are left out.
    with_all_pieces (bool): Whether, instead, those of all pieces of all passes are.
    wanted (Optional[Bools1d]): Spans whose states are wanted, None for all: without states of pieces, a pass that holds
        none of them is left out, with the other spans on it. Shape: (n_spans,).
    RETURNS (AlignedBatch): Sequences, entities, and how the documents map into them.
    RAISES (ValueError): ML001, ML003, ML007, ML070, ML071; ML220 if spans that are masked overlap.
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
    if wanted is not None and len(wanted) != n_spans:
        raise ValueError(Errors.ML007.format(what="Wanted spans", found=len(wanted), expected=n_spans, per="span"))
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
        needed=n_tokens > 0 if with_tokens else has_spans,
    )
    n_windows = len(plan.starts)
    n_sequences, order, passes = split_sequences(plan.span_windows, n_windows, max_entities, int(with_tokens))
    windows = numpy.repeat(numpy.arange(n_windows), n_sequences)  # (n_sequences,)
    if wanted is not None and not (with_tokens or with_all_pieces):
        is_read = numpy.zeros(len(windows), dtype=bool)
        is_read[passes[numpy.asarray(wanted)[kept[order]]]] = True
        order, passes = order[is_read[passes]], row_offsets(is_read)[passes[is_read[passes]]]
        windows = windows[is_read]

    pieces = located.found.pieces
    pool = Pool(pieces.ids, numpy.array([wordpieces.bos_id, wordpieces.eos_id]))
    one = numpy.ones(len(windows), dtype="int64")
    first = (located.found.doc_pieces[plan.texts] + plan.starts)[windows]
    piece_ids, piece_lengths = pool.build(
        numpy.stack([one * pool.n_pieces, first, one * (pool.n_pieces + 1)], axis=1),
        numpy.stack([one, (plan.ends - plan.starts)[windows], one], axis=1),
    )

    entity_windows = plan.span_windows[order]
    bounds = span_pieces[order]
    # What does not fit any window ends with it.
    bounds[:, 1] = numpy.minimum(bounds[:, 1], plan.ends[entity_windows])
    bounds += 1 - plan.starts[entity_windows][:, None]
    ids = numpy.full(n_spans, default_entity_id, dtype="int64")
    if entity_ids is not None:
        ids[:] = to_numpy(entity_ids)
    entity_rows = numpy.full(n_spans, -1, dtype="int32")
    entity_rows[kept[order]] = numpy.arange(len(order))

    batch = AlignedBatch(
        piece_ids=piece_ids,
        piece_lengths=piece_lengths,
        entity_ids=ids[kept[order]],
        entity_bounds=bounds.astype("int32"),
        entity_lengths=numpy.bincount(passes, minlength=len(windows)).astype("int32"),
        max_mention_length=max_mention_length,
        with_tokens=with_tokens,
        with_all_pieces=with_all_pieces,
        counts=located.count(max_mention_length),
    )
    if with_tokens:
        _add_tokens(batch, located, plan, row_offsets(n_sequences)[:-1], entity_rows)
    else:
        batch.docs = doc_alignments(located.spans, entity_rows, batch=located.batch)
    return batch


def _add_tokens(
    batch: AlignedBatch, located: Located, plan: WindowPlan, first_passes: Ints1d, entity_rows: Ints1d
) -> None:
    """Say where each document's pieces lie in the batch, once each, <s> and </s> around them.

    batch (AlignedBatch): The batch; its `docs` are set.
    located (Located): The documents.
    plan (WindowPlan): Their windows.
    first_passes (Ints1d): The first pass over each window: the one whose states count. Shape: (n_windows,).
    entity_rows (Ints1d): Row of each span among the entities, or -1. Shape: (n_spans,).
    """
    pass_rows = row_offsets(batch.piece_lengths)
    window_rows = pass_rows[first_passes]  # (n_windows,): where <s> of each window lies
    window_ends = pass_rows[first_passes + 1] - 1
    lengths = located.doc_lengths
    has_rows = numpy.diff(plan.heads) > 0
    piece_heads = row_offsets(numpy.where(has_rows, lengths + 2, 0))
    rows = numpy.empty(int(piece_heads[-1]), dtype="int32")
    offsets = numpy.full((len(rows), 2), -1, dtype="int32")
    rows[piece_heads[:-1][has_rows]] = window_rows[plan.heads[:-1][has_rows]]
    rows[piece_heads[1:][has_rows] - 1] = window_ends[plan.heads[1:][has_rows] - 1]
    inner = ranges(piece_heads[:-1] + 1, lengths)
    windows = plan.piece_windows()
    within = positions(lengths)  # (n_pieces,): number of each piece in its document
    rows[inner] = window_rows[windows] + 1 + within - plan.starts[windows]
    offsets[inner] = located.found.pieces.offsets - located.batch.doc_chars[:-1].repeat(lengths)[:, None]
    batch.docs = doc_alignments(
        located.spans,
        entity_rows,
        batch=located.batch,
        piece_rows=rows,
        piece_offsets=offsets,
        piece_heads=piece_heads,
        token_bounds=(located.token_pieces() + 1).astype("int32"),
    )
