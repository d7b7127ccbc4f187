"""Batches by what they cost the encoder: wordpieces and entities of all passes that a component makes."""

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
) -> Batcher:
    """Batch examples so that none outgrows memory. Registered as `spacy-mluke.batch_by_pieces.v1`.

    What an example costs is the rows that it brings to the encoder: wordpieces, markers and entities of all passes
    that are made of it. They are counted token by token, each different token once: as a rule a little more than the
    text has.

    max_rows (int): Rows of a batch at most. Memory grows with them; an example with more is a batch by itself.
    size (Optional[int]): Examples of a batch at most.
    count (str): Which passes are made. "docs": one over the document, with its entities; "entities": one for each
        entity; "pairs": one for each pair of entities; "ngrams": one over the document, with candidates; "questions":
        one for each question.
    name (str): The checkpoint whose wordpieces are counted, as in `spacy-mluke.Encoder.v1`. Read at first use.
    window (int): Wordpieces of a pass at most, as in `spacy-mluke.Encoder.v1`.
    buffer (int): Examples that are read ahead, to put those of like cost together. The batches made of them come in
        random order. 0 keeps the order of the corpus.
    discard_oversize (bool): Whether to leave out an example that costs more than `max_rows`; a warning counts them.
    proposes (Optional[Callable]): What the component proposes, for "entities" and "ngrams" a suggester, for "pairs" a
        pair generator, with the options that it has there. By default, all entities, all ordered pairs, all candidates
        of 1 to 16 tokens.
    RETURNS (Batcher): Examples -> lists of examples.
    RAISES (ValueError): ML070 for an unknown count, ML071 for numbers that are too small.
    """
    check_choice("count", count, COUNTS)
    for option, value, least in (("max_rows", max_rows, 1), ("size", size, 1), ("buffer", buffer, 0)):
        check_at_least(option, value, least, optional=option == "size")
    check_text("name", name)
    check_at_least("window", window, 8)
    measure = Measure(count, name=name, window=window, proposes=proposes)
    return PieceBatcher(measure, max_rows=max_rows, size=size, buffer=buffer, discard_oversize=discard_oversize)


class PieceBatcher:
    """Cuts a stream of examples into batches of bounded cost.

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
        """Cut a stream into batches.

        items (Iterable[Item]): Examples.
        YIELDS (List[Item]): Batches; over all of them each example once, but those that are discarded.
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
            # The last is not full: it takes more from what comes next.
            waiting = batches.pop() if batches else []
            if not self.discard_oversize and large:
                if not self.buffer and waiting:
                    # It must not overtake those before it.
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
        """Once: every epoch would say the same."""
        if n_large and not self._has_warned:
            self._has_warned = True
            message = Warnings.ML191 if self.discard_oversize else Warnings.ML190
            warnings.warn(message.format(n=n_large, total=n_items, limit=self.max_rows), stacklevel=2)


def _cost(measured: Tuple[int, Item]) -> int:
    return measured[0]
