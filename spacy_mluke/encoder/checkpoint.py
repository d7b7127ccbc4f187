"""Loading an encoder from a checkpoint of any form, and writing it in ours or in Hugging Face's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Union

import torch
from torch import Tensor

from ..align.pieces import SENTENCEPIECE, Wordpieces, load_wordpieces
from ..entities.vocabulary import EntityVocabulary
from ..errors import Errors
from ..files import replacing
from .config import EncoderConfig
from .hub import resolve
from .names import ENTITIES, WORDS
from .opening import FORMAT, OWN, Checkpoint, open_checkpoint
from .quantized import Q4Embedding
from .skeleton import make_skeleton
from .tables import MappedEntityTable
from .transformer import LukeEncoder
from .weights import SAFETENSORS, write_weights

__all__ = [
    "LoadedEncoder",
    "export_huggingface",
    "load_encoder",
    "open_checkpoint",
    "resolve",
    "save_encoder",
]

# Rows of the largest entity table that trains as a whole. A lite one has 4, the published full ones 500,000
# and more.
MAX_PLAIN_ENTITIES = 100_000
CONFIG = "config.json"
WORDS_FILE = "words.safetensors"
_TOKENIZER_CONFIG = "tokenizer_config.json"


@dataclass
class LoadedEncoder:
    """An encoder and what goes with it."""

    config: EncoderConfig
    network: LukeEncoder
    wordpieces: Wordpieces
    entities: EntityVocabulary
    source: str  # the name that it was loaded by


def load_encoder(
    name: Union[str, Path],
    *,
    visibility: str = "joint",
    device: Union[str, torch.device, None] = None,
    dtype: Optional[torch.dtype] = None,
) -> LoadedEncoder:
    """Load an encoder with its vocabularies.

    On the CPU, weights that have the wanted type are used where they lie in the file, memory-mapped. An
    entity table of more than 100,000 rows stays there in any case, frozen but for its special entities.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name such as
        "studio-ousia/mluke-base".
    visibility (str): "joint" or "isolated".
    device (Union[str, torch.device, None]): Where the network goes; by default, the CPU.
    dtype (Optional[torch.dtype]): Type of its weights; by default, float32, whatever the file has.
    RETURNS (LoadedEncoder): The encoder, in evaluation mode.
    RAISES (ValueError): What `open_checkpoint` raises; ML049, ML050 if a vocabulary is not this checkpoint's;
        ML005, ML006, ML060 to ML064 for a missing or damaged one.
    """
    checkpoint = open_checkpoint(name)
    config, path = checkpoint.config, checkpoint.path
    wordpieces = load_wordpieces(path)
    if wordpieces.vocab_size > config.vocab_size:
        raise ValueError(Errors.ML050.format(path=path, n=wordpieces.vocab_size, rows=config.vocab_size))
    entities = EntityVocabulary.from_dir(path)
    if max(entities.special) >= config.entity_vocab_size:
        raise ValueError(Errors.ML049.format(n=config.entity_vocab_size, ids=sorted(entities.special)))
    network = build_network(checkpoint, entities, visibility=visibility, dtype=dtype or torch.float32)
    network.to(device=device).eval()
    return LoadedEncoder(config, network, wordpieces, entities, source=str(name))


def build_network(
    checkpoint: Checkpoint, entities: EntityVocabulary, *, visibility: str, dtype: torch.dtype
) -> LukeEncoder:
    """Make a network around a checkpoint's tensors.

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
        table = MappedEntityTable(tensors.pop(ENTITIES), entities.special)
        network.entity_embeddings.entity_embeddings = table.to(dtype)
    tensors = {key: tensor.to(dtype) for key, tensor in tensors.items()}
    # Names and shapes have been compared; here, the tables that stand already would count as missing.
    network.load_state_dict(tensors, strict=False, assign=True)
    return network


def save_encoder(loaded: LoadedEncoder, path: Union[str, Path]) -> None:
    """Write a directory that `load_encoder` reads: JSON, safetensors, the tokenizer's files, the entity
    vocabulary.

    A quantized word table keeps its blocks, a large entity vocabulary its database. Files that are there are
    replaced, not overwritten: an encoder may be saved where it was loaded from.

    loaded (LoadedEncoder): The encoder.
    path (Union[str, Path]): The directory, made if missing.
    """
    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    own: Dict[str, Any] = {"format": FORMAT}
    words = loaded.network.embeddings.word_embeddings
    if isinstance(words, Q4Embedding):
        own["words"] = WORDS_FILE
        words.save(directory / WORDS_FILE)
    write_weights(directory / SAFETENSORS, _trained_tensors(loaded.network))
    loaded.wordpieces.to_dir(directory)
    loaded.entities.to_dir(directory)
    _write_json(directory / CONFIG, {**_hub_config(loaded), OWN: own})


def export_huggingface(loaded: LoadedEncoder, path: Union[str, Path]) -> None:
    """Write a directory that `LukeModel.from_pretrained` and `MLukeTokenizer.from_pretrained` (for LUKE,
    `LukeTokenizer`) open: all weights in float32, the entity vocabulary as JSON.

    loaded (LoadedEncoder): The encoder.
    path (Union[str, Path]): The directory, made if missing.
    """
    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    tensors = _trained_tensors(loaded.network)
    words = loaded.network.embeddings.word_embeddings
    if isinstance(words, Q4Embedding):
        tensors[WORDS] = words.dense()
    write_weights(directory / SAFETENSORS, tensors, dtype=torch.float32)
    loaded.wordpieces.to_dir(directory)
    loaded.entities.to_json(directory / "entity_vocab.json")
    if _TOKENIZER_CONFIG not in loaded.wordpieces.files:
        _write_json(directory / _TOKENIZER_CONFIG, {"tokenizer_class": _tokenizer_class(loaded)})
    _write_json(directory / CONFIG, {**_hub_config(loaded), "torch_dtype": "float32"})


def _trained_tensors(network: LukeEncoder) -> Dict[str, Union[Tensor, MappedEntityTable]]:
    """What a weight file holds, by published name; of a quantized word table, nothing."""
    tensors: Dict[str, Union[Tensor, MappedEntityTable]] = dict(network.named_parameters())
    table = network.entity_embeddings.entity_embeddings
    if isinstance(table, MappedEntityTable):
        # Not through its state_dict, which would copy all of it.
        del tensors[ENTITIES.replace("weight", "special")]
        tensors[ENTITIES] = table
    return tensors


def _hub_config(loaded: LoadedEncoder) -> Dict[str, Any]:
    """A config.json for the encoder alone: of a checkpoint with heads, it says no more that it has them."""
    content = {key: value for key, value in loaded.config.to_dict().items() if key not in (OWN, "torch_dtype")}
    return {**content, "architectures": ["LukeModel"], "tokenizer_class": _tokenizer_class(loaded)}


def _tokenizer_class(loaded: LoadedEncoder) -> str:
    return "MLukeTokenizer" if SENTENCEPIECE in loaded.wordpieces.files else "LukeTokenizer"


def _write_json(path: Path, content: Dict[str, Any]) -> None:
    with replacing(path) as aside:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
