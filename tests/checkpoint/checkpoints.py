"""Tiny checkpoints in the published formats, written by transformers."""

from __future__ import annotations

import json
import shutil
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Tuple, Type

import torch
from torch import Tensor
from transformers import LukeConfig, LukeModel, PreTrainedModel

from spacy_mluke.checkpoint.load import LoadedEncoder
from spacy_mluke.network.transformer import LukeEncoder

LITE = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
# As in full vocabularies: [MASK2] is the last id, and the ids of the others come from the file.
FULL = {"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "en:Tokyo": 3, "ja:東京": 3, "en:Paris": 4, "[MASK2]": 5}


def make_checkpoint(
    path: Path,
    tokenizer: Path,
    *,
    entities: Dict[str, int] = FULL,
    model: Type[PreTrainedModel] = LukeModel,
    safe: bool = True,
    max_shard_size: str = "5GB",
    **config: Any,
) -> Path:
    """Save a random model of two layers and width 16.

    path (Path): The directory.
    tokenizer (Path): A directory with a tokenizer's files, or a sentencepiece model.
    entities (Dict[str, int]): The entity vocabulary.
    model (Type[PreTrainedModel]): LukeModel, or one with a head.
    safe (bool): Whether weights are saved as safetensors, or pickled.
    max_shard_size (str): Size from which on they are sharded.
    **config (Any): Other sizes.
    RETURNS (Path): The directory.
    """
    path.mkdir(parents=True, exist_ok=True)
    n_pieces = copy_tokenizer(tokenizer, path)
    sizes = {
        "vocab_size": n_pieces,
        "entity_vocab_size": max(entities.values()) + 1,
        "hidden_size": 16,
        "entity_emb_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 66,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "use_entity_aware_attention": False,
        "num_labels": 3,
        **config,
    }
    torch.manual_seed(0)
    network = model(LukeConfig(**sizes))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    network.save_pretrained(path, safe_serialization=safe, max_shard_size=max_shard_size)
    (path / "entity_vocab.json").write_text(json.dumps(entities), encoding="utf8")
    return path


def copy_tokenizer(tokenizer: Path, path: Path) -> int:
    """Copy a tokenizer's files into a checkpoint.

    tokenizer (Path): A directory with vocab.json and merges.txt, or a sentencepiece model.
    path (Path): The directory.
    RETURNS (int): How many ids it has, <ent> and <ent2> among them.
    """
    if tokenizer.is_dir():
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(tokenizer / name, path)
        return len(json.loads((tokenizer / "vocab.json").read_text(encoding="utf8"))) + 2
    from sentencepiece import SentencePieceProcessor

    shutil.copy(tokenizer, path / "sentencepiece.bpe.model")
    # <pad> in front, then <mask>, <ent>, <ent2>.
    return len(SentencePieceProcessor(model_file=str(tokenizer))) + 4


def edit_config(path: Path, **changes: Any) -> None:
    """Change keys of a checkpoint's config.json.

    path (Path): The directory.
    **changes (Any): New values; None removes a key.
    """
    file = path / "config.json"
    content = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def states(network: Any, loaded: LoadedEncoder) -> Tuple[Tensor, Tensor]:
    """Return the states of two sequences with three entities, from our encoder or the reference.

    network (Any): A LukeEncoder or a LukeModel.
    loaded (LoadedEncoder): The vocabularies.
    RETURNS (Tuple[Tensor, Tensor]): States of pieces and of entities, end to end.
    """
    pieces, vocabulary = loaded.wordpieces, loaded.entities
    texts = ["Tokyo is the capital", "Paris"]
    ids = [[pieces.bos_id, *encoded.ids.tolist(), pieces.eos_id] for encoded in pieces.encode(texts)]
    entity_ids = [[vocabulary.mask_id, vocabulary.get("en:Paris", vocabulary.unk_id)], [vocabulary.mask2_id]]
    bounds = [[(1, 3), (2, 5)], [(1, 2)]]
    if isinstance(network, LukeEncoder):
        return network(
            torch.tensor(list(chain(*ids))),
            [len(row) for row in ids],
            torch.tensor(list(chain(*entity_ids))),
            torch.tensor(list(chain(*bounds))),
            [len(row) for row in bounds],
            max_mention_length=30,
        )
    found = []
    for row, entities, mentions in zip(ids, entity_ids, bounds, strict=True):
        positions = torch.full((1, len(entities), 30), -1)
        for i, (start, end) in enumerate(mentions):
            positions[0, i, : end - start] = torch.arange(start, end)
        found.append(
            network(
                input_ids=torch.tensor([row]),
                entity_ids=torch.tensor([entities]),
                entity_position_ids=positions,
                entity_attention_mask=torch.ones(1, len(entities), dtype=torch.int64),
            )
        )
    return (
        torch.cat([output.last_hidden_state[0] for output in found]),
        torch.cat([output.entity_last_hidden_state[0] for output in found]),
    )
