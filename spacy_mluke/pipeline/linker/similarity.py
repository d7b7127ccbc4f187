"""Similarity of a mention's context with descriptions of its candidates, in the space of the encoder's word states."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.util import to_numpy

from ...encoder.access import weights_key
from ...encoder.passage import read_texts
from ...encoder.request import EncoderModel
from ...kb.projections import DISTANCES, Projections
from ...kb.vector_space import VectorSpace
from ...types import Floats1d, Floats2d, Ints1d, PassageStates
from ..base.transient import TransientDict

_CONTEXT = DISTANCES[-1]  # wordpieces on each side of a mention
_MAX_CACHED = 1 << 16  # descriptions: 50 MB with mluke-small
_SCALE = 10.0
_BATCH = 128  # texts whose states are kept at a time
Part = Tuple[int, int, int]  # document, first token and end


class Similarity:
    """Compares mentions with descriptions. Vectors of descriptions are cached until the encoder changes.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    vocab (Vocab): The pipeline's vocabulary.
    """

    def __init__(self, encoder: EncoderModel, vocab: Vocab):
        self.encoder, self.vocab = encoder, vocab
        self._cache: TransientDict[str, Floats1d] = TransientDict()
        self._key: Optional[object] = None  # of the weights that the cached vectors were computed with

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
        names = {text: name for name, text in texts}
        key = weights_key(self.encoder)
        if key is not self._key or len(self._cache) + len(names) > _MAX_CACHED:
            self._cache, self._key = TransientDict(), key
        # Another thread may replace the cache meanwhile.
        cache = self._cache
        new = [text for text in names if text not in cache]
        docs = [description_doc(self.vocab, names[text], text) for text in new]
        parts = [(i, 0, len(names[text].split())) for i, text in enumerate(new)]
        vectors = self._encode(docs, parts)
        cache.update(zip(new, vectors.astype("float16"), strict=True))
        found = [cache[text] for _, text in texts]
        return numpy.stack(found).astype("float32") if found else vectors

    def _encode(self, docs: List[Doc], parts: Sequence[Part], projections: Optional[Projections] = None) -> Floats2d:
        found = numpy.zeros((len(parts), self.encoder.get_dim("nO")), dtype="float32")
        for first in range(0, len(docs), _BATCH):
            states = read_texts(self.encoder, docs[first : first + _BATCH])
            for i, (doc, start, end) in enumerate(parts):
                if first <= doc < first + len(states):
                    found[i] = context_vector(states[doc - first], start, end, projections)
        return found


def description_doc(vocab: Vocab, name: str, text: str) -> Doc:
    """Return a description as a document in which the name has tokens of its own.

    vocab (Vocab): The vocabulary.
    name (str): The name.
    text (str): The description, which begins with the name. Whitespace is single spaces.
    RETURNS (Doc): The document.
    """
    first, rest = name.split(), text[len(name) :].split()
    spaces = [True] * (len(first) + len(rest))
    if first:
        spaces[len(first) - 1] = text[len(name) :].startswith(" ")
    return Doc(vocab, words=first + rest, spaces=spaces)


def context_vector(states: PassageStates, start: int, end: int, projections: Optional[Projections] = None) -> Floats1d:
    """Return the mean state of the text around a mention.

    states (PassageStates): The states of the text.
    start (int): First token of the mention.
    end (int): Its end. If it has no wordpieces, the text is all that there is.
    projections (Optional[Projections]): Has the weights of wordpieces by their distance; None if all count alike.
    RETURNS (Floats1d): The mean of 64 wordpieces at most on each side; that of the mention, if there is no other text.
        Shape: (width,).
    """
    pieces: Any = to_numpy(states.piece_states)
    distances = piece_distances(states, start, end)
    around = numpy.flatnonzero((distances > 0) & (distances <= _CONTEXT))
    if not len(around):
        return pieces[1:-1].mean(axis=0) if len(pieces) > 2 else numpy.zeros(pieces.shape[1])
    weights = None if projections is None else projections.piece_weights(distances[around])
    return numpy.average(pieces[around], axis=0, weights=weights)


def piece_distances(states: PassageStates, start: int, end: int) -> Ints1d:
    """Return how far the wordpieces of a text are from a mention, in wordpieces.

    states (PassageStates): The states of the text.
    start (int): First token of the mention.
    end (int): Its end.
    RETURNS (Ints1d): 1 for the next ones; 0 for the mention's, and for <s> and </s>. If the mention has no wordpieces,
        1 for all of the text. Shape: (n_pieces,), int64.
    """
    n = len(states.piece_states)
    rows = numpy.arange(n)
    found = numpy.zeros(n, dtype="int64")
    bounds = states.token_bounds[start:end]
    bounds = bounds[bounds[:, 1] > bounds[:, 0]]
    if not len(bounds):
        found[1:-1] = 1
        return found
    first, last = int(bounds[:, 0].min()), int(bounds[:, 1].max()) - 1
    found[1:-1] = numpy.maximum(0, numpy.maximum(first - rows, rows - last))[1:-1]
    return found


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
