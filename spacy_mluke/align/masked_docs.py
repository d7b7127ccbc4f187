"""Documents whose tokens are places of a text: what is masked need not stand on a tokenizer's tokens."""

from __future__ import annotations

from itertools import pairwise
from typing import List, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Ragged

from ..types import Ints2d


def place_docs(texts: Sequence[str], places: Sequence[Sequence[Tuple[int, int]]]) -> Tuple[List[Doc], Ragged]:
    """Make documents that are cut at places only, and spans of those places.

    Japanese writes a mask against its neighbours, and no tokenizer sets it apart. Alignment reads a document's text and
    where its tokens lie; so it is given one whose tokens are the places, and what is between them.

    texts (Sequence[str]): The texts.
    places (Sequence[Sequence[Tuple[int, int]]]): First character and end of each place; those of a text are in order,
        not empty, and do not overlap.
    RETURNS (Tuple[List[Doc], Ragged]): The documents, and token bounds of the places, in order.
    """
    # Of their own: whole sentences as words would stay in the pipeline's vocabulary forever.
    vocab = Vocab()
    docs: List[Doc] = []
    rows: List[Ints2d] = [numpy.zeros((0, 2), dtype="int32")]
    for text, own in zip(texts, places, strict=True):
        chars = numpy.asarray(own, dtype="int64").reshape((-1, 2))
        cuts = sorted({0, len(text), *chars.ravel().tolist()})
        words = [text[start:end] for start, end in pairwise(cuts)]
        docs.append(Doc(vocab, words=words, spaces=[False] * len(words)))
        firsts = numpy.searchsorted(cuts, chars[:, 0])
        rows.append(numpy.stack([firsts, firsts + 1], axis=1).astype("int32"))
    lengths = numpy.asarray([len(own) for own in places], dtype="int32")
    return docs, Ragged(numpy.concatenate(rows), lengths)  # type: ignore[arg-type]
