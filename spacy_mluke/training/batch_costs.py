"""How many rows an example brings to the encoder."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

from spacy.tokens import Doc
from spacy.training import Example
from thinc.util import to_numpy

from ..checkpoint.hub import resolve
from ..tokenization.load import load_wordpieces
from ..tokenization.wordpieces import Wordpieces

COUNTS = ("docs", "entities", "pairs", "ngrams", "questions")
# Of the encoder's defaults: entities of a pass, wordpieces that neighbouring windows share.
_MAX_ENTITIES, _OVERLAP = 128, 128
_MAX_NGRAM = 16
_MAX_CACHED = 1 << 20


class PieceCounter:
    """Counts the wordpieces of documents, token by token; each different token is looked up once.

    name (str): The checkpoint whose vocabulary counts. It is opened at first use.
    """

    def __init__(self, name: str):
        self.name = name
        self._wordpieces: Optional[Wordpieces] = None
        self._known: Dict[int, int] = {}

    def __call__(self, docs: Sequence[Doc]) -> List[int]:
        """Count.

        docs (Sequence[Doc]): The documents.
        RETURNS (List[int]): Wordpieces of each, without special ones.
        """
        orths = [doc.to_array("ORTH").tolist() for doc in docs]
        if len(self._known) > _MAX_CACHED:
            self._known.clear()
        strings = {
            orth: doc.vocab.strings[orth]
            for doc, found in zip(docs, orths, strict=True)
            for orth in found
            if orth not in self._known
        }
        self._known.update(zip(strings, self.count_texts(list(strings.values())), strict=True))
        return [sum(map(self._known.__getitem__, found)) for found in orths]

    def count_texts(self, texts: Sequence[str]) -> List[int]:
        """Count the wordpieces of texts, each by itself.

        texts (Sequence[str]): The texts.
        RETURNS (List[int]): Wordpieces of each.
        """
        if not texts:
            return []
        if self._wordpieces is None:
            self._wordpieces = load_wordpieces(resolve(self.name))
        return self._wordpieces.encode_ragged(texts).lengths.tolist()


class Measure:
    """Rows of the passes that a component makes of an example.

    count (str): One of COUNTS.
    name (str): The checkpoint whose wordpieces are counted.
    window (int): Wordpieces of a pass at most.
    proposes (Optional[Callable]): What the component proposes: a suggester, or a pair generator.
    """

    def __init__(self, count: str, *, name: str, window: int, proposes: Optional[Callable[..., Any]] = None):
        self.count = count
        self.window = window
        self.pieces = PieceCounter(name)
        self._proposes = proposes

    def __call__(self, items: Sequence[Any]) -> List[int]:
        """Measure.

        items (Sequence[Any]): Examples or documents.
        RETURNS (List[int]): Rows of each, 1 at least.
        """
        docs = [item.predicted if isinstance(item, Example) else item for item in items]
        lengths = self.pieces(docs)
        if self.count == "questions":
            return [max(1, self._of_questions(item, length)) for item, length in zip(items, lengths, strict=True)]
        sources = [self._annotated(item) for item in items]
        return [max(1, self._rows(length, n)) for length, n in zip(lengths, self._proposals(sources), strict=True)]

    def _annotated(self, item: Any) -> Doc:
        """The document with the entities that the component will see: the predicted one's, which a reader or an
        annotating component sets; until the latter has run, the gold ones stand for them."""
        if not isinstance(item, Example):
            return item
        return item.predicted if item.predicted.ents else item.reference

    def _proposals(self, docs: List[Doc]) -> List[int]:
        if self._proposes is not None and docs:
            found = self._proposes(docs)
            return [len(rows) for rows in found] if isinstance(found, list) else to_numpy(found.lengths).tolist()
        if self.count == "ngrams":
            return [sum(max(0, len(doc) - size + 1) for size in range(1, _MAX_NGRAM + 1)) for doc in docs]
        numbers = [len(doc.ents) for doc in docs]
        return [n * (n - 1) for n in numbers] if self.count == "pairs" else numbers

    def _rows(self, length: int, n: int) -> int:
        if self.count == "entities":
            return n * (min(length + 4, self.window) + 1)
        if self.count == "pairs":
            return n * (min(length + 6, self.window) + 2)
        # Candidates beyond what a pass takes go to further passes over the same words.
        return self._read(length, 2) * max(1, -(-n // _MAX_ENTITIES)) + n

    def _read(self, length: int, n_around: int) -> int:
        """Rows of the windows over a text with so many further pieces in each."""
        room = self.window - n_around
        if length <= room:
            return length + n_around
        step = max(1, room - min(_OVERLAP, room // 2))
        return (1 + -(-(length - room) // step)) * self.window

    def _of_questions(self, item: Any, length: int) -> int:
        texts = _questions(item.predicted if isinstance(item, Example) else item)
        if not texts and isinstance(item, Example):
            texts = _questions(item.reference)
        # <s> question </s></s> context </s>
        return sum(self._read(length, n + 4) for n in self.pieces.count_texts(texts))


def _questions(doc: Doc) -> List[str]:
    """The questions on a document."""
    if not doc.has_extension("mluke_questions"):
        return []
    return [question if isinstance(question, str) else str(question.text) for question in doc._.mluke_questions or ()]
