"""Hugging Face's LukeModel on ragged sequences, and tiny random models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Tuple

import torch
from torch import Tensor
from transformers import LukeConfig, LukeModel

from spacy_mluke.network.config import EncoderConfig
from spacy_mluke.network.transformer import LukeEncoder

MAX_MENTION_LENGTH = 4


@dataclass
class Sequences:
    """Ragged sequences, the input of the encoder."""

    piece_lengths: List[int]
    entity_lengths: List[int]
    piece_ids: Tensor
    entity_ids: Tensor
    entity_bounds: Tensor
    max_mention_length: int = MAX_MENTION_LENGTH

    def run(self, encoder: LukeEncoder, *, with_pieces: bool = True) -> Tuple[Tensor, Tensor]:
        return encoder(
            self.piece_ids,
            self.piece_lengths,
            self.entity_ids,
            self.entity_bounds,
            self.entity_lengths,
            max_mention_length=self.max_mention_length,
            with_pieces=with_pieces,
        )

    def take(self, which: List[int]) -> Sequences:
        """Select some of the sequences, in the given order."""
        pieces, entities = self.piece_ids.split(self.piece_lengths), self.entity_ids.split(self.entity_lengths)
        bounds = self.entity_bounds.split(self.entity_lengths)
        return Sequences(
            [self.piece_lengths[i] for i in which],
            [self.entity_lengths[i] for i in which],
            torch.cat([pieces[i] for i in which]),
            torch.cat([entities[i] for i in which]),
            torch.cat([bounds[i] for i in which]),
        )


def random_sequences(shapes: List[Tuple[int, int]], config: EncoderConfig, seed: int = 0) -> Sequences:
    """Random sequences with the given numbers of pieces and entities. Mentions may overlap, and be too long."""
    generator = torch.Generator().manual_seed(seed)

    def random_ints(low: int, high: int, n: int) -> Tensor:
        return torch.randint(low, high, (n,), generator=generator)

    bounds = []
    for n_pieces, n_entities in shapes:
        starts = random_ints(0, n_pieces, n_entities)
        room = n_pieces - starts
        lengths = torch.minimum(random_ints(1, MAX_MENTION_LENGTH + 3, n_entities), room)
        bounds.append(torch.stack([starts, starts + lengths], 1))
    n_pieces, n_entities = sum(w for w, _ in shapes), sum(e for _, e in shapes)
    return Sequences(
        [w for w, _ in shapes],
        [e for _, e in shapes],
        random_ints(3, config.vocab_size, n_pieces),  # 1 is <pad>, which the reference gives no position
        random_ints(0, config.entity_vocab_size, n_entities),
        torch.cat(bounds),
    )


def make_pair(
    *,
    is_entity_aware: bool = False,
    entity_width: int = 16,
    width: int = 16,
    n_heads: int = 4,
    n_layers: int = 2,
    activation: str = "gelu",
    seed: int = 0,
) -> Tuple[LukeEncoder, LukeModel]:
    """A random encoder and a LukeModel with the same weights, both in evaluation mode."""
    torch.manual_seed(seed)
    config = LukeConfig(
        vocab_size=50,
        entity_vocab_size=7,
        hidden_size=width,
        entity_emb_size=entity_width,
        num_hidden_layers=n_layers,
        num_attention_heads=n_heads,
        intermediate_size=2 * width,
        hidden_act=activation,
        max_position_embeddings=64,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        use_entity_aware_attention=is_entity_aware,
    )
    reference = LukeModel(config).eval()
    with torch.no_grad():
        for parameter in reference.parameters():
            # Not the usual initialization, so that every weight, bias and norm matters.
            parameter.normal_(std=0.3)
    ours = LukeEncoder(EncoderConfig.from_dict(config.to_dict()), with_pooler=True).eval()
    ours.load_state_dict(reference.state_dict())
    return ours, reference


def run_reference(reference: LukeModel, sequences: Sequences) -> Tuple[Tensor, Tensor]:
    """Run the padded LukeModel on ragged sequences, and make its outputs ragged again.

    Padding is masked explicitly, as [MASK] may have the id 0.
    """
    n_sequences = len(sequences.piece_lengths)
    longest, most = max(sequences.piece_lengths), max(sequences.entity_lengths)
    inputs = {
        "input_ids": torch.ones((n_sequences, longest), dtype=torch.int64),
        "attention_mask": torch.zeros((n_sequences, longest)),
    }
    for i, ids in enumerate(sequences.piece_ids.split(sequences.piece_lengths)):
        inputs["input_ids"][i, : len(ids)] = ids
        inputs["attention_mask"][i, : len(ids)] = 1
    if most:
        inputs["entity_ids"] = torch.zeros((n_sequences, most), dtype=torch.int64)
        inputs["entity_attention_mask"] = torch.zeros((n_sequences, most))
        inputs["entity_position_ids"] = torch.full((n_sequences, most, sequences.max_mention_length), -1)
        ids_of_sequences = sequences.entity_ids.split(sequences.entity_lengths)
        bounds_of_sequences = sequences.entity_bounds.split(sequences.entity_lengths)
        for i, (ids, bounds) in enumerate(zip(ids_of_sequences, bounds_of_sequences, strict=True)):
            inputs["entity_ids"][i, : len(ids)] = ids
            inputs["entity_attention_mask"][i, : len(ids)] = 1
            for j, (start, end) in enumerate(bounds.tolist()):
                positions = torch.arange(start, min(end, start + sequences.max_mention_length))
                inputs["entity_position_ids"][i, j, : len(positions)] = positions
    output = reference(**inputs)
    pieces = torch.cat([output.last_hidden_state[i, :n] for i, n in enumerate(sequences.piece_lengths)])
    if not most:
        return pieces, pieces[:0]
    states = output.entity_last_hidden_state
    return pieces, torch.cat([states[i, :n] for i, n in enumerate(sequences.entity_lengths)])
