"""Build documents for masks that do not coincide with a tokenizer's tokens."""

from __future__ import annotations

from itertools import pairwise
from typing import List, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Ragged

from ..types import Ints2d


def build_masked_docs(texts: Sequence[str], masks: Sequence[Sequence[Tuple[int, int]]]) -> Tuple[List[Doc], Ragged]:
    """Build documents whose tokens are the masks and the texts between them.

    In Japanese text, a mask has no spaces around it, and tokenizers do not separate it from its neighbours. Alignment
    only needs the text of a document and the offsets of its tokens.

    texts (Sequence[str]): The texts.
    masks (Sequence[Sequence[Tuple[int, int]]]): First character and end of each mask of each text, in order, not empty,
        without overlaps.
    RETURNS (Tuple[List[Doc], Ragged]): The documents, and the token bounds of the masks, in order.
    """
    # A separate vocabulary: whole sentences as words would stay in the pipeline's vocabulary forever.
    vocab = Vocab()
    docs: List[Doc] = []
    bounds: List[Ints2d] = [numpy.zeros((0, 2), dtype="int32")]
    for text, text_masks in zip(texts, masks, strict=True):
        chars = numpy.asarray(text_masks, dtype="int64").reshape((-1, 2))
        split_points = sorted({0, len(text), *chars.ravel().tolist()})
        words = [text[start:end] for start, end in pairwise(split_points)]
        docs.append(Doc(vocab, words=words, spaces=[False] * len(words)))
        firsts = numpy.searchsorted(split_points, chars[:, 0])
        bounds.append(numpy.stack([firsts, firsts + 1], axis=1).astype("int32"))
    lengths = numpy.asarray([len(text_masks) for text_masks in masks], dtype="int32")
    return docs, Ragged(numpy.concatenate(bounds), lengths)  # type: ignore[arg-type]
