"""Two texts read together: a question and the text that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import NumpyOps
from thinc.types import Ragged
from thinc.util import to_numpy

from ..errors import Errors
from ..types import AlignedBatch, DocAlignment, Ints1d, Ints2d
from .codes import heads, ranges
from .locate import Located, doc_alignments, locate
from .passes import Pool, check_limits, held_bounds
from .pieces import Wordpieces
from .segments import check_segmentation
from .windows import add_windows, check_windows, most_context, window_starts

# <s> A </s> </s> B </s>
N_SPECIAL = 4


def align_pairs(
    first: Sequence[Doc],
    second: Sequence[Doc],
    wordpieces: Wordpieces,
    *,
    default_entity_id: int,
    spans_first: Optional[Ragged] = None,
    spans_second: Optional[Ragged] = None,
    entity_ids_first: Optional[Ints1d] = None,
    entity_ids_second: Optional[Ints1d] = None,
    segmentation: str = "published",
    window: int = 512,
    overlap: int = 128,
    max_first: Optional[int] = None,
    max_entities: Optional[int] = 128,
    max_mention_length: int = 30,
    first_tokens: bool = False,
) -> AlignedBatch:
    """Read two documents at a time, `<s>first</s></s>second</s>`, windows over the second where it is long.

    The first text and its entities stand in every pass, so that each window sees the whole question. Only a first text
    longer than `max_first` is read in windows itself: the further ones in passes of their own, with the beginning of
    the second text. Nothing is dropped. (In the reference, entities of the second text vanish if the first has none.)

    first (Sequence[Doc]): Questions.
    second (Sequence[Doc]): The text for each.
    wordpieces (Wordpieces): The vocabulary.
    default_entity_id (int): The entity of spans for which no other is given: [MASK].
    spans_first (Optional[Ragged]): Entity spans of the first documents, (start, end) token rows. None for none.
    spans_second (Optional[Ragged]): Entity spans of the second documents.
    entity_ids_first (Optional[Ints1d]): The entity of each span of the first documents.
    entity_ids_second (Optional[Ints1d]): The entity of each span of the second documents.
    segmentation (str): As for `align`.
    window (int): Pieces of a pass, special pieces included.
    overlap (int): Pieces of the second text that neighbouring windows share.
    max_first (Optional[int]): Pieces of the first text in a pass. By default, half of what a pass takes.
    max_entities (Optional[int]): Entities of a pass; None for any number.
    max_mention_length (int): Pieces of a mention that its position embedding is the mean of, from the left.
    first_tokens (bool): Whether the states of the first texts' pieces are wanted.
    RETURNS (AlignedBatch): `docs[2 * i]` places first document i, `docs[2 * i + 1]` second document i. The
        `piece_rows` of both begin with <s> of the pair's first pass; those of the first are empty unless
        `first_tokens`. Of an entity that stands in several passes, `span_rows` names the first.
    RAISES (ValueError): ML001 to ML003, ML007, ML008.
    """
    check_segmentation(segmentation)
    check_windows(window, overlap, least=N_SPECIAL + 2)
    check_limits(max_entities, max_mention_length)
    if len(first) != len(second):
        raise ValueError(
            Errors.ML007.format(what="Second documents", found=len(second), expected=len(first), per="first document")
        )
    room = window - N_SPECIAL
    limit = room // 2 if max_first is None else max_first
    if not 1 <= limit < room:
        extra = f", less than the {room} pieces that a pass takes"
        raise ValueError(Errors.ML008.format(name="max_first", value=max_first, least=1, extra=extra))
    sides = [
        _Side(first, spans_first, entity_ids_first, default_entity_id, wordpieces, segmentation),
        _Side(second, spans_second, entity_ids_second, default_entity_id, wordpieces, segmentation),
    ]
    layout = _Layout(max_entities)
    for i in range(len(first)):
        n_first, n_second = sides[0].n_pieces(i), sides[1].n_pieces(i)
        rooms = (limit, room - min(n_first, limit))
        views = [
            _View(side, i, n, size, overlap, max_mention_length)
            for side, n, size in zip(sides, (n_first, n_second), rooms, strict=True)
        ]
        layout.add_pair(views)
    return _build(layout, sides, wordpieces, max_mention_length, first_tokens)


class _Side:
    """The first or the second documents, cut into wordpieces."""

    def __init__(
        self,
        docs: Sequence[Doc],
        spans: Optional[Ragged],
        entity_ids: Optional[Ints1d],
        default_entity_id: int,
        wordpieces: Wordpieces,
        segmentation: str,
    ) -> None:
        if spans is None:
            ops = NumpyOps()
            spans = Ragged(ops.alloc2i(0, 2), ops.alloc1i(len(docs)))
        self.located: Located = locate(docs, spans, wordpieces, segmentation=segmentation)
        n_spans = len(self.located.spans.bounds)
        if entity_ids is not None and len(entity_ids) != n_spans:
            raise ValueError(
                Errors.ML007.format(what="Entity ids", found=len(entity_ids), expected=n_spans, per="span")
            )
        self.entity_ids = numpy.full(n_spans, default_entity_id, dtype="int64")
        if entity_ids is not None:
            self.entity_ids[:] = to_numpy(entity_ids)
        self.bounds = self.located.span_pieces
        self.is_blank = self.located.is_blank
        self.entity_rows = numpy.full(n_spans, -1, dtype="int32")

    def n_pieces(self, i: int) -> int:
        """Pieces of document i."""
        return int(self.located.doc_lengths[i])


class _View:
    """One document of a pair in windows."""

    def __init__(self, side: _Side, i: int, n_pieces: int, room: int, overlap: int, max_mention_length: int) -> None:
        at = side.located.spans.heads
        rows = numpy.arange(at[i], at[i + 1])
        self.spans = rows[~side.is_blank[rows]]  # rows of its spans among the side's
        held = held_bounds(side.bounds[self.spans], room, max_mention_length)
        self.n_pieces = n_pieces
        self.starts = add_windows(window_starts(n_pieces, room, overlap), held, n_pieces, room)
        self.ends = numpy.minimum(self.starts + room, n_pieces)
        self.span_windows = most_context(self.starts, held, n_pieces, room)
        pieces = numpy.arange(n_pieces)
        self.piece_windows = most_context(self.starts, numpy.stack([pieces, pieces + 1], axis=1), n_pieces, room)

    def spans_of(self, window: int) -> Ints1d:
        """Rows of the spans that a window shows best."""
        return self.spans[self.span_windows == window]


@dataclass
class _Pass:
    """One pass: a range of each text, and the spans that stand on it."""

    ranges: Tuple[Tuple[int, int], Tuple[int, int]]
    spans: Tuple[Ints1d, Ints1d]


class _Layout:
    """The passes of all pairs.

    max_entities (Optional[int]): Entities of a pass.
    """

    def __init__(self, max_entities: Optional[int]) -> None:
        self.max_entities = max_entities
        self.passes: List[_Pass] = []
        self.pair_heads: List[int] = [0]
        # For each pair, its texts in windows, and the number of the first pass over each window of each text.
        self.views: List[List[_View]] = []
        self.window_passes: List[Tuple[List[int], List[int]]] = []

    def add_pair(self, views: List[_View]) -> None:
        """Lay out a pair: each window of the second text with the beginning of the first, then what is left of it."""
        one, two = views
        shared = one.spans_of(0)
        in_every = self.max_entities is None or len(shared) <= self.max_entities // 2
        none = shared[:0]
        first_passes, second_passes = [len(self.passes)], []
        for j in range(len(two.starts)):
            second_passes.append(len(self.passes))
            repeated = shared if in_every else none
            once = none if in_every or j else shared
            self._add(views, (0, j), repeated, once, two.spans_of(j))
        for i in range(1, len(one.starts)):
            first_passes.append(len(self.passes))
            self._add(views, (i, 0), none, one.spans_of(i), none)
        self.views.append(views)
        self.window_passes.append((first_passes, second_passes))
        self.pair_heads.append(len(self.passes))

    def _add(
        self, views: List[_View], windows: Tuple[int, int], repeated: Ints1d, first: Ints1d, second: Ints1d
    ) -> None:
        """Add as many passes over two windows as their entities take."""
        n_spans = len(first) + len(second)
        step = n_spans if self.max_entities is None else self.max_entities - len(repeated)
        bounds = tuple((int(view.starts[w]), int(view.ends[w])) for view, w in zip(views, windows, strict=True))
        for start in range(0, max(n_spans, 1), max(step, 1)):
            ours = first[start : start + step]
            rest = slice(max(start - len(first), 0), max(start + step - len(first), 0))
            spans = (numpy.concatenate([repeated, ours]), second[rest])
            self.passes.append(_Pass((bounds[0], bounds[1]), spans))


def _build(
    layout: _Layout, sides: List[_Side], wordpieces: Wordpieces, max_mention_length: int, first_tokens: bool
) -> AlignedBatch:
    """Lay the passes end to end, and say where the documents lie in them."""
    pieces = [side.located.found.pieces.ids for side in sides]
    pool = Pool(numpy.concatenate(pieces), numpy.array([wordpieces.bos_id, wordpieces.eos_id, wordpieces.eos_id]))
    pairs = numpy.repeat(numpy.arange(len(layout.views)), numpy.diff(layout.pair_heads))
    bounds = numpy.array([p.ranges for p in layout.passes], dtype="int64").reshape((-1, 2, 2))
    bases = [
        sides[0].located.found.doc_pieces[pairs],
        sides[1].located.found.doc_pieces[pairs] + len(pieces[0]),
    ]
    one = numpy.ones(len(pairs), dtype="int64")
    lengths = bounds[:, :, 1] - bounds[:, :, 0]
    piece_ids, piece_lengths = pool.build(
        numpy.stack(
            [
                one * pool.n_pieces,
                bases[0] + bounds[:, 0, 0],
                one * (pool.n_pieces + 1),
                bases[1] + bounds[:, 1, 0],
                one * (pool.n_pieces + 1),
            ],
            axis=1,
        ),
        numpy.stack([one, lengths[:, 0], 2 * one, lengths[:, 1], one], axis=1),
    )
    ids, entity_bounds = [numpy.zeros(0, dtype="int64")], [numpy.zeros((0, 2), dtype="int64")]
    row = 0
    for number, p in enumerate(layout.passes):
        # B stands behind <s> A </s> </s>: its positions are moved by len(A) + 3.
        for side, spans, (start, end), base in zip(
            sides, p.spans, p.ranges, (1, int(lengths[number, 0]) + 3), strict=True
        ):
            found = side.bounds[spans]
            entity_bounds.append(numpy.minimum(found, end) - start + base)
            ids.append(side.entity_ids[spans])
            new = spans[side.entity_rows[spans] < 0]
            side.entity_rows[new] = row + numpy.flatnonzero(side.entity_rows[spans] < 0)
            row += len(spans)
    batch = AlignedBatch(
        piece_ids=piece_ids,
        piece_lengths=piece_lengths,
        entity_ids=numpy.concatenate(ids),
        entity_bounds=numpy.concatenate(entity_bounds).astype("int32"),
        entity_lengths=numpy.array([sum(map(len, p.spans)) for p in layout.passes], dtype="int32"),
        max_mention_length=max_mention_length,
    )
    placed: List[List[DocAlignment]] = []
    for number, side in enumerate(sides):
        batch.counts.add(side.located.count(max_mention_length))
        placed.append(_place_docs(layout, side, number, batch, lengths[:, 0], number == 1 or first_tokens))
    batch.docs = [doc for pair in zip(*placed, strict=True) for doc in pair]
    return batch


def _place_docs(
    layout: _Layout, side: _Side, number: int, batch: AlignedBatch, n_first: Ints1d, with_tokens: bool
) -> List[DocAlignment]:
    """Say where the documents of one side lie.

    number (int): 0 for the first documents, 1 for the second.
    n_first (Ints1d): Pieces of the first text in each pass. Shape: (n_passes,).
    with_tokens (bool): Whether their pieces are wanted.
    RETURNS (List[DocAlignment]): One for each document of the side.
    """
    located = side.located
    if not with_tokens:
        return doc_alignments(located.spans, side.entity_rows, batch=located.batch)
    pass_rows = heads(batch.piece_lengths)
    rows: List[Ints1d] = [numpy.zeros(0, dtype="int64")]
    for i, views in enumerate(layout.views):
        view = views[number]
        passes = numpy.array(layout.window_passes[i][number])
        bases = pass_rows[passes] + (n_first[passes] + 3 if number else 1) - view.starts
        last = pass_rows[passes[-1]]
        end = pass_rows[passes[-1] + 1] - 1 if number else last + 1 + int(n_first[passes[-1]])
        inner = bases[view.piece_windows] + numpy.arange(view.n_pieces)
        rows.append(numpy.concatenate([[pass_rows[layout.pair_heads[i]]], inner, [end]]))
    lengths = located.doc_lengths
    piece_heads = heads(lengths + 2)
    offsets: Ints2d = numpy.full((int(piece_heads[-1]), 2), -1, dtype="int32")
    chars = located.found.pieces.offsets - located.batch.doc_chars[:-1].repeat(lengths)[:, None]
    offsets[ranges(piece_heads[:-1] + 1, lengths)] = chars
    return doc_alignments(
        located.spans,
        side.entity_rows,
        batch=located.batch,
        piece_rows=numpy.concatenate(rows).astype("int32"),
        piece_offsets=offsets,
        piece_heads=piece_heads,
        token_bounds=(located.token_pieces() + 1).astype("int32"),
    )
