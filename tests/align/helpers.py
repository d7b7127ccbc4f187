"""Documents and spans for tests, and batches in a form that can be compared with the reference."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.types import Ragged

from spacy_mluke.align import align_questions
from spacy_mluke.align.overlaps import entity_position_ids
from spacy_mluke.types import AlignedBatch

VOCAB = Vocab()
Span = Tuple[int, int]


def char_doc(text: str) -> Doc:
    """A document with a token for every character: token bounds are character bounds."""
    return Doc(VOCAB, words=list(text), spaces=[False] * len(text))


def word_doc(*words: str) -> Doc:
    return Doc(VOCAB, words=list(words))


def ragged(*spans: Sequence[Span]) -> Ragged:
    """The spans of each document, in the form that suggesters return."""
    rows = [row for group in spans for row in group]
    lengths = numpy.array([len(group) for group in spans], dtype="int32")
    return Ragged(numpy.array(rows, dtype="int32").reshape((-1, 2)), lengths)


def words_of(text: str, most: int = 1000) -> List[Span]:
    return [found.span() for found in re.finditer(r"\w+", text)][:most]


def read_sequences(batch: AlignedBatch) -> List[Dict[str, Any]]:
    """Ids and entity positions of each sequence, as lists."""
    piece_ends, entity_ends = numpy.cumsum(batch.piece_lengths), numpy.cumsum(batch.entity_lengths)
    positions = [[int(p) for p in row if p >= 0] for row in entity_position_ids(batch)]
    found = []
    for i in range(batch.n_sequences):
        pieces = slice(piece_ends[i] - batch.piece_lengths[i], piece_ends[i])
        entities = slice(entity_ends[i] - batch.entity_lengths[i], entity_ends[i])
        found.append(
            {
                "input_ids": batch.piece_ids[pieces].tolist(),
                "entity_ids": batch.entity_ids[entities].tolist(),
                "positions": positions[entities],
                "bounds": batch.entity_bounds[entities].tolist(),
            }
        )
    return found


def expected(encoding: Any) -> Dict[str, Any]:
    """Ids and entity positions from a reference tokenizer for one text."""
    return {
        "input_ids": list(encoding["input_ids"]),
        "entity_ids": list(encoding.get("entity_ids", [])),
        "positions": [[p for p in row if p >= 0] for row in encoding.get("entity_position_ids", [])],
    }


def check_batch(batch: AlignedBatch) -> None:
    """Check the types and shapes of a batch."""
    assert batch.piece_ids.dtype == batch.piece_lengths.dtype == batch.entity_lengths.dtype == "int32"
    assert batch.entity_ids.dtype == "int64" and batch.entity_bounds.dtype == "int32"
    assert len(batch.piece_ids) == batch.piece_lengths.sum()
    assert len(batch.entity_ids) == len(batch.entity_bounds) == batch.entity_lengths.sum()
    assert len(batch.piece_lengths) == len(batch.entity_lengths)
    lengths = numpy.repeat(batch.piece_lengths, batch.entity_lengths)
    assert (batch.entity_bounds[:, 0] >= 1).all()
    assert (batch.entity_bounds[:, 0] < batch.entity_bounds[:, 1]).all()
    assert (batch.entity_bounds[:, 1] < lengths).all()
    for doc in batch.docs:
        assert doc.span_bounds.shape == (len(doc.span_rows), 2)
        assert doc.piece_offsets.shape == (len(doc.piece_rows), 2)
        assert doc.token_bounds.ndim == 2 and doc.token_bounds.shape[1] == 2
        for array in (doc.span_bounds, doc.span_rows, doc.piece_rows, doc.piece_offsets, doc.token_bounds):
            assert array.dtype == "int32"


def read_pair(first, second, wordpieces, first_spans=(), second_spans=(), **options):
    """Align a question and a text as one sequence; spans are characters, which are the documents' tokens."""
    batch = align_questions(
        [char_doc(first)],
        [char_doc(second)],
        numpy.zeros(1, dtype="int64"),
        wordpieces,
        default_entity_id=0,
        question_spans=ragged(first_spans),
        doc_spans=ragged(second_spans),
        **options,
    )
    check_batch(batch)
    return read_sequences(batch)[0]
