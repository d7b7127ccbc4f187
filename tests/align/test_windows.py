"""Windows of long documents: ranges are not split, and no window is superfluous."""

from __future__ import annotations

import time

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.align.sequences import distribute_entities
from spacy_mluke.align.windows import add_windows, check_windows, most_context, window_starts


@st.composite
def documents(draw):
    """Pieces, room, overlap, and ranges no longer than a window."""
    n_pieces = draw(st.integers(1, 120))
    room = draw(st.integers(1, 40))
    overlap = draw(st.integers(0, 30))
    bounds = []
    for start in draw(st.lists(st.integers(0, n_pieces - 1), max_size=12)):
        length = draw(st.integers(1, min(room, n_pieces - start)))
        bounds.append((start, start + length))
    return n_pieces, room, overlap, numpy.array(bounds, dtype="int64").reshape((-1, 2))


def context(start, bounds, n_pieces, room):
    """The context of a range in a window, or -1 if the window does not contain it."""
    first, end = bounds
    last = min(start + room, n_pieces)
    if first < start or end > last:
        return -1
    left = n_pieces + 1 if start == 0 else first - start
    right = n_pieces + 1 if last == n_pieces else last - end
    return min(left, right)


@given(documents())
@settings(max_examples=200, deadline=None)
def test_windows_cover_the_document_with_the_given_overlap(document):
    n_pieces, room, overlap, _ = document
    starts = window_starts(n_pieces, room, overlap)
    ends = numpy.minimum(starts + room, n_pieces)
    assert starts[0] == 0 and ends[-1] == n_pieces
    assert (ends[:-1] - starts[1:] >= min(overlap, room // 2)).all()
    assert (ends - starts == min(room, n_pieces)).all()


@given(documents())
@settings(max_examples=200, deadline=None)
def test_windows_are_evenly_distributed(document):
    n_pieces, room, overlap, _ = document
    steps = numpy.diff(window_starts(n_pieces, room, overlap))
    assert not len(steps) or steps.max() - steps.min() <= 1


@given(documents())
@settings(max_examples=200, deadline=None)
def test_every_range_is_inside_a_window(document):
    n_pieces, room, overlap, bounds = document
    starts = add_windows(window_starts(n_pieces, room, overlap), bounds, n_pieces, room)
    assert (numpy.diff(starts) > 0).all()
    for row in bounds.tolist():
        assert max(context(start, row, n_pieces, room) for start in starts.tolist()) >= 0


@given(documents())
@settings(max_examples=300, deadline=None)
def test_every_range_gets_the_window_with_the_most_context(document):
    n_pieces, room, overlap, bounds = document
    starts = add_windows(window_starts(n_pieces, room, overlap), bounds, n_pieces, room)
    found = most_context(starts, bounds, n_pieces, room)
    for row, window in zip(bounds.tolist(), found.tolist(), strict=True):
        scores = [context(start, row, n_pieces, room) for start in starts.tolist()]
        assert window == scores.index(max(scores))


def test_neighbouring_ranges_outside_windows_share_an_added_window():
    starts = window_starts(100, 20, 0)
    bounds = numpy.array([[15, 25], [17, 24], [18, 28], [75, 90]])
    assert len(add_windows(starts, bounds, 100, 20)) == len(starts) + 2


def test_overlap_is_limited_to_half_a_window():
    assert window_starts(200, 20, 500).tolist() == window_starts(200, 20, 10).tolist()


@given(st.lists(st.integers(0, 5), max_size=30), st.none() | st.integers(1, 7), st.integers(0, 1))
@settings(max_examples=100, deadline=None)
def test_entities_are_distributed_evenly_over_as_few_sequences_as_possible(windows, most, least):
    n_sequences, order, sequences = distribute_entities(numpy.array(windows, dtype="int64"), 6, most, least)
    firsts = numpy.concatenate([[0], numpy.cumsum(n_sequences)])
    assert sorted(order.tolist()) == list(range(len(windows)))
    assert sequences.tolist() == sorted(sequences.tolist())
    for window in range(6):
        members = [i for i, w in enumerate(windows) if w == window]
        own = [(p, i) for p, i in zip(sequences.tolist(), order.tolist(), strict=True) if i in members]
        assert [i for _, i in own] == members
        assert n_sequences[window] == max(least, -(-len(members) // (most or max(len(members), 1))))
        share = -(-len(members) // max(n_sequences[window], 1))
        for number, (p, _) in enumerate(own):
            assert p == firsts[window] + number // share


def test_windows_of_a_book_are_planned_in_two_seconds():
    n_pieces, room = 400_000, 510
    first = numpy.sort(numpy.random.default_rng(0).integers(0, n_pieces - 200, 20_000))
    bounds = numpy.stack([first, first + numpy.arange(20_000) % 180 + 1], axis=1)
    begun = time.perf_counter()
    starts = add_windows(window_starts(n_pieces, room, 128), bounds, n_pieces, room)
    most_context(starts, bounds, n_pieces, room)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize("window, overlap", [(2, 0), (512, -1)])
def test_windows_that_are_too_small_are_an_error(window, overlap):
    with pytest.raises(ValueError, match="ML003"):
        check_windows(window, overlap, least=3)
