"""Order the rows of a batch inside the encoder so that attention needs no padding and no copies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from typing import Callable, Iterable, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor


class Block(NamedTuple):
    """Neighbouring sequences of one shape: `n_queries` rows of each attend to `n_keys` rows of the same sequence."""

    n_sequences: int
    n_queries: int
    n_keys: int


@dataclass(frozen=True)
class Layout:
    """The order of rows. Sequences of one shape are neighbours, so that one call of attention computes them all.

    In a mixed layout, rows are the pieces and entities of a sequence, then those of the next. In a split layout, all
    pieces come first, then all entities, both sequence by sequence, so that they can be projected separately.

    Spare rows pad the number of rows to sizes that recur (`kernels.round_rows`). They are computed with the others, but
    no row attends to them, and their results are not used.
    """

    order: Tensor  # (n_rows,) int64: row of the input [all pieces; all entities] for each row; 0 for spare rows
    places: Tensor  # (n_pieces + n_entities,) int64: row of the layout for each row of the input
    is_given_order: bool  # both are 0, 1, 2...
    shapes: List[Tuple[int, int]]  # pieces and entities of each sequence, in the order of rows
    n_piece_rows: int  # first row of entities; in a mixed layout, the number of rows
    sequences: List[int]  # number in the input of each sequence, in the order of rows

    @property
    def n_rows(self) -> int:
        return len(self.order)

    def arrange(self, rows: Tensor) -> Tensor:
        """Reorder the rows of the input to this layout.

        rows (Tensor): All pieces, then all entities. Shape: (n_pieces + n_entities, width).
        RETURNS (Tensor): Shape: (n_rows, width).
        """
        return rows if self.is_given_order else rows.index_select(0, self.order)

    def restore(self, rows: Tensor) -> Tensor:
        """Reorder rows to the order of the input, without spare rows.

        rows (Tensor): Shape: (n_rows, width).
        RETURNS (Tensor): Shape: (n_pieces + n_entities, width).
        """
        return rows if self.is_given_order else rows.index_select(0, self.places)

    # Queries and keys of attention: a block for each run of sequences of one shape.

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
    """Create a layout.

    piece_lengths (Sequence[int]): Number of pieces of each sequence.
    entity_lengths (Sequence[int]): Number of entities of each sequence.
    mixed (bool): True for a mixed layout, False for a split one.
    device (torch.device): Device of the indices.
    round_rows (Callable[[int], int]): Returns the padded number of rows for a number of rows.
    RETURNS (Layout): The layout.
    """
    shapes = list(zip(piece_lengths, entity_lengths, strict=True))
    piece_starts = [0, *accumulate(piece_lengths)]
    n_pieces = piece_starts[-1]
    entity_starts = [n_pieces + start for start in (0, *accumulate(entity_lengths))]
    n_given = entity_starts[-1]
    sequences = sorted(range(len(shapes)), key=lambda i: (sum(shapes[i]) if mixed else 0, shapes[i]))
    pieces = [range(piece_starts[i], piece_starts[i + 1]) for i in sequences]
    entities = [range(entity_starts[i], entity_starts[i + 1]) for i in sequences]

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
        shapes=[shapes[i] for i in sequences],
        n_piece_rows=n_piece_rows,
        sequences=sequences,
    )


def entity_layout(words: Layout, entity_lengths: Sequence[int], *, round_rows: Callable[[int], int]) -> Layout:
    """Create the layout of entities whose words were encoded before: sequence by sequence, in the order of the words.

    words (Layout): The layout of the same sequences, without entities.
    entity_lengths (Sequence[int]): Number of entities of each sequence, in the order of the input.
    round_rows (Callable[[int], int]): Returns the padded number of rows for a number of rows.
    RETURNS (Layout): The layout of the entities; its `shapes` also have the number of words.
    """
    starts = [0, *accumulate(entity_lengths)]
    given = torch.tensor([i for n in words.sequences for i in range(starts[n], starts[n + 1])], dtype=torch.int64)
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
        shapes=[(n_words, entity_lengths[n]) for (n_words, _), n in zip(words.shapes, words.sequences, strict=True)],
        n_piece_rows=0,
        sequences=words.sequences,
    )
