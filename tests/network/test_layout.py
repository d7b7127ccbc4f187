"""The order of rows: nothing is lost, and sequences of one shape are neighbours."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spacy_mluke.network.kernels import round_rows
from spacy_mluke.network.layout import Block, make_layout

CPU = torch.device("cpu")


def shapes_of_sequences():
    return st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=8)


@given(shapes=shapes_of_sequences(), mixed=st.booleans(), rounding=st.sampled_from([int, round_rows]))
def test_rows_are_restored_to_their_order(shapes, mixed, rounding):
    layout = make_layout(*zip(*shapes, strict=True), mixed=mixed, device=CPU, round_rows=rounding)
    rows = torch.arange(sum(map(sum, shapes))).unsqueeze(1)
    arranged = layout.arrange(rows)
    assert len(arranged) == layout.n_rows
    assert torch.equal(layout.restore(arranged), rows)


@given(shapes=shapes_of_sequences(), mixed=st.booleans(), rounding=st.sampled_from([int, round_rows]))
def test_rows_of_a_sequence_are_neighbours(shapes, mixed, rounding):
    layout = make_layout(*zip(*shapes, strict=True), mixed=mixed, device=CPU, round_rows=rounding)
    pieces = torch.tensor([i for i, (w, _) in enumerate(shapes) for _ in range(w)])
    entities = torch.tensor([i for i, (_, e) in enumerate(shapes) for _ in range(e)], dtype=torch.int64)
    sequences = layout.arrange(torch.cat([pieces, entities]))
    if mixed:
        blocks, given_rows = layout.all_to_all(), [sequences[: sum(map(sum, shapes))]]
    else:
        blocks = layout.pieces_to_entities()
        given_rows = [sequences[: len(pieces)], sequences[layout.n_piece_rows :][: len(entities)]]
    kinds = (
        [b.n_queries for b in blocks for _ in range(b.n_sequences)],
        [b.n_keys for b in blocks for _ in range(b.n_sequences)],
    )
    order = []
    for rows, lengths in zip(given_rows, kinds[: len(given_rows)], strict=True):
        seen = [part.unique().tolist() for part in rows.split(lengths)]
        assert all(len(part) <= 1 for part in seen)
        order.append([part for part in seen if part])
    assert sorted(i for (i,) in order[0]) == list(range(len(shapes)))


def test_sequences_of_one_shape_form_one_block():
    layout = make_layout([5, 7, 5, 6], [2, 0, 2, 1], mixed=False, device=CPU, round_rows=int)
    assert layout.pieces_to_entities() == [Block(2, 5, 2), Block(1, 6, 1), Block(1, 7, 0)]


def test_mixed_sequences_of_one_length_form_one_block():
    layout = make_layout([5, 7, 5, 6], [2, 0, 2, 1], mixed=True, device=CPU, round_rows=int)
    assert layout.all_to_all() == [Block(4, 7, 7)]


@pytest.mark.parametrize("mixed", [True, False])
def test_a_single_sequence_keeps_its_order_without_a_copy(mixed):
    layout = make_layout([5], [2], mixed=mixed, device=CPU, round_rows=int)
    rows = torch.zeros(7, 3)
    assert layout.arrange(rows) is rows
    assert layout.restore(rows) is rows
