"""Sequences of a batch on their way through the network and back to their places."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy
import torch

from ..types import AlignedBatch, DeviceFloats2d, EncoderOutput, Ints1d


def run_part(
    network: torch.nn.Module, part: AlignedBatch, device: torch.device, *, with_pieces: bool = True
) -> Tuple[torch.Tensor, torch.Tensor]:
    """Run some passes.

    network (torch.nn.Module): A LukeEncoder.
    part (AlignedBatch): The passes.
    device (torch.device): Where the network is.
    with_pieces (bool): Whether the states of pieces are wanted.
    RETURNS (Tuple[torch.Tensor, torch.Tensor]): States of pieces and of entities. Shapes: (n_pieces, width), or (0,
        width) if they are not wanted; (n_entities, width).
    """
    return network(**network_input(part, device), max_mention_length=part.max_mention_length, with_pieces=with_pieces)


def network_input(part: AlignedBatch, device: torch.device) -> Dict[str, Any]:
    """Sequences as a LukeEncoder takes them.

    part (AlignedBatch): The passes.
    device (torch.device): Where the network is.
    RETURNS (Dict[str, Any]): Tensors and lengths, by the names of its arguments.
    """
    return {
        "piece_ids": torch.from_numpy(part.piece_ids.astype("int64")).to(device),
        "piece_lengths": part.piece_lengths.tolist(),
        "entity_ids": torch.from_numpy(part.entity_ids.astype("int64")).to(device),
        "entity_bounds": torch.from_numpy(part.entity_bounds.astype("int64")).to(device),
        "entity_lengths": part.entity_lengths.tolist(),
    }


def kept_piece_rows(batch: AlignedBatch) -> Ints1d:
    """Rows of the pieces whose states are wanted: all, or those of the documents, one after the other.

    batch (AlignedBatch): The batch.
    RETURNS (Ints1d): Rows among its pieces, int64.
    """
    if batch.with_all_pieces:
        return numpy.arange(len(batch.piece_ids))
    rows = [doc.piece_rows for doc in batch.docs]
    return numpy.concatenate(rows).astype("int64") if rows else numpy.zeros(0, dtype="int64")


def places_of(order: List[Ints1d]) -> Ints1d:
    """Where each row of the batch stands after its passes were sorted.

    order (List[Ints1d]): Rows of the batch, in the order in which they were run.
    RETURNS (Ints1d): Places, one for each row, int64.
    """
    rows = numpy.concatenate(order) if order else numpy.zeros(0, dtype="int64")
    places = numpy.empty_like(rows)
    places[rows] = numpy.arange(len(rows))
    return places


def device_of(network: torch.nn.Module) -> torch.device:
    """Where a network is.

    network (torch.nn.Module): A LukeEncoder.
    RETURNS (torch.device): The device.
    """
    return next(network.parameters()).device


def empty_gradient(output: EncoderOutput) -> EncoderOutput:
    """A gradient of zeros for an output.

    output (EncoderOutput): The output.
    RETURNS (EncoderOutput): Arrays of the same shapes, to be added to.
    """
    piece_states: Optional[DeviceFloats2d] = None
    if output.piece_states is not None:
        piece_states = output.piece_states * 0
    return EncoderOutput(piece_states=piece_states, entity_states=output.entity_states * 0, batch=output.batch)
