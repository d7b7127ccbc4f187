"""The cost of an example: how many wordpieces and entities it brings to the encoder."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

from spacy.tokens import Doc
from spacy.training import Example
from thinc.util import to_numpy

from ..checkpoint.base import find_wordpieces
from ..tokenization.interface import Wordpieces
from ..tokenization.load import load_wordpieces

COUNTS = ("docs", "entities", "pairs", "ngrams", "questions")
_MAX_NGRAM = 16
_MAX_CACHED = 1 << 20


class PieceCounter:
    """Counts the wordpieces of documents, token by token; each different token is tokenized once.

    name (str): The checkpoint whose vocabulary is used. It is opened at first use.
    """

    def __init__(self, name: str):
        self.name = name
        self._wordpieces: Optional[Wordpieces] = None
        self._known: Dict[int, int] = {}

    def __call__(self, docs: Sequence[Doc]) -> List[int]:
        """Return the number of wordpieces of each document.

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
        """Return the number of wordpieces of each text, tokenized by itself.

        texts (Sequence[str]): The texts.
        RETURNS (List[int]): Wordpieces of each.
        """
        if not texts:
            return []
        if self._wordpieces is None:
            self._wordpieces = load_wordpieces(find_wordpieces(self.name))
        return self._wordpieces.encode_ragged(texts).lengths.tolist()


class Measure:
    """Counts the wordpieces and entities of the sequences that a component makes of an example.

    count (str): Which sequences it makes: one of COUNTS.
    name (str): The checkpoint whose wordpieces are counted.
    window (int): Maximum number of wordpieces in a sequence.
    overlap (int): Wordpieces that neighbouring windows share.
    max_entities (int): Maximum number of entities in a sequence. 0 for no limit.
    proposes (Optional[Callable]): The component's suggester or pair generator.
    """

    def __init__(
        self,
        count: str,
        *,
        name: str,
        window: int,
        overlap: int = 128,
        max_entities: int = 128,
        proposes: Optional[Callable[..., Any]] = None,
    ):
        self.count = count
        self.window = window
        self.overlap = overlap
        self.max_entities = max_entities
        self.pieces = PieceCounter(name)
        self._proposes = proposes

    def __call__(self, items: Sequence[Any]) -> List[int]:
        """Return the cost of each item.

        items (Sequence[Any]): Examples or documents.
        RETURNS (List[int]): Wordpieces and entities of each, at least 1.
        """
        docs = [item.predicted if isinstance(item, Example) else item for item in items]
        lengths = self.pieces(docs)
        if self.count == "questions":
            return [max(1, self._question_cost(item, length)) for item, length in zip(items, lengths, strict=True)]
        sources = [self._annotated(item) for item in items]
        return [
            max(1, self._cost(length, n)) for length, n in zip(lengths, self._count_proposals(sources), strict=True)
        ]

    def _annotated(self, item: Any) -> Doc:
        """The document with the entities that the component will read: the predicted document, if a reader or an
        annotating component has set them; until then, the reference."""
        if not isinstance(item, Example):
            return item
        return item.predicted if item.predicted.ents else item.reference

    def _count_proposals(self, docs: List[Doc]) -> List[int]:
        if self._proposes is not None and docs:
            found = self._proposes(docs)
            return [len(rows) for rows in found] if isinstance(found, list) else to_numpy(found.lengths).tolist()
        if self.count == "ngrams":
            return [sum(max(0, len(doc) - size + 1) for size in range(1, _MAX_NGRAM + 1)) for doc in docs]
        numbers = [len(doc.ents) for doc in docs]
        return [n * (n - 1) for n in numbers] if self.count == "pairs" else numbers

    def _cost(self, length: int, n: int) -> int:
        if self.count == "entities":
            return n * (min(length + 4, self.window) + 1)
        if self.count == "pairs":
            return n * (min(length + 6, self.window) + 2)
        # Entities beyond the maximum of a sequence go to further sequences over the same words.
        n_sequences = max(1, -(-n // self.max_entities)) if self.max_entities else 1
        return self._window_cost(length, 2) * n_sequences + n

    def _window_cost(self, length: int, n_around: int) -> int:
        """Wordpieces of all windows over a text, with `n_around` further pieces in each."""
        room = self.window - n_around
        if length <= room:
            return length + n_around
        step = max(1, room - min(self.overlap, room // 2))
        return (1 + -(-(length - room) // step)) * self.window

    def _question_cost(self, item: Any, length: int) -> int:
        texts = _questions(item.predicted if isinstance(item, Example) else item)
        if not texts and isinstance(item, Example):
            texts = _questions(item.reference)
        # <s> question </s></s> context </s>
        return sum(self._window_cost(length, n + 4) for n in self.pieces.count_texts(texts))


def _questions(doc: Doc) -> List[str]:
    """The questions on a document."""
    if not doc.has_extension("mluke_questions"):
        return []
    return [question if isinstance(question, str) else str(question.text) for question in doc._.mluke_questions or ()]
