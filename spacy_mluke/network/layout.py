"""The order of a batch's rows inside the encoder, such that attention needs no padding and no copies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from typing import Callable, Iterable, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor


class Block(NamedTuple):
    """Sequences of one shape, side by side: `n_queries` rows of each look at `n_keys` rows of the same pass."""

    n_sequences: int
    n_queries: int
    n_keys: int


@dataclass(frozen=True)
class Layout:
    """Where each row stands. Sequences of one shape are neighbours, so that one call of attention serves them all.

    In a mixed layout, rows are [pieces; entities] of a pass, then those of the next. In a split one all pieces come
    first, then all entities, both pass by pass: they can be projected, and looked at, apart.

    Spare rows fill up to sizes that recur (`kernels.round_rows`). They are computed with the others; no row looks at
    them, and nobody reads them.
    """

    order: Tensor  # (n_rows,) int64: row of [all pieces; all entities], as given, that stands here; spare rows have 0
    places: Tensor  # (n_pieces + n_entities,) int64: where each row as given stands
    is_given_order: bool  # both are 0, 1, 2...
    shapes: List[Tuple[int, int]]  # pieces and entities of each pass, in the order of rows
    n_piece_rows: int  # where entities begin; in a mixed layout, the end
    passes: List[int]  # number, as given, of each pass in the order of rows

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
        """Bring rows back into the order given, without the spare ones.

        rows (Tensor): Shape: (n_rows, width).
        RETURNS (Tensor): Shape: (n_pieces + n_entities, width).
        """
        return rows if self.is_given_order else rows.index_select(0, self.places)

    # Who looks at whom: a block for each run of passes of one shape.

    def all_to_all(self) -> List[Block]:
        return _blocks((w + e, w + e) for w, e in self.shapes)

    def pieces_to_pieces(self) -> List[Block]:
        return _blocks((w, w) for w, e in self.shapes)

    def pieces_to_entities(self) -> List[Block]:
        return _blocks((w, e) for w, e in self.shapes)

    def entities_to_pieces(self) -> List[Block]:
        return _blocks((e, w) for w, e in self.shapes)

    def entities_to_entities(self) -> List[Block]:
        return _blocks((e, e) for w, e in self.shapes)


def _blocks(sizes: Iterable[Tuple[int, int]]) -> List[Block]:
    return [Block(sum(1 for _ in same), *size) for size, same in groupby(sizes)]


def make_layout(
    piece_lengths: Sequence[int],
    entity_lengths: Sequence[int],
    *,
    mixed: bool,
    device: torch.device,
    round_rows: Callable[[int], int],
) -> Layout:
    """Decide where rows stand.

    piece_lengths (Sequence[int]): Pieces of each pass.
    entity_lengths (Sequence[int]): Entities of each pass.
    mixed (bool): Whether a pass's pieces and entities stand together.
    device (torch.device): Where the indices are wanted.
    round_rows (Callable[[int], int]): How many rows to take for so many: just as many, or some spare ones more.
    RETURNS (Layout): The layout.
    """
    shapes = list(zip(piece_lengths, entity_lengths, strict=True))
    piece_starts = [0, *accumulate(piece_lengths)]
    n_pieces = piece_starts[-1]
    entity_starts = [n_pieces + start for start in (0, *accumulate(entity_lengths))]
    n_given = entity_starts[-1]
    passes = sorted(range(len(shapes)), key=lambda i: (sum(shapes[i]) if mixed else 0, shapes[i]))
    pieces = [range(piece_starts[i], piece_starts[i + 1]) for i in passes]
    entities = [range(entity_starts[i], entity_starts[i + 1]) for i in passes]

    if mixed or n_pieces == n_given:
        n_piece_rows = n_rows = round_rows(n_given)
        given = list(chain.from_iterable(chain(*both) for both in zip(pieces, entities, strict=True)))
        at = list(range(n_given))
    else:
        n_piece_rows = round_rows(n_pieces)
        n_rows = round_rows(n_piece_rows + n_given - n_pieces)
        given = list(chain.from_iterable(chain(pieces, entities)))
        at = [*range(n_pieces), *range(n_piece_rows, n_piece_rows + n_given - n_pieces)]
    given_rows, rows = torch.tensor(given, dtype=torch.int64), torch.tensor(at, dtype=torch.int64)
    order = torch.zeros(n_rows, dtype=torch.int64)
    order[rows] = given_rows
    places = torch.empty(n_given, dtype=torch.int64)
    places[given_rows] = rows
    return Layout(
        order=order.to(device),
        places=places.to(device),
        is_given_order=n_rows == n_given and given == at,
        shapes=[shapes[i] for i in passes],
        n_piece_rows=n_piece_rows,
        passes=passes,
    )


def follow_layout(words: Layout, entity_lengths: Sequence[int], *, round_rows: Callable[[int], int]) -> Layout:
    """Where entities stand whose words were arranged before: pass by pass, as the words are.

    words (Layout): Of the same passes, without entities.
    entity_lengths (Sequence[int]): Entities of each pass, in the order given.
    round_rows (Callable[[int], int]): How many rows to take for so many.
    RETURNS (Layout): Of entities alone; its shapes say what words they look at.
    """
    starts = [0, *accumulate(entity_lengths)]
    given = torch.tensor([i for n in words.passes for i in range(starts[n], starts[n + 1])], dtype=torch.int64)
    n_given = starts[-1]
    n_rows = round_rows(n_given)
    order = torch.zeros(n_rows, dtype=torch.int64)
    order[:n_given] = given
    places = torch.empty(n_given, dtype=torch.int64)
    places[given] = torch.arange(n_given)
    device = words.order.device
    return Layout(
        order=order.to(device),
        places=places.to(device),
        is_given_order=False,
        shapes=[(n_words, entity_lengths[n]) for (n_words, _), n in zip(words.shapes, words.passes, strict=True)],
        n_piece_rows=0,
        passes=words.passes,
    )
