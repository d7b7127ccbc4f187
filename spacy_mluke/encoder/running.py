"""Run the sequences of a batch through the network, a few at a time, and put the results in the order of the batch."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Callable, Dict, List, Tuple

import numpy
import torch
from thinc.api import torch2xp, xp2torch

from ..align.boundaries import without_entities
from ..network.transformer import LukeEncoder
from ..types import AlignedBatch, EncoderOutput, Ints1d
from .batching import Part, split_batch, take_entities
from .reducers import Reducer, Selector


def predict_states(network: LukeEncoder, batch: AlignedBatch, *, max_items: int) -> EncoderOutput:
    """Compute the states of all sequences. A long document takes the memory of its output, not of its windows.

    network (LukeEncoder): The encoder.
    batch (AlignedBatch): The sequences.
    max_items (int): Wordpieces and entities that go through the network together.
    RETURNS (EncoderOutput): States, as arrays of the current thinc ops.
    """
    device = device_of(network)
    width = network.config.hidden_size
    with_pieces = batch.with_tokens or batch.with_all_pieces
    pieces = OutputPieces(batch, width, device)
    entity_states = torch.empty((len(batch.entity_ids) if batch.with_entities else 0, width), device=device)
    for part in split_batch(batch, max_items=max_items):
        part_pieces, part_entities = run_sequences(network, part.batch, with_pieces=with_pieces)
        pieces.put(part.piece_rows, part_pieces)
        if batch.with_entities:
            entity_states[_to_tensor(part.entity_rows, device)] = part_entities.float()
    return EncoderOutput(
        piece_states=torch2xp(pieces.states) if with_pieces else None,
        entity_states=torch2xp(entity_states),
        batch=batch,
    )


class OutputPieces:
    """Collects the piece states of the output. Where windows of a document overlap, a piece has a row in each window,
    and the output has only the row with most context.

    batch (AlignedBatch): All sequences.
    width (int): Width of a state.
    device (torch.device): Where to collect.
    """

    def __init__(self, batch: AlignedBatch, width: int, device: torch.device):
        rows = batch.output_pieces
        self.states = torch.empty((len(rows), width), device=device)
        # For each piece of the batch its row in the output, -1 for none.
        self._output_rows = numpy.full(len(batch.piece_ids), -1, dtype="int64")
        self._output_rows[rows] = numpy.arange(len(rows))

    def put(self, batch_rows: Ints1d, states: torch.Tensor) -> None:
        """Take the states of some pieces.

        batch_rows (Ints1d): The row of each piece in the batch.
        states (torch.Tensor): Shape: (len(batch_rows), width); not read if the output has none of these pieces.
        """
        output_rows = self._output_rows[batch_rows]
        in_output = numpy.flatnonzero(output_rows >= 0)
        if len(in_output):
            device = self.states.device
            found = states[_to_tensor(in_output, states.device)].float()
            self.states[_to_tensor(output_rows[in_output], device)] = found


def predict_reduced(network: LukeEncoder, batch: AlignedBatch, reducer: Reducer, *, max_items: int) -> EncoderOutput:
    """Run all sequences, and keep of their states what a reducer makes of them.

    network (LukeEncoder): The encoder.
    batch (AlignedBatch): The sequences.
    reducer (Reducer): What to keep.
    max_items (int): Wordpieces and entities that go through the network together.
    RETURNS (EncoderOutput): `reduced` alone, float32.
    """
    device = device_of(network)
    n_rows = len(batch.entity_ids if reducer.per == "entity" else batch.piece_ids)
    found = torch.empty((n_rows, reducer.n_out), device=device)
    for part in split_batch(batch, max_items=max_items):
        pieces, entities = run_sequences(network, part.batch)
        states = torch2xp(pieces.float()), torch2xp(entities.float())
        rows = reducer.predict(part.batch, *states)
        reducer.keep(part.piece_rows, part.entity_rows, *states, rows)
        batch_rows = part.entity_rows if reducer.per == "entity" else part.piece_rows
        found[_to_tensor(batch_rows, device)] = xp2torch(rows, device=device)
    return EncoderOutput(piece_states=None, entity_states=None, batch=batch, reduced=torch2xp(found))


def predict_selected(
    network: LukeEncoder, batch: AlignedBatch, reducer: Reducer, selector: Selector, *, max_items: int
) -> EncoderOutput:
    """Read the words of all sequences, select some of their entities by the words' states, and encode only these.

    With isolated visibility, words are read once, and a selected entity gets the state that it has among all entities.
    With joint visibility they are read again, together with the selected entities.

    network (LukeEncoder): The encoder.
    batch (AlignedBatch): The sequences, with all their entities.
    reducer (Reducer): What to keep, for each entity.
    selector (Selector): Which entities to encode.
    max_items (int): Wordpieces that go through the network together.
    RETURNS (EncoderOutput): `reduced` alone, float32; -inf for entities that were not selected.
    """
    device = device_of(network)
    found = torch.full((len(batch.entity_ids), reducer.n_out), float("-inf"), device=device)
    for part in split_batch(batch, max_items=max_items, words_only=True):
        words = without_entities(part.batch)
        if network.visibility == "isolated":
            given = network_input(words, device)
            pieces, cache = network.encode_words(given["piece_ids"], given["piece_lengths"])
            selected = selector.select(part.batch, torch2xp(pieces.float()))
            few = take_entities(part.batch, selected)
            given = network_input(few, device)
            entities = network.encode_entities(
                cache,
                given["entity_ids"],
                given["entity_bounds"],
                given["entity_lengths"],
                max_mention_length=few.max_mention_length,
            )
        else:
            pieces, _ = run_sequences(network, words)
            selected = selector.select(part.batch, torch2xp(pieces.float()))
            few = take_entities(part.batch, selected)
            pieces, entities = run_sequences(network, few)
        states = torch2xp(pieces.float()), torch2xp(entities.float())
        rows = reducer.predict(few, *states)
        reducer.keep(part.piece_rows, part.entity_rows[selected], *states, rows)
        found[_to_tensor(part.entity_rows[selected], device)] = xp2torch(rows, device=device)
    return EncoderOutput(piece_states=None, entity_states=None, batch=batch, reduced=torch2xp(found))


def begin_training(
    network: LukeEncoder,
    batch: AlignedBatch,
    *,
    max_items: int,
    precision: Callable[[], AbstractContextManager],
    all_pieces: bool,
) -> Tuple[torch.Tensor, torch.Tensor]:
    """Compute the states of all sequences for training. The network must be in training mode.

    network (LukeEncoder): The encoder.
    batch (AlignedBatch): The sequences.
    max_items (int): Wordpieces and entities that go through the network together.
    precision (Callable): Makes the context in which the network runs.
    all_pieces (bool): Whether to return the states of all pieces of the batch, whatever it says about its output.
    RETURNS (Tuple[torch.Tensor, torch.Tensor]): States of pieces and of entities, part of an autograd graph, float32.
        Shapes: (n_pieces of the output, width); (n_entities, width), or (0, width) if entities are not encoded.
    """
    device = device_of(network)
    with_pieces = all_pieces or batch.with_tokens or batch.with_all_pieces
    width = network.config.hidden_size
    pieces: List[torch.Tensor] = []
    entities: List[torch.Tensor] = []
    parts: List[Part] = []
    for part in split_batch(batch, max_items=max_items):
        with precision():
            part_pieces, part_entities = run_sequences(network, part.batch, with_pieces=with_pieces)
        pieces.append(part_pieces)
        entities.append(part_entities)
        parts.append(part)
    nothing = torch.empty((0, width), device=device)
    output_rows = numpy.arange(len(batch.piece_ids)) if all_pieces else batch.output_pieces
    piece_places = _inverse([part.piece_rows for part in parts])[output_rows]
    entity_places = _inverse([part.entity_rows for part in parts] if batch.with_entities else [])
    return _gather(pieces or [nothing], piece_places), _gather(entities or [nothing], entity_places)


def run_sequences(
    network: LukeEncoder, batch: AlignedBatch, *, with_pieces: bool = True
) -> Tuple[torch.Tensor, torch.Tensor]:
    """Run sequences through the network in one forward pass.

    network (LukeEncoder): The encoder.
    batch (AlignedBatch): The sequences.
    with_pieces (bool): Whether to compute the states of pieces.
    RETURNS (Tuple[torch.Tensor, torch.Tensor]): States of pieces and of entities. Shapes: (n_pieces, width), or (0,
        width) if they are not computed; (n_entities, width), or (0, width) if entities are not encoded.
    """
    read = batch if batch.with_entities else without_entities(batch)
    given = network_input(read, device_of(network))
    return network(**given, max_mention_length=batch.max_mention_length, with_pieces=with_pieces)


def network_input(batch: AlignedBatch, device: torch.device) -> Dict[str, Any]:
    """Return sequences in the form that a LukeEncoder takes.

    batch (AlignedBatch): The sequences.
    device (torch.device): Where the network is.
    RETURNS (Dict[str, Any]): Tensors and lengths, by the names of its arguments.
    """
    return {
        "piece_ids": _to_tensor(batch.piece_ids.astype("int64"), device),
        "piece_lengths": batch.piece_lengths.tolist(),
        "entity_ids": _to_tensor(batch.entity_ids.astype("int64"), device),
        "entity_bounds": _to_tensor(batch.entity_bounds.astype("int64"), device),
        "entity_lengths": batch.entity_lengths.tolist(),
    }


def device_of(network: torch.nn.Module) -> torch.device:
    """Return the device of a network.

    network (torch.nn.Module): A LukeEncoder.
    RETURNS (torch.device): The device.
    """
    return next(network.parameters()).device


def empty_gradient(output: EncoderOutput) -> EncoderOutput:
    """Return a gradient of zeros for an output with states.

    output (EncoderOutput): The output.
    RETURNS (EncoderOutput): Arrays of the same shapes, to add to.
    """
    pieces = None if output.piece_states is None else output.piece_states * 0
    return EncoderOutput(piece_states=pieces, entity_states=output.entity_states * 0, batch=output.batch)


def _inverse(rows_of_parts: List[Ints1d]) -> Ints1d:
    """For each row of the batch, its place among the rows of all parts. Shape: (n_rows,), int64."""
    rows = numpy.concatenate([numpy.zeros(0, dtype="int64"), *rows_of_parts])
    places = numpy.empty_like(rows)
    places[rows] = numpy.arange(len(rows))
    return places


def _gather(states: List[torch.Tensor], places: Ints1d) -> torch.Tensor:
    whole = torch.cat(states)
    return whole[_to_tensor(places, whole.device)].float()


def _to_tensor(values: Ints1d, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(values).to(device)
