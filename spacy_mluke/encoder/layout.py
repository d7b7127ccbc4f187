"""The order of a batch's rows inside the encoder, such that attention needs no padding and no copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import LongTensor, Tensor

Shape = Tuple[int, int]  # pieces and entities of a pass


class Block(NamedTuple):
    """`count` passes of one shape, side by side: `n_queries` rows of each look at `n_keys` rows of the same pass."""

    count: int
    n_queries: int
    n_keys: int


@dataclass(frozen=True)
class Layout:
    """Where each row stands. Passes of one shape are neighbours, so that one call of attention serves them all.

    In a mixed layout, rows are [pieces; entities] of a pass, then of the next. In a split one, all pieces come first,
    then all entities, both pass by pass: pieces and entities are then attended to, or projected, separately.

    Spare rows fill up to sizes that recur (see `kernels.round_rows`). Nothing ever looks at them.
    """

    order: LongTensor  # (n_rows,): row of [all pieces; all entities], as given, that stands here. Spare rows: 0
    places: LongTensor  # (n_pieces + n_entities,): where each row as given stands
    is_given_order: bool  # both are 0, 1, 2...
    shapes: List[Tuple[int, Shape]]  # how many passes of which shape, in the order of rows
    n_piece_rows: int  # in a split layout, spare ones included; in a mixed layout, all

    @property
    def n_rows(self) -> int:
        return len(self.order)

    def arrange(self, rows: Tensor) -> Tensor:
        """Bring rows into this order.

        rows (Tensor): As given, all pieces and then all entities. Shape: (n_pieces + n_entities, width).
        RETURNS (Tensor): Shape: (n_rows, width).
        """
        return rows if self.is_given_order else rows.index_select(0, self.order)

    def restore(self, rows: Tensor) -> Tensor:
        """Undo `arrange`.

        rows (Tensor): Shape: (n_rows, width).
        RETURNS (Tensor): Shape: (n_pieces + n_entities, width).
        """
        return rows if self.is_given_order else rows.index_select(0, self.places)

    # Who looks at whom, one block for each run of passes of one shape.

    def all_to_all(self) -> List[Block]:
        return _merge(Block(n, w + e, w + e) for n, (w, e) in self.shapes)

    def pieces_to_pieces(self) -> List[Block]:
        return _merge(Block(n, w, w) for n, (w, e) in self.shapes)

    def pieces_to_entities(self) -> List[Block]:
        return _merge(Block(n, w, e) for n, (w, e) in self.shapes)

    def entities_to_pieces(self) -> List[Block]:
        return _merge(Block(n, e, w) for n, (w, e) in self.shapes)

    def entities_to_entities(self) -> List[Block]:
        return _merge(Block(n, e, e) for n, (w, e) in self.shapes)
