"""Sequences of which only what is read from them is kept: many candidates cost no more memory than their results."""

from __future__ import annotations

from typing import Callable, Tuple

import torch
from thinc.api import torch2xp, xp2torch

from ..align.boundaries import without_entities
from ..network.transformer import LukeEncoder
from ..types import AlignedBatch, DeviceFloats2d, Ints1d
from .batch_states import network_input, run_part
from .batching import iter_batches, plan_batches, take_entities, take_sequences

# Some passes, the states of their pieces and of their entities -> a row for each entity, or for each piece.
Reader = Callable[[AlignedBatch, DeviceFloats2d, DeviceFloats2d], DeviceFloats2d]
# Some passes with all their entities, and the states of their pieces without any -> numbers of entities, rising.
Chooser = Callable[[AlignedBatch, DeviceFloats2d], Ints1d]


def read_all(
    network: LukeEncoder,
    batch: AlignedBatch,
    read: Reader,
    shape: Tuple[int, int],
    *,
    of_entities: bool,
    max_rows: int,
    device: torch.device,
) -> DeviceFloats2d:
    """Run all passes.

    network (LukeEncoder): The encoder.
    batch (AlignedBatch): What to encode.
    read (Reader): What to keep, as arrays of the current thinc ops.
    shape (Tuple[int, int]): Of the result: rows of the batch, and columns of `read`.
    of_entities (bool): Whether rows are entities; if not, they are pieces.
    max_rows (int): Pieces and entities that go through the network together.
    device (torch.device): Where the network is.
    RETURNS (DeviceFloats2d): What was read, in the batch's order, float32.
    """
    found = torch.empty(shape, device=device)
    with torch.no_grad():
        for part, piece_rows, entity_rows in iter_batches(batch, max_rows=max_rows):
            pieces, entities = run_part(network, part, device)
            rows = read(part, torch2xp(pieces.float()), torch2xp(entities.float()))
            places = torch.from_numpy(entity_rows if of_entities else piece_rows).to(device)
            found[places] = xp2torch(rows, device=device)
    return torch2xp(found)


def read_chosen(
    network: LukeEncoder,
    batch: AlignedBatch,
    choose: Chooser,
    read: Reader,
    n_out: int,
    *,
    max_rows: int,
    device: torch.device,
) -> DeviceFloats2d:
    """Read the words of all passes, choose some of their entities by what was read, and read only these.

    With isolated visibility, words are read once, and a chosen entity is what it would be among all. With joint
    visibility they are read again, beside the chosen entities.

    network (LukeEncoder): The encoder.
    batch (AlignedBatch): All passes, with all entities.
    choose (Chooser): Which ones to read.
    read (Reader): What to keep of them.
    n_out (int): Columns of `read`.
    max_rows (int): Pieces that go through the network together.
    device (torch.device): Where the network is.
    RETURNS (DeviceFloats2d): Shape: (n_entities, n_out), float32; -inf for what was not chosen.
    """
    found = torch.full((len(batch.entity_ids), n_out), float("-inf"), device=device)
    with torch.no_grad():
        for passes in plan_batches(without_entities(batch), max_rows=max_rows):
            part, _, entity_rows = take_sequences(batch, passes)
            words = without_entities(part)
            if network.visibility == "isolated":
                given = network_input(words, device)
                pieces, memory = network.read_words(given["piece_ids"], given["piece_lengths"])
                chosen, few = _choose(choose, part, pieces)
                given = network_input(few, device)
                entities = network.read_entities(
                    memory,
                    given["entity_ids"],
                    given["entity_bounds"],
                    given["entity_lengths"],
                    max_mention_length=few.max_mention_length,
                )
            else:
                pieces, _ = run_part(network, words, device)
                chosen, few = _choose(choose, part, pieces)
                pieces, entities = run_part(network, few, device)
            rows = read(few, torch2xp(pieces.float()), torch2xp(entities.float()))
            found[torch.from_numpy(entity_rows[chosen]).to(device)] = xp2torch(rows, device=device)
    return torch2xp(found)


def _choose(choose: Chooser, part: AlignedBatch, pieces: torch.Tensor) -> Tuple[Ints1d, AlignedBatch]:
    chosen = choose(part, torch2xp(pieces.float()))
    return chosen, take_entities(part, chosen)
