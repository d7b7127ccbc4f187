"""Load an encoder with its vocabularies and heads from a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Iterator, Optional, Tuple, Union

import torch
from torch import nn

from ..errors import Errors
from ..network.config import EncoderConfig
from ..network.mapped_table import MappedEntityTable
from ..network.masked_heads import MaskedHeads
from ..network.transformer import LukeEncoder
from ..tokenization.interface import Wordpieces
from ..tokenization.load import load_wordpieces
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .directory import Checkpoint, open_checkpoint
from .finite import warn_if_not_finite
from .heads import read_heads
from .own_section import ADDED, OWN
from .skeleton import make_skeleton
from .tensor_names import ENTITIES, WORDS

# Rows of the largest entity table that trains as a whole. A lite table has 4 rows, the published full ones 500,000 and
# more.
MAX_PLAIN_ENTITIES = 100_000


@dataclass
class LoadedEncoder:
    """An encoder with its vocabularies and heads."""

    config: EncoderConfig
    network: LukeEncoder
    wordpieces: Wordpieces
    entities: EntityVocabulary
    source: str  # the name of the checkpoint; for a hub name, with the commit
    heads: MaskedHeads  # for masked words and entities; many checkpoints have none

    def named_parameters(self) -> Iterator[Tuple[str, nn.Parameter]]:
        """Return the parameters of the network and of the heads.

        YIELDS (Tuple[str, nn.Parameter]): The published name, without the encoder's prefix, and the parameter.
        """
        return chain(self.network.named_parameters(), self.heads.named_parameters())


def load_encoder(
    name: Union[str, Path],
    *,
    revision: Optional[str] = None,
    visibility: str = "joint",
    device: Union[str, torch.device, None] = None,
    dtype: Optional[torch.dtype] = None,
) -> LoadedEncoder:
    """Load an encoder with its vocabularies.

    On the CPU, weights that have the given type in the file are memory-mapped. An entity table of more than 100,000
    rows is always mapped; only the rows of its special and added entities train.

    name (Union[str, Path]): A name that `locate` takes, such as the bundled "mluke-small", or a directory.
    revision (Optional[str]): Branch, tag or commit of a hub name; None for the latest.
    visibility (str): "joint" or "isolated".
    device (Union[str, torch.device, None]): Device of the network; by default, the CPU.
    dtype (Optional[torch.dtype]): Type of the weights; by default, float32, whatever the type in the file.
    RETURNS (LoadedEncoder): The encoder, in evaluation mode.
    RAISES (ValueError): The errors of `open_checkpoint`; ML049, ML050, ML343, ML344 if a vocabulary belongs to another
        checkpoint; ML005, ML006, ML060 to ML064 if it is missing or damaged; ML225, ML341 for a damaged head.
    """
    checkpoint = open_checkpoint(name, revision)
    config, path = checkpoint.config, checkpoint.path
    wordpieces = load_wordpieces(checkpoint.wordpieces_path)
    entities = EntityVocabulary.from_dir(checkpoint.entities_path)
    _check_vocabularies(config, wordpieces, entities, path)
    network = build_network(checkpoint, entities, visibility=visibility, dtype=dtype or torch.float32)
    heads = read_heads(checkpoint.heads, config, path, dtype or torch.float32)
    warn_if_not_finite(network, heads, path)
    network.to(device=device).eval()
    return LoadedEncoder(config, network, wordpieces, entities, source=checkpoint.name, heads=heads.to(device=device))


def _check_vocabularies(config: EncoderConfig, wordpieces: Wordpieces, entities: EntityVocabulary, path: Path) -> None:
    """Check that the sizes of the vocabularies fit the encoder's tables."""
    n_pieces = wordpieces.vocab_size
    if n_pieces > config.vocab_size:
        raise ValueError(Errors.ML050.format(path=path, n=n_pieces, rows=config.vocab_size))
    if n_pieces + wordpieces.max_spare_ids < config.vocab_size:
        raise ValueError(Errors.ML344.format(path=path, last=n_pieces - 1, rows=config.vocab_size))
    if max(entities.special) >= config.entity_vocab_size:
        raise ValueError(Errors.ML049.format(n=config.entity_vocab_size, ids=sorted(entities.special)))
    # A large vocabulary is not read for this check: an id beyond the table is an error when it is looked up.
    if entities.in_memory and entities.n_ids > config.entity_vocab_size:
        raise ValueError(Errors.ML343.format(path=path, last=entities.n_ids - 1, n=config.entity_vocab_size))
    entities.n_rows = config.entity_vocab_size


def build_network(
    checkpoint: Checkpoint, entities: EntityVocabulary, *, visibility: str, dtype: torch.dtype
) -> LukeEncoder:
    """Build a network with a checkpoint's tensors.

    checkpoint (Checkpoint): The checkpoint.
    entities (EntityVocabulary): Its entity vocabulary.
    visibility (str): "joint" or "isolated".
    dtype (torch.dtype): Type of the weights.
    RETURNS (LukeEncoder): The network, on the CPU.
    """
    network = make_skeleton(checkpoint.config, visibility=visibility, with_pooler=checkpoint.has_pooler)
    tensors = dict(checkpoint.tensors.encoder)
    if checkpoint.words is not None:
        del tensors[WORDS]
        network.embeddings.word_embeddings = checkpoint.words.to(dtype)
    if checkpoint.config.entity_vocab_size > MAX_PLAIN_ENTITIES:
        n_entities = checkpoint.config.entity_vocab_size
        added = range(checkpoint.config.extra.get(OWN, {}).get(ADDED, n_entities), n_entities)
        table = MappedEntityTable(tensors.pop(ENTITIES), [*entities.special, *added])
        network.entity_embeddings.entity_embeddings = table.to(dtype)
    tensors = {key: tensor.to(dtype) for key, tensor in tensors.items()}
    # Not strict: tables that were set above would count as missing. Names and shapes were compared before.
    network.load_state_dict(tensors, strict=False, assign=True)
    return network
