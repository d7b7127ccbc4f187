"""Batches of bounded cost: the wordpieces and entities of all sequences that a component encodes."""

import random
import warnings
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

from spacy.util import minibatch

from ..errors import Warnings, check_at_least, check_choice, check_text
from .batch_costs import COUNTS, Measure

Item = Any  # an Example, or a Doc
Batcher = Callable[[Iterable[Item]], Iterator[List[Item]]]


def build_batch_by_pieces_v1(
    max_rows: int = 4096,
    size: Optional[int] = None,
    count: str = "docs",
    name: str = "mluke-small",
    window: int = 512,
    buffer: int = 256,
    discard_oversize: bool = False,
    proposes: Optional[Callable[..., Any]] = None,
    overlap: int = 128,
    max_entities: int = 128,
) -> Batcher:
    """Batch examples so that each batch fits into memory. Registered as `spacy-mluke.batch_by_pieces.v1`.

    The cost of an example is its number of rows in the encoder: wordpieces, markers and entities of all its sequences.
    Wordpieces are counted token by token, each different token once: usually slightly more than the text has.

    max_rows (int): Maximum number of rows per batch. Memory grows with it; a larger example is a batch alone.
    size (Optional[int]): Maximum number of examples per batch.
    count (str): Which sequences are encoded. "docs": one for the document, with its entities; "entities": one for each
        entity; "pairs": one for each pair of entities; "ngrams": one for the document, with candidate spans;
        "questions": one for each question.
    name (str): The checkpoint whose wordpieces are counted, as in `spacy-mluke.Encoder.v1`. Read at first use.
    window (int): Maximum number of wordpieces per sequence, as in `spacy-mluke.Encoder.v1`.
    buffer (int): Number of examples that are read ahead and grouped by similar cost. Their batches are in random
        order. 0 keeps the order of the corpus.
    discard_oversize (bool): Whether to discard examples that cost more than `max_rows`; a warning counts them.
    proposes (Optional[Callable]): The component's suggester (for "entities" and "ngrams") or pair generator (for
        "pairs"), with the same options. By default, all entities, all ordered pairs, all spans of 1 to 16 tokens.
    overlap (int): Wordpieces that neighbouring windows share, as in `spacy-mluke.Encoder.v1`.
    max_entities (int): Maximum number of entities in a sequence, as in `spacy-mluke.Encoder.v1`. 0 for no limit.
    RETURNS (Batcher): Examples -> lists of examples.
    RAISES (ValueError): ML070 for an unknown count, ML071 for numbers that are too small.
    """
    check_choice("count", count, COUNTS)
    for option, value, least in (("max_rows", max_rows, 1), ("size", size, 1), ("buffer", buffer, 0)):
        check_at_least(option, value, least, optional=option == "size")
    check_text("name", name)
    for option, value, least in (("window", window, 8), ("overlap", overlap, 0), ("max_entities", max_entities, 0)):
        check_at_least(option, value, least)
    measure = Measure(count, name=name, window=window, overlap=overlap, max_entities=max_entities, proposes=proposes)
    return PieceBatcher(measure, max_rows=max_rows, size=size, buffer=buffer, discard_oversize=discard_oversize)


class PieceBatcher:
    """Splits a stream of examples into batches of bounded cost.

    measure (Callable): Examples -> the cost of each.
    Other arguments as for `build_batch_by_pieces_v1`.
    """

    def __init__(
        self,
        measure: Callable[[Sequence[Item]], List[int]],
        *,
        max_rows: int,
        size: Optional[int],
        buffer: int,
        discard_oversize: bool,
    ):
        self.measure = measure
        self.max_rows = max_rows
        self.size = size
        self.buffer = buffer
        self.discard_oversize = discard_oversize
        self._has_warned = False

    def __call__(self, items: Iterable[Item]) -> Iterator[List[Item]]:
        """Split a stream into batches.

        items (Iterable[Item]): Examples.
        YIELDS (List[Item]): Batches; each example is in one of them, unless it is discarded.
        """
        n_items = n_large = 0
        waiting: List[Tuple[int, Item]] = []
        for ahead in minibatch(items, max(1, self.buffer)):
            costs = self.measure(ahead)
            large = [(cost, item) for cost, item in zip(costs, ahead, strict=True) if cost > self.max_rows]
            fitting = [(cost, item) for cost, item in zip(costs, ahead, strict=True) if cost <= self.max_rows]
            n_items += len(ahead)
            n_large += len(large)
            batches = self._fill(waiting + fitting)
            # The last batch is not full yet: the next examples may go into it.
            waiting = batches.pop() if batches else []
            if not self.discard_oversize and large:
                if not self.buffer and waiting:
                    # Keep the order of the corpus.
                    batches.append(waiting)
                    waiting = []
                batches.extend([single] for single in large)
            if self.buffer:
                random.shuffle(batches)
            for batch in batches:
                yield [item for _, item in batch]
        if waiting:
            yield [item for _, item in waiting]
        self._warn(n_large, n_items)

    def _fill(self, measured: List[Tuple[int, Item]]) -> List[List[Tuple[int, Item]]]:
        if self.buffer:
            measured = sorted(measured, key=_cost)
        batches: List[List[Tuple[int, Item]]] = []
        rows = 0
        for cost, item in measured:
            if not batches or rows + cost > self.max_rows or len(batches[-1]) == self.size:
                batches.append([])
                rows = 0
            batches[-1].append((cost, item))
            rows += cost
        return batches

    def _warn(self, n_large: int, n_items: int) -> None:
        """Warn once, because the numbers are the same in every epoch."""
        if n_large and not self._has_warned:
            self._has_warned = True
            message = Warnings.ML191 if self.discard_oversize else Warnings.ML190
            warnings.warn(message.format(n=n_large, total=n_items, limit=self.max_rows), stacklevel=2)


def _cost(measured: Tuple[int, Item]) -> int:
    return measured[0]
