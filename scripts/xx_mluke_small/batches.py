"""Group examples of similar cost into batches."""

from __future__ import annotations

import random
from itertools import islice
from typing import Callable, Iterator, List, TypeVar

Item = TypeVar("Item")


def batch_by_cost(
    items: Iterator[Item], cost: Callable[[Item], float], *, limit: float, buffer: int, rng: random.Random
) -> Iterator[List[Item]]:
    """Read some items at a time, sort them by cost, cut them into batches, and yield the batches in random order.

    items (Iterator[Item]): Items without end.
    cost (Callable[[Item], float]): Cost of an item, such as its number of wordpieces.
    limit (float): Maximum cost of a batch. An item that costs more is a batch.
    buffer (int): Number of items to read at a time.
    rng (random.Random): Random numbers.
    YIELDS (List[Item]): The batches.
    """
    while True:
        batches: List[List[Item]] = []
        total = 0.0
        for item in sorted(islice(items, buffer), key=cost):
            size = cost(item)
            if not batches or total + size > limit:
                batches.append([])
                total = 0.0
            batches[-1].append(item)
            total += size
        rng.shuffle(batches)
        yield from batches
