"""The mapped entity table: frozen rows, trainable special rows, one name in the state dict."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from spacy_mluke.network.mapped_table import MappedEntityTable

SPECIAL = [0, 2, 1, 9]


@pytest.fixture
def rows() -> torch.Tensor:
    return torch.arange(30.0).view(10, 3)


@pytest.fixture
def table(rows) -> MappedEntityTable:
    return MappedEntityTable(rows, SPECIAL)


@pytest.mark.parametrize("ids", [[3, 4, 0, 9, 3], [[1, 2], [5, 9]], []], ids=["flat", "nested", "none"])
def test_mapped_table_equals_an_embedding(table, rows, ids):
    index = torch.tensor(ids, dtype=torch.int64)
    assert torch.equal(table(index), nn.functional.embedding(index, rows))


def test_only_special_rows_train(table, rows):
    table(torch.tensor([3, 0, 9, 0])).sum().backward()
    assert [name for name, _ in table.named_parameters()] == ["special"]
    # Rows 0, 1, 2, 9: [MASK] is row 0 in lite vocabularies, and twice in this batch.
    assert table.special.grad[:, 0].tolist() == [2, 0, 0, 1]


def test_trained_rows_are_returned_and_the_file_does_not_change(table, rows):
    before = rows.clone()
    with torch.no_grad():
        table.special += 100
    assert table(torch.tensor([9, 3]))[:, 0].tolist() == [127, 9]
    assert torch.equal(rows, before)


def test_state_dict_has_all_rows_under_one_name(table, rows):
    with torch.no_grad():
        table.special += 100
    state = table.state_dict()
    assert list(state) == ["weight"]
    expected = rows.clone()
    expected[SPECIAL] += 100
    assert torch.equal(state["weight"], expected)


def test_state_dict_can_be_loaded(table, rows):
    other = MappedEntityTable(torch.zeros(10, 3), SPECIAL)
    other.load_state_dict(table.state_dict())
    assert torch.equal(other(torch.arange(10)), rows)
    plain = nn.Embedding(10, 3)
    plain.load_state_dict(table.state_dict())
    assert torch.equal(plain.weight, rows)


@pytest.mark.parametrize(
    "state", [{}, {"weight": torch.zeros(9, 3)}, {"weight": torch.zeros(10, 3), "x": torch.ones(1)}]
)
def test_a_state_dict_that_does_not_fit_is_an_error(table, state):
    with pytest.raises(RuntimeError):
        table.load_state_dict(state)


def test_frozen_rows_keep_their_type_if_the_network_is_converted(table):
    half = copy.deepcopy(table).to(torch.bfloat16)
    assert half(torch.tensor([0, 5])).dtype == torch.bfloat16
    assert half.rows.dtype == torch.float32
    assert {part.dtype for part in half.parts()} == {torch.bfloat16}
    assert {part.dtype for part in half.parts(torch.float32)} == {torch.float32}


def test_copies_share_frozen_rows_but_not_special_ones(table):
    other = copy.deepcopy(table)
    assert other.rows is table.rows
    with torch.no_grad():
        other.special += 1
    assert not torch.equal(other.special, table.special)


def test_a_special_id_beyond_the_table_is_a_coded_error(rows):
    with pytest.raises(ValueError, match="ML049"):
        MappedEntityTable(rows, [0, 10])
