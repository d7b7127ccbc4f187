"""Write the encoder's states to Docs, and hook spaCy's vectors."""

from __future__ import annotations

from typing import Iterator, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span, Token
from thinc.util import to_numpy

from ..align.overlaps import span_piece_bounds
from ..types import DocAlignment, EncoderOutput, Floats1d, Floats2d
from .span_means import SpanMeans
from .states import EntityStates, mean_rows, write_record
from .trf_data import put_aside


def write_states(
    docs: Sequence[Doc],
    output: EncoderOutput,
    piece_strings: Sequence[str],
    *,
    keep_tokens: bool,
    with_words: bool = False,
    means: Optional[SpanMeans] = None,
) -> None:
    """Write the states of entities and, if wanted, of tokens to each document.

    docs (Sequence[Doc]): The documents of the batch.
    output (EncoderOutput): Their states.
    piece_strings (Sequence[str]): Texts of the wordpieces, document after document; empty to store none.
    keep_tokens (bool): Whether to store states of tokens.
    with_words (bool): Whether span vectors are means of entity states and word states (see `join_words`).
    means (Optional[SpanMeans]): Mean states that are subtracted from both, if given.
    """
    piece_states = None if output.piece_states is None else to_numpy(output.piece_states)
    found = span_states(output, piece_states if with_words else None)
    for doc, (aligned, rows, own_states, words) in zip(docs, found, strict=True):
        vectors: Optional[Floats2d] = None
        if means is not None and words is not None:
            vectors, words = means.center(own_states, words), None
        if not keep_tokens or piece_states is None:
            write_record(doc, aligned, own_states, word_vectors=words, span_vectors=vectors, piece_states=None)
            continue
        put_aside(doc)
        write_record(
            doc,
            aligned,
            own_states,
            word_vectors=words,
            span_vectors=vectors,
            # A copy, because a view would keep the states of the whole batch in memory.
            piece_states=piece_states[rows].copy(),
            piece_ids=output.batch.piece_ids[aligned.piece_rows],
            pieces=" ".join(piece_strings[rows]),
        )


def span_states(
    output: EncoderOutput, piece_states: Optional[Floats2d]
) -> Iterator[Tuple[DocAlignment, slice, Floats2d, Optional[Floats2d]]]:
    """Return the states of the spans of each document.

    output (EncoderOutput): The states of a batch.
    piece_states (Optional[Floats2d]): The states of its wordpieces, to compute the means of spans; None for no means.
    YIELDS (Tuple[DocAlignment, slice, Floats2d, Optional[Floats2d]]): Positions; rows of the document's wordpieces;
        states of entities, float32, and means of their wordpieces' states. Shapes: (n_spans, width).
    """
    entity_states = to_numpy(output.entity_states)
    start = 0
    for aligned in output.batch.docs:
        rows = slice(start, start + len(aligned.piece_rows))
        words = None if piece_states is None else mean_rows(piece_states[rows], span_piece_bounds(aligned))
        yield aligned, rows, entity_states[aligned.span_rows[aligned.span_rows >= 0]], words
        start = rows.stop


def hook_vectors(doc: Doc) -> None:
    """Make `.vector` and `.similarity` of the document, its spans and tokens use mLUKE's vectors.

    doc (Doc): A document with states. spaCy neither saves hooks nor sends them to other processes.
    """
    for hooks, vector in (
        (doc.user_hooks, doc_vector),
        (doc.user_span_hooks, span_vector),
        (doc.user_token_hooks, token_vector),
    ):
        hooks["vector"] = vector
        hooks["vector_norm"] = vector_norm
        hooks["has_vector"] = has_vector
        hooks["similarity"] = similarity


def span_vector(span: Span) -> Floats1d:
    """Return the vector of an encoded span, else the mean of its tokens' vectors. Shape: (width,)."""
    states = EntityStates(span.doc)
    vector = states.vector(span)
    if vector is not None:
        return vector
    return _mean(states, span.start, span.end)


def token_vector(token: Token) -> Floats1d:
    """Return the mean of a token's wordpiece states. Shape: (width,)."""
    return _mean(EntityStates(token.doc), token.i, token.i + 1)


def doc_vector(doc: Doc) -> Floats1d:
    """Return the mean of the tokens' vectors. Shape: (width,)."""
    return _mean(EntityStates(doc), 0, len(doc))


def vector_norm(item) -> float:
    """Return the norm of an item's vector."""
    return float(numpy.linalg.norm(item.vector))


def has_vector(item) -> bool:
    """Return whether an item's vector is not all zeros."""
    return bool(numpy.any(item.vector))


def similarity(item, other) -> float:
    """Return the cosine of two items' vectors; 0.0 if one is all zeros."""
    norms = float(numpy.linalg.norm(item.vector) * numpy.linalg.norm(other.vector))
    return float(numpy.dot(item.vector, other.vector)) / norms if norms else 0.0


def _mean(states: EntityStates, start: int, end: int) -> Floats1d:
    vectors = states.vectors_of_tokens(start, end)
    if vectors is None or start == end:
        return numpy.zeros(states.width, dtype="float32")
    return vectors.mean(axis=0)
