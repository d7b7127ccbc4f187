"""All ranges of tokens within sentences. Without spaCy: exported models (`onnx/`) use it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Sequence

import numpy

from ..ragged import positions, row_offsets
from .candidates import CandidateSpans
from .punctuation import are_names

if TYPE_CHECKING:
    from spacy.tokens import Doc


def ngram_spans(docs: Sequence[Doc], *, min_size: int, max_size: int, skip_punctuation: bool = False) -> CandidateSpans:
    """Return every range of tokens up to a length. See `build_sentence_ngrams_v1`.

    docs (Sequence[Doc]): The documents.
    min_size (int): Minimum number of tokens of a span.
    max_size (int): Maximum number of tokens of a span.
    skip_punctuation (bool): Whether to leave out ranges that `are_names` refuses.
    RETURNS (CandidateSpans): The spans, sorted by start and end.
    """
    # Tokens are numbered over all documents. The start of a document also ends the last sentence before it.
    doc_tokens = row_offsets(numpy.asarray([len(doc) for doc in docs], dtype="int64"))
    is_blank = numpy.zeros(int(doc_tokens[-1]) + 1, dtype=bool)
    words: List[str] = []
    starts_sentence = numpy.zeros(len(is_blank), dtype=bool)
    starts_sentence[doc_tokens] = True
    for doc, start, end in zip(docs, doc_tokens[:-1].tolist(), doc_tokens[1:].tolist(), strict=True):
        attrs = doc.to_array(["SENT_START", "IS_SPACE", "IDX", "LENGTH"])
        is_blank[start:end] = attrs[:, 1] == 1
        if skip_punctuation:
            text = doc.text
            words.extend(text[first : first + length] for first, length in attrs[:, 2:].tolist())
        if doc.has_annotation("SENT_START"):
            starts_sentence[start:end] |= attrs[:, 0] == 1
    tokens = numpy.arange(doc_tokens[-1])
    sentence_starts = numpy.flatnonzero(starts_sentence)
    next_starts = sentence_starts[numpy.searchsorted(sentence_starts, tokens, side="right")]
    n_left = next_starts - tokens  # number of tokens up to the end of the sentence
    counts = numpy.maximum(numpy.minimum(n_left, max_size) - min_size + 1, 0)
    starts = tokens.repeat(counts)
    ends = starts + positions(counts) + min_size
    kept = ~(is_blank[starts] | is_blank[ends - 1])
    if skip_punctuation:
        kept &= are_names(words, starts, ends)
    bounds = numpy.stack([starts[kept], ends[kept]], axis=1)
    lengths = numpy.diff(numpy.searchsorted(bounds[:, 0], doc_tokens))
    bounds -= doc_tokens[:-1].repeat(lengths)[:, None]
    return CandidateSpans(bounds, lengths)
