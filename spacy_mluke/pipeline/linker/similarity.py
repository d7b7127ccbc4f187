"""Similarity of a mention's context with descriptions of its candidates, in the space of the encoder's word states."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.util import to_numpy

from ...encoder.inputs import EncoderInput, no_spans
from ...encoder.request import EncoderModel
from ...kb.projections import DISTANCES, Projections
from ...kb.vector_space import VectorSpace
from ...types import Floats1d, Floats2d, Ints1d, Ints2d
from ..base.transient import TransientDict

_CONTEXT = DISTANCES[-1]  # wordpieces on each side of a mention
_MAX_CACHED = 1 << 16  # descriptions: 50 MB with mluke-small
_SCALE = 10.0
_BATCH = 128  # texts whose states are kept at a time
Part = Tuple[int, int, int]  # document, first character and end


class Similarity:
    """Compares mentions with descriptions. Vectors of descriptions are cached.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    vocab (Vocab): The pipeline's vocabulary.
    """

    def __init__(self, encoder: EncoderModel, vocab: Vocab):
        self.encoder, self.vocab = encoder, vocab
        self._cache: TransientDict[str, Floats1d] = TransientDict()

    def clear(self) -> None:
        """Forget the vectors, after the encoder has changed."""
        self._cache.clear()

    def texts(self, docs: Sequence[Doc], parts: Sequence[Part], projections: Optional[Projections] = None) -> Floats2d:
        """Return the mean states of the texts around mentions.

        docs (Sequence[Doc]): The documents. Only those with mentions are read.
        parts (Sequence[Part]): The mentions.
        projections (Optional[Projections]): Has the weights of wordpieces by their distance; None if all count alike.
        RETURNS (Floats2d): Shape: (n_mentions, width), float32.
        """
        used = sorted({doc for doc, _, _ in parts})
        places = {doc: i for i, doc in enumerate(used)}
        found = [(places[doc], start, end) for doc, start, end in parts]
        return self._encode([docs[i] for i in used], found, projections)

    def descriptions(self, texts: Sequence[Tuple[str, str]]) -> Floats2d:
        """Return the vectors of descriptions: their mean states, without the name at the beginning.

        texts (Sequence[Tuple[str, str]]): Names, and descriptions that begin with them. Whitespace is single spaces.
        RETURNS (Floats2d): Shape: (n, width), float32.
        """
        lengths = {text: len(name) for name, text in texts}
        if len(self._cache) + len(lengths) > _MAX_CACHED:
            self._cache.clear()
        new = [text for text in lengths if text not in self._cache]
        docs = [Doc(self.vocab, words=text.split()) for text in new]
        vectors = self._encode(docs, [(i, 0, lengths[text]) for i, text in enumerate(new)])
        self._cache.update(zip(new, vectors.astype("float16"), strict=True))
        found = [self._cache[text] for _, text in texts]
        return numpy.stack(found).astype("float32") if found else vectors

    def _encode(self, docs: List[Doc], parts: Sequence[Part], projections: Optional[Projections] = None) -> Floats2d:
        found = numpy.zeros((len(parts), self.encoder.get_dim("nO")), dtype="float32")
        for first in range(0, len(docs), _BATCH):
            some = docs[first : first + _BATCH]
            output = self.encoder.predict(EncoderInput(some, no_spans(len(some))))
            states: Any = to_numpy(output.piece_states)
            ends = numpy.cumsum([len(own.piece_rows) for own in output.batch.docs])
            for i, (doc, start, end) in enumerate(parts):
                if first <= doc < first + len(some):
                    alignment = output.batch.docs[doc - first]
                    last = ends[doc - first]
                    own = states[last - len(alignment.piece_rows) : last]
                    found[i] = context_vector(own, alignment.piece_offsets, start, end, projections)
        return found


def context_vector(
    states: Any, offsets: Ints2d, start: int, end: int, projections: Optional[Projections] = None
) -> Floats1d:
    """Return the mean state of the text around a part.

    states (Floats2d): States of the wordpieces of a text. Shape: (n, width).
    offsets (Ints2d): Their characters. Shape: (n, 2).
    start (int): First character of the part.
    end (int): Its end.
    projections (Optional[Projections]): Has the weights of wordpieces by their distance; None if all count alike.
    RETURNS (Floats1d): The mean of 64 wordpieces at most on each side; that of the part, if there is no other text.
        Shape: (width,).
    """
    firsts, lasts = offsets.T
    is_text = lasts > firsts
    inside = is_text & (firsts < end) & (lasts > start)
    around = is_text & ~inside
    places = numpy.flatnonzero(inside)
    if len(places):
        around[: max(0, places[0] - _CONTEXT)] = around[places[-1] + 1 + _CONTEXT :] = False
    if projections is not None and len(places) and around.any():
        rows = numpy.flatnonzero(around)
        return numpy.average(states[rows], axis=0, weights=projections.piece_weights(_distances(rows, places)))
    kept = around if around.any() else inside
    return states[kept].mean(axis=0) if kept.any() else numpy.zeros(states.shape[1])


def _distances(rows: Ints1d, places: Ints1d) -> Ints1d:
    """Distances of wordpieces from the first or last one of a mention."""
    return numpy.where(rows < places[0], places[0] - rows, numpy.maximum(rows - places[-1], 1))


def similarities(space: VectorSpace, text: Floats1d, lang: str, descriptions: Floats2d) -> Floats2d:
    """Return how similar the descriptions of candidates are to the text around a mention, compared with each other.

    space (VectorSpace): Makes the vectors comparable.
    text (Floats1d): Vector of the text, from `Similarity.texts`. Shape: (width,).
    lang (str): The language of the text.
    descriptions (Floats2d): Vectors of the candidates, from `Similarity.descriptions`. Shape: (n, width).
    RETURNS (Floats2d): Cosines, times 10, minus their mean over the candidates. Shape: (n, 1), float64.
    """
    found = _SCALE * space.description(descriptions) @ space.text(text[None], lang).T
    return found - found.mean(axis=0)


def whole_texts(docs: Sequence[Doc]) -> List[Part]:
    """Return a part of no characters at the beginning of each document, so that its text is all of it."""
    return [(i, 0, 0) for i in range(len(docs))]
