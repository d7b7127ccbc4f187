"""Batches of items that wait at the same time."""

from __future__ import annotations

import threading
import time

import pytest

from spacy_mluke.serve.batching import Batcher, QueueFull


class Doubler:
    """Doubles numbers, and records the batches. It waits until it is opened."""

    def __init__(self):
        self.batches = []
        self.opened = threading.Event()
        self.entered = threading.Event()

    def run(self, key, numbers):
        self.batches.append((key, list(numbers)))
        self.entered.set()
        assert self.opened.wait(10)
        if None in numbers:
            raise ValueError("no number")
        return [2 * number for number in numbers]


@pytest.fixture
def doubler():
    return Doubler()


@pytest.fixture
def make(doubler):
    made = []

    def start(**options):
        settings = {"batch_size": 4, "max_wait": 0.0, "max_waiting": 100, **options}
        batcher = Batcher(lambda: doubler.run, **settings)
        made.append(batcher)
        batcher.start().result(10)
        return batcher

    yield start
    doubler.opened.set()
    for batcher in made:
        batcher.close()


def results(futures):
    return [future.result(10) for future in futures]


def test_items_that_arrive_during_a_batch_are_the_next_batch(make, doubler):
    batcher = make()
    first = batcher.submit("a", [1])
    doubler.entered.wait(10)
    rest = [*batcher.submit("a", [2]), *batcher.submit("a", [3, 4])]
    doubler.opened.set()
    assert results([*first, *rest]) == [2, 4, 6, 8]
    assert doubler.batches == [("a", [1]), ("a", [2, 3, 4])]


def test_a_batch_has_at_most_the_given_size(make, doubler):
    doubler.opened.set()
    assert results(make().submit("a", range(9))) == list(range(0, 18, 2))
    assert [len(numbers) for _, numbers in doubler.batches] == [4, 4, 1]


def test_only_items_with_equal_keys_are_together_and_the_oldest_is_next(make, doubler):
    batcher = make()
    futures = batcher.submit("a", [0])
    doubler.entered.wait(10)
    for key, number in [("b", 1), ("a", 2), ("b", 3)]:
        futures += batcher.submit(key, [number])
    doubler.opened.set()
    assert results(futures) == [0, 2, 4, 6]
    assert doubler.batches == [("a", [0]), ("b", [1, 3]), ("a", [2])]


def test_an_item_waits_for_others_but_a_full_batch_does_not_wait(make, doubler):
    doubler.opened.set()
    batcher = make(max_wait=60.0)
    started = time.monotonic()
    futures = [future for number in range(4) for future in batcher.submit("a", [number])]
    assert results(futures) == [0, 2, 4, 6]
    assert time.monotonic() - started < 30
    assert doubler.batches == [("a", [0, 1, 2, 3])]


def test_cancelled_items_are_dropped(make, doubler):
    batcher = make()
    first = batcher.submit("a", [1])
    doubler.entered.wait(10)
    second, third = batcher.submit("a", [2, 3])
    assert second.cancel()
    doubler.opened.set()
    assert results([*first, third]) == [2, 6]
    assert doubler.batches == [("a", [1]), ("a", [3])]


def test_only_the_item_that_fails_gets_the_error(make, doubler):
    doubler.opened.set()
    first, second, third = make(max_wait=0.05).submit("a", [1, None, 3])
    assert results([first, third]) == [2, 6]
    with pytest.raises(ValueError, match="no number"):
        second.result(10)


def test_a_request_that_does_not_fit_into_the_queue_is_refused_as_a_whole(make, doubler):
    batcher = make(max_waiting=2)
    batcher.submit("a", [1])
    doubler.entered.wait(10)
    batcher.submit("a", [2])
    with pytest.raises(QueueFull):
        batcher.submit("a", [3, 4])
    assert batcher.n_waiting == 1
    batcher.submit("a", [5])


def test_closing_finishes_what_waits_and_accepts_nothing_more(make, doubler):
    batcher = make(max_wait=60.0)
    futures = batcher.submit("a", [1, 2])
    doubler.opened.set()
    batcher.close()
    assert results(futures) == [2, 4]
    with pytest.raises(QueueFull):
        batcher.submit("a", [3])


def test_an_error_while_starting_is_reported(doubler):
    def fail():
        raise ValueError("no pipeline")

    batcher = Batcher(fail, batch_size=1, max_wait=0.0, max_waiting=1)
    with pytest.raises(ValueError, match="no pipeline"):
        batcher.start().result(10)
    batcher.close()
