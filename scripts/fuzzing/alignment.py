"""Target `alignment`: a batch of documents is aligned as the oracle aligns each document alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy
from spacy.vocab import Vocab

from spacy_mluke.align import align
from spacy_mluke.tokenization.interface import Wordpieces
from spacy_mluke.tokenization.load import load_wordpieces
from spacy_mluke.tokenization.vocabulary_files import MERGES, SENTENCEPIECE, VOCAB
from spacy_mluke.types import AlignedBatch, DocAlignment

from .cases import Broken, Case, Target
from .documents import WINDOWS, FuzzDoc, ragged, random_doc, random_limit, random_masks
from .groups import check_marked, check_questions
from .oracle import (
    Bounds,
    SlowByteLevel,
    SlowDoc,
    SlowSentencePiece,
    best_window,
    read_doc,
    sharing,
    window_starts,
)
from .vocabularies import save_byte_level, save_sentencepiece

DEFAULT_ID = 77
BUNDLED = Path(__file__).parents[2] / "spacy_mluke" / "assets" / "mluke-small"


@dataclass
class Shared:
    """Vocabularies of the package and of the oracle."""

    pairs: List[Tuple[Wordpieces, Any]]


def prepare(folder: Path) -> Shared:
    """Make two tiny vocabularies, and open the bundled one."""
    from sentencepiece import SentencePieceProcessor
    from tokenizers import Tokenizer, models, pre_tokenizers

    tiny = save_sentencepiece(folder / "sentencepiece")
    bytes_folder = save_byte_level(folder / "byte_level")
    pairs: List[Tuple[Wordpieces, Any]] = []
    for path in (tiny, BUNDLED):
        processor = SentencePieceProcessor(model_file=str(path / SENTENCEPIECE))
        pairs.append((load_wordpieces(path), SlowSentencePiece(processor)))
    vocab = json.loads((bytes_folder / VOCAB).read_text(encoding="utf8"))
    tokenizer = Tokenizer(models.BPE.from_file(str(bytes_folder / VOCAB), str(bytes_folder / MERGES)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pairs.append((load_wordpieces(bytes_folder), SlowByteLevel(tokenizer, vocab)))
    for wordpieces, _ in pairs:
        _ = wordpieces.special
    return Shared(pairs)


def run(shared: Shared, case: Case) -> Tuple[str, int]:
    """Align one batch, and compare it with the oracle."""
    rng = case.rng
    kind = rng.random()
    wordpieces, slow = shared.pairs[0 if kind < 0.6 else 1 if kind < 0.75 else 2]
    vocab = Vocab()
    most = rng.choice((3, 6, 6, 12, 12, 12, 30, 80))
    docs = [random_doc(rng, vocab, most) for _ in range(rng.choice((1, 2, 8, 32, 64, 128)))]
    segmentation = rng.choice(("published", "published", "pretraining", "plain"))
    way = rng.random()
    if way < 0.06:
        check_marked(rng, docs, wordpieces, segmentation)
        return "marked texts right", len(docs)
    if way < 0.12:
        check_questions(rng, docs, wordpieces, segmentation)
        return "questions right", len(docs)
    masks = [random_masks(rng, doc) for doc in docs] if way < 0.25 else None
    options: Dict[str, Any] = {
        "segmentation": segmentation,
        "split_tokens": masks is None and rng.random() < 0.2,
        "window": rng.choice(WINDOWS),
        "overlap": rng.choice((0, 1, 2, 5, 30, 128)),
        "max_entities": random_limit(rng),
        "max_mention_length": rng.choice((1, 2, 5, 30)),
        "with_tokens": rng.random() < 0.85,
    }
    n_spans = sum(len(doc.spans) for doc in docs)
    ids = numpy.arange(n_spans) + 1000 if rng.random() < 0.5 else None
    batch = align(
        [doc.doc for doc in docs],
        ragged([doc.spans for doc in docs]),
        wordpieces,
        entity_ids=ids,
        default_entity_id=DEFAULT_ID,
        mask_lengths=None if masks is None else numpy.array([n for own in masks for n in own], dtype="int64"),
        **options,
    )
    compare(batch, docs, slow, options, ids, masks)
    return "right" if masks is None else "masked texts right", len(docs)


def compare(
    batch: AlignedBatch,
    docs: List[FuzzDoc],
    slow: Any,
    options: Dict[str, Any],
    ids: Optional[Any],
    masks: Optional[List[List[int]]],
) -> None:
    """Compare a batch with the oracle's alignment of each document.

    batch (AlignedBatch): The batch.
    docs (List[FuzzDoc]): Its documents.
    slow (Any): The oracle's vocabulary.
    options (Dict[str, Any]): Options of `align`.
    ids (Optional[Any]): Entity of each span.
    masks (Optional[List[List[int]]]): Masks of each span.
    RAISES (Broken): If they differ.
    """
    piece_ids = batch.piece_ids.tolist()
    sequence_ends = numpy.cumsum(batch.piece_lengths).tolist()
    entity_ends = numpy.cumsum(batch.entity_lengths).tolist()
    bounds, entity_ids = batch.entity_bounds.tolist(), batch.entity_ids.tolist()
    n_sequence = n_blank = n_cut = first_span = 0
    first_piece, first_entity = 0, 0
    _same(len(batch.docs), len(docs), "number of documents")
    for number, (doc, found) in enumerate(zip(docs, batch.docs, strict=True)):
        read = read_doc(
            doc.text, doc.tokens, doc.spans, slow, options["segmentation"], options["split_tokens"],
            None if masks is None else masks[number],
        )  # fmt: skip
        own_ids = [DEFAULT_ID if ids is None else int(ids[first_span + i]) for i in range(len(doc.spans))]
        first_span += len(doc.spans)
        n_blank += sum(end <= start for start, end in read.spans)
        n_cut += sum(end - start > options["max_mention_length"] for start, end in read.spans)
        plan = _plan(read, options, own_ids, has_tokens=bool(doc.tokens))
        rows = [-1] * len(doc.spans)
        firsts: List[int] = []  # first piece, in the batch, of the first sequence of each window
        for window in plan:
            text = [slow.bos, *[p.id for p in read.pieces[window.start : window.end]], slow.eos]
            for n, entities in enumerate(window.sequences):
                where = f"document {number}, sequence {n_sequence}"
                if n == 0:
                    firsts.append(first_piece)
                if n_sequence >= len(sequence_ends):
                    raise Broken(f"{where} is missing")
                _same(piece_ids[first_piece : sequence_ends[n_sequence]], text, f"{where}: pieces")
                end = entity_ends[n_sequence]
                _same(entity_ids[first_entity:end], [own_ids[i] for i in entities], f"{where}: entities")
                expected = [_within(read.spans[i], window.start, window.end) for i in entities]
                _same(bounds[first_entity:end], expected, f"{where}: entity bounds")
                for i in entities:
                    rows[i] = first_entity
                    first_entity += 1
                first_piece = sequence_ends[n_sequence]
                n_sequence += 1
        _same(found.span_rows.tolist(), rows, f"document {number}: span rows")
        _same(found.span_bounds.tolist(), [list(span) for span in doc.spans], f"document {number}: span bounds")
        _check_tokens(found, doc, read, plan, firsts, slow, options, number)
    _same(n_sequence, len(sequence_ends), "number of sequences")
    counts = batch.counts
    _same((counts.spans, counts.blank_spans, counts.truncated_mentions), (first_span, n_blank, n_cut), "counts")


@dataclass
class Window:
    """A window of a document and its sequences, each a list of spans."""

    start: int
    end: int
    sequences: List[List[int]]


def _plan(read: SlowDoc, options: Dict[str, Any], ids: List[int], *, has_tokens: bool) -> List[Window]:
    n_pieces, room = len(read.pieces), options["window"] - 2
    kept = [i for i, (start, end) in enumerate(read.spans) if end > start]
    if not (has_tokens if options["with_tokens"] else kept):
        return []
    short = min(room, options["max_mention_length"])
    held = {i: _held(read.spans[i], room, short) for i in kept}
    starts = window_starts(n_pieces, room, options["overlap"], list(held.values()))
    members: List[List[int]] = [[] for _ in starts]
    for i in kept:
        members[best_window(starts, held[i], n_pieces, room)].append(i)
    plan = []
    for start, own in zip(starts, members, strict=True):
        most = options["max_entities"] or max(len(own), 1)
        n_sequences = max(-(-len(own) // most), int(options["with_tokens"]))
        size = max(1, -(-len(own) // max(n_sequences, 1)))
        plan.append(
            Window(start, min(start + room, n_pieces), [own[n * size : (n + 1) * size] for n in range(n_sequences)])
        )
    return plan


def _held(span: Bounds, room: int, short: int) -> Bounds:
    return (span[0], span[0] + short) if span[1] - span[0] > room else span


def _within(span: Bounds, start: int, end: int) -> List[int]:
    return [span[0] - start + 1, min(span[1], end) - start + 1]


def _check_tokens(
    found: DocAlignment,
    doc: FuzzDoc,
    read: SlowDoc,
    plan: List[Window],
    firsts: List[int],
    slow: Any,
    options: Dict[str, Any],
    number: int,
) -> None:
    where = f"document {number}"
    if not options["with_tokens"]:
        _same((len(found.piece_rows), found.token_bounds.tolist()), (0, [[0, 0]] * len(doc.tokens)), where)
        return
    n_pieces, room = len(read.pieces), options["window"] - 2
    if not doc.tokens:
        _same(len(found.piece_rows), 0, f"{where}: rows")
        return
    starts = [window.start for window in plan]
    rows = [firsts[0]]
    for i in range(n_pieces):
        window = best_window(starts, (i, i + 1), n_pieces, room)
        rows.append(firsts[window] + 1 + i - starts[window])
    rows.append(firsts[-1] + 1 + plan[-1].end - plan[-1].start)
    _same(found.piece_rows.tolist(), rows, f"{where}: rows of pieces")
    offsets = found.piece_offsets.tolist()
    _same((offsets[0], offsets[-1]), ([-1, -1], [-1, -1]), f"{where}: offsets of <s> and </s>")
    _check_offsets(offsets[1:-1], read, doc, slow, where)
    for token, (start, end) in zip(doc.tokens, found.token_bounds.tolist(), strict=True):
        own = sharing(read.pieces, *token)
        if own:
            _same([start, end], [own[0] + 1, own[-1] + 2], f"{where}, token {token}")
        elif start != end or not 1 <= start <= n_pieces + 1:
            raise Broken(f"{where}: token {token} has no wordpiece and bounds {start}, {end} of {n_pieces}")


def _check_offsets(offsets: List[List[int]], read: SlowDoc, doc: FuzzDoc, slow: Any, where: str) -> None:
    _same(offsets, [[piece.start, piece.end] for piece in read.pieces], f"{where}: offsets")
    covered = [False] * len(doc.text)
    before = [0, 0]  # in order, but that a piece that shows nothing may stand inside a character that becomes several
    for start, end in offsets:
        if not before[0] <= start <= end <= len(doc.text) or (start < end < before[1]):
            raise Broken(f"{where}: offsets {start}, {end} after {before}")
        before = [start, max(before[1], end)]
        covered[start:end] = [True] * (end - start)
    for at, char in enumerate(doc.text):
        if not covered[at] and slow.is_visible(char):
            raise Broken(f"{where}: character {at} ({char!r}) is covered by no wordpiece")


def _same(found: Any, expected: Any, what: str) -> None:
    if found != expected:
        raise Broken(f"{what}: {str(found)[:300]} instead of {str(expected)[:300]}")


TARGET = Target("alignment", prepare, run, seconds=20.0, writes=False)
