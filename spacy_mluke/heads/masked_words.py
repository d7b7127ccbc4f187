"""Masked-word prediction, with the encoder's `lm_head`: which wordpiece a `<mask>` replaces."""

from __future__ import annotations

from typing import Any, Tuple, cast

import numpy
import torch
from thinc.api import torch2xp, xp2torch

from ..checkpoint.load import LoadedEncoder
from ..errors import Errors
from ..network.table_logits import candidate_logits, log_totals, top_rows
from ..types import DeviceFloats2d, Floats2d, Ints1d, Ints2d


def rank_pieces(loaded: LoadedEncoder, states: DeviceFloats2d, top_k: int) -> Tuple[Ints2d, Floats2d]:
    """Return the most probable pieces for states of <mask>.

    loaded (LoadedEncoder): An encoder with a head for words.
    states (DeviceFloats2d): Shape: (n, width).
    top_k (int): Number of pieces for each state.
    RETURNS (Tuple[Ints2d, Floats2d]): Ids, best first, and log-probabilities. Special pieces and markers are never
        returned. Shapes: (n, k) each.
    """
    head = loaded.heads.lm_head
    assert head is not None
    pieces = loaded.wordpieces.special
    special = [pieces.bos, pieces.pad, pieces.eos, pieces.unk, pieces.mask, pieces.ent, pieces.ent2]
    with torch.no_grad():
        queries = head(xp2torch(states).to(device=head.bias.device, dtype=head.bias.dtype))
        table = loaded.network.embeddings.word_embeddings
        left_out = tuple(piece_id for piece_id in special if piece_id is not None)
        ids, best = top_rows(queries, table, head.bias, top_k, excluded=left_out)
    return ids.cpu().numpy(), best.cpu().numpy()


def piece_log_probs(loaded: LoadedEncoder, states: DeviceFloats2d, piece_ids: Ints1d) -> Floats2d:
    """Return log-probabilities of some pieces for states of <mask>. The softmax is over all pieces.

    loaded (LoadedEncoder): An encoder with a head for words.
    states (DeviceFloats2d): Shape: (n, width).
    piece_ids (Ints1d): The pieces. Shape: (n_pieces,).
    RETURNS (Floats2d): Shape: (n, n_pieces), float32.
    """
    head = loaded.heads.lm_head
    assert head is not None
    with torch.no_grad():
        queries = head(xp2torch(states).to(device=head.bias.device, dtype=head.bias.dtype))
        table = loaded.network.embeddings.word_embeddings
        ids = torch.from_numpy(numpy.asarray(piece_ids, dtype="int64")).to(queries.device)
        logits = candidate_logits(queries, table, head.bias, ids).float()
        found = logits - log_totals(queries, table, head.bias)[:, None]
    return cast(Any, found.cpu().numpy())


def check_word_head(loaded: LoadedEncoder, name: str) -> None:
    """Check that an encoder can predict words.

    loaded (LoadedEncoder): The encoder.
    name (str): Name of the component, for the message.
    RAISES (ValueError): ML221 if it has no head for words.
    """
    if loaded.heads.lm_head is None:
        raise ValueError(Errors.ML221.format(name=loaded.source, what="words", head="lm_head", pipe=name))


def word_loss(
    loaded: LoadedEncoder, states: DeviceFloats2d, gold: Ints1d, drawn: Ints1d
) -> Tuple[float, DeviceFloats2d]:
    """Return the cross-entropy of masked words. The softmax is over the gold pieces of all masks and some drawn pieces.
    Gradients of the head and of the word table are added to their parameters.

    loaded (LoadedEncoder): An encoder with a head for words.
    states (DeviceFloats2d): States of the masked pieces. Shape: (n, width).
    gold (Ints1d): The original pieces. Shape: (n,), int64.
    drawn (Ints1d): Other pieces. Shape: (n_drawn,), int64.
    RETURNS (Tuple[float, DeviceFloats2d]): The loss, summed, and the gradient of the states. Shape: (n, width).
    """
    head = loaded.heads.lm_head
    assert head is not None
    compared = numpy.unique(numpy.concatenate([gold, drawn]))
    with torch.set_grad_enabled(True):
        leaf = xp2torch(states, requires_grad=True)
        queries = head(leaf.to(device=head.bias.device, dtype=head.bias.dtype))
        ids = torch.from_numpy(compared).to(queries.device)
        table = loaded.network.embeddings.word_embeddings
        logits = candidate_logits(queries, table, head.bias, ids).float()
        target = torch.from_numpy(numpy.searchsorted(compared, gold)).to(queries.device)
        loss = torch.nn.functional.cross_entropy(logits, target, reduction="sum")
        loss.backward()
    assert leaf.grad is not None
    return float(loss.detach()), torch2xp(leaf.grad)
