"""Suggest all ranges of tokens within sentences."""

from functools import partial
from typing import Iterable, Optional

import numpy
from spacy.attrs import IS_PUNCT, IS_SPACE, SENT_START
from spacy.tokens import Doc
from thinc.api import Ops, get_current_ops
from thinc.types import Ragged

from ..errors import check_at_least, check_flag
from ..ragged import positions, row_offsets
from .candidates import CandidateSpans
from .entities import Suggester


def build_sentence_ngrams_v1(min_size: int = 1, max_size: int = 16, skip_punctuation: bool = False) -> Suggester:
    """Suggest every range of tokens up to a length. Registered as `spacy-mluke.sentence_ngrams.v1`.

    Candidates do not cross sentence boundaries (in documents that have them), and do not start or end with whitespace.
    At most `max_size` candidates start with each token.

    min_size (int): Minimum number of tokens of a candidate.
    max_size (int): Maximum number of tokens of a candidate. The papers use 16 (Yamada et al., 2020, section 4.3).
    skip_punctuation (bool): Whether to leave out ranges of punctuation alone.
    RETURNS (Suggester): Returns token bounds of documents, sorted by start and end. Shape of dataXd: (n_spans, 2),
        int32.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """
    for option, value, least in (("min_size", min_size, 1), ("max_size", max_size, min_size)):
        check_at_least(option, value, least)
    check_flag("skip_punctuation", skip_punctuation)
    return partial(suggest_ngrams, min_size=min_size, max_size=max_size, skip_punctuation=skip_punctuation)


def suggest_ngrams(
    docs: Iterable[Doc], *, min_size: int, max_size: int, skip_punctuation: bool, ops: Optional[Ops] = None
) -> Ragged:
    """Suggest n-grams. See `build_sentence_ngrams_v1`.

    docs (Iterable[Doc]): The documents.
    min_size (int): Minimum number of tokens of a candidate.
    max_size (int): Maximum number of tokens of a candidate.
    skip_punctuation (bool): Whether to leave out ranges of punctuation alone.
    ops (Optional[Ops]): The ops to allocate arrays with.
    RETURNS (Ragged): Token bounds. Shape: (n_spans, 2), int32.
    """
    ops = ops or get_current_ops()
    docs = list(docs)
    # Tokens are numbered over all documents. The start of a document also ends the last sentence before it.
    doc_tokens = row_offsets(numpy.asarray([len(doc) for doc in docs], dtype="int64"))
    is_blank = numpy.zeros(int(doc_tokens[-1]) + 1, dtype=bool)
    is_word = numpy.ones(len(is_blank), dtype=bool)
    starts_sentence = numpy.zeros(len(is_blank), dtype=bool)
    starts_sentence[doc_tokens] = True
    for doc, start, end in zip(docs, doc_tokens[:-1].tolist(), doc_tokens[1:].tolist(), strict=True):
        attrs = doc.to_array([SENT_START, IS_SPACE, IS_PUNCT])
        is_blank[start:end] = attrs[:, 1] == 1
        is_word[start:end] = (attrs[:, 1] == 0) & (attrs[:, 2] == 0)
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
        n_words = row_offsets(is_word)
        kept &= n_words[ends] > n_words[starts]
    bounds = numpy.stack([starts[kept], ends[kept]], axis=1)
    lengths = numpy.diff(numpy.searchsorted(bounds[:, 0], doc_tokens))
    bounds -= doc_tokens[:-1].repeat(lengths)[:, None]
    found = CandidateSpans(bounds, lengths).ragged
    return Ragged(ops.asarray(found.dataXd), ops.asarray1i(found.lengths))
