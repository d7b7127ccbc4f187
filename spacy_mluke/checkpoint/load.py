"""Loading an encoder from a checkpoint of any form, and writing it in ours or in Hugging Face's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn

from ..errors import Errors
from ..network.config import EncoderConfig
from ..network.mapped_table import MappedEntityTable
from ..network.masked_heads import MaskedHeads, read_heads
from ..network.transformer import LukeEncoder
from ..storage.files import replacing
from ..tokenization.load import load_wordpieces
from ..tokenization.vocabulary_files import SENTENCEPIECE
from ..tokenization.wordpieces import Wordpieces
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .directory import ADDED, FORMAT, OWN, SOURCE, Checkpoint, open_checkpoint
from .finite import warn_if_not_finite
from .hub import resolve
from .quantized import Q4Embedding
from .skeleton import make_skeleton
from .tensor_names import ENCODER_PREFIX, ENTITIES, WORDS
from .weight_files import SAFETENSORS, write_weights

__all__ = [
    "LoadedEncoder",
    "PublishedHead",
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
# What the reference's tokenizer is to make of text and spans, by the model that it makes it for.
_TOKENIZER_TASKS = {
    "LukeForEntityClassification": "entity_classification",
    "LukeForEntityPairClassification": "entity_pair_classification",
    "LukeForEntitySpanClassification": "entity_span_classification",
}
# Of a config.json, what is said of the head that the weights came with.
_OF_HEADS = ("id2label", "label2id", "num_labels", "problem_type")


@dataclass(frozen=True)
class PublishedHead:
    """A head to write beside an encoder."""

    architecture: str  # the reference's class, such as "LukeForEntityPairClassification"
    tensors: Mapping[str, Tensor]  # by published name
    labels: Sequence[str] = ()  # what its rows stand for


@dataclass
class LoadedEncoder:
    """An encoder and what goes with it."""

    config: EncoderConfig
    network: LukeEncoder
    wordpieces: Wordpieces
    entities: EntityVocabulary
    source: str  # the name that it was loaded by; of one on the hub, with the commit
    heads: MaskedHeads  # for masked words and entities; often none

    def named_parameters(self) -> Iterator[Tuple[str, nn.Parameter]]:
        """All that trains: parameters of the network and of the heads.

        YIELDS (Tuple[str, nn.Parameter]): Published name, without the encoder's prefix, and parameter.
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

    On the CPU, weights that have the wanted type are used where they lie in the file, memory-mapped. An
    entity table of more than 100,000 rows stays there in any case, frozen but for its special entities.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name such as
        "studio-ousia/mluke-base".
    revision (Optional[str]): Branch, tag or commit of a hub name; None for the latest.
    visibility (str): "joint" or "isolated".
    device (Union[str, torch.device, None]): Where the network goes; by default, the CPU.
    dtype (Optional[torch.dtype]): Type of its weights; by default, float32, whatever the file has.
    RETURNS (LoadedEncoder): The encoder, in evaluation mode.
    RAISES (ValueError): What `open_checkpoint` raises; ML049, ML050, ML343, ML344 if a vocabulary is not this
        checkpoint's; ML005, ML006, ML060 to ML064 for a missing or damaged one; ML225, ML341 for a damaged head.
    """
    checkpoint = open_checkpoint(name, revision)
    config, path = checkpoint.config, checkpoint.path
    wordpieces = load_wordpieces(path)
    entities = EntityVocabulary.from_dir(path)
    _check_vocabularies(config, wordpieces, entities, path)
    network = build_network(checkpoint, entities, visibility=visibility, dtype=dtype or torch.float32)
    heads = read_heads(checkpoint.heads, config, path, dtype or torch.float32)
    warn_if_not_finite(network, heads, path)
    network.to(device=device).eval()
    return LoadedEncoder(config, network, wordpieces, entities, source=checkpoint.name, heads=heads.to(device=device))


def _check_vocabularies(config: EncoderConfig, wordpieces: Wordpieces, entities: EntityVocabulary, path: Path) -> None:
    """See that vocabularies are those of the encoder's tables, as far as sizes tell."""
    n_pieces = wordpieces.vocab_size
    if n_pieces > config.vocab_size:
        raise ValueError(Errors.ML050.format(path=path, n=n_pieces, rows=config.vocab_size))
    if n_pieces + wordpieces.max_spare_ids < config.vocab_size:
        raise ValueError(Errors.ML344.format(path=path, last=n_pieces - 1, rows=config.vocab_size))
    if max(entities.special) >= config.entity_vocab_size:
        raise ValueError(Errors.ML049.format(n=config.entity_vocab_size, ids=sorted(entities.special)))
    # A large vocabulary is not read for this: an id beyond the table is noticed when it is looked up.
    if entities.in_memory and entities.n_ids > config.entity_vocab_size:
        raise ValueError(Errors.ML343.format(path=path, last=entities.n_ids - 1, n=config.entity_vocab_size))
    entities.n_rows = config.entity_vocab_size


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
        n_entities = checkpoint.config.entity_vocab_size
        added = range(checkpoint.config.extra.get(OWN, {}).get(ADDED, n_entities), n_entities)
        table = MappedEntityTable(tensors.pop(ENTITIES), [*entities.special, *added])
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
    own.update({key: value for key, value in loaded.config.extra.get(OWN, {}).items() if key in (ADDED, SOURCE)})
    words = loaded.network.embeddings.word_embeddings
    if isinstance(words, Q4Embedding):
        own["words"] = WORDS_FILE
        words.save(directory / WORDS_FILE)
    write_weights(directory / SAFETENSORS, _trained_tensors(loaded))
    loaded.wordpieces.to_dir(directory)
    loaded.entities.to_dir(directory)
    _write_json(directory / CONFIG, {**_hub_config(loaded), OWN: own})


def export_huggingface(loaded: LoadedEncoder, path: Union[str, Path], *, head: Optional[PublishedHead] = None) -> None:
    """Write a directory that `LukeModel.from_pretrained` (with a head, the class that it is of) and
    `MLukeTokenizer.from_pretrained` (for LUKE, `LukeTokenizer`) open: all weights in float32, the entity vocabulary as
    JSON.

    loaded (LoadedEncoder): The encoder.
    path (Union[str, Path]): The directory, made if missing.
    head (Optional[PublishedHead]): A head to write with it; by default, those for masked words and entities, if it has
        them.
    """
    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    tensors = _trained_tensors(loaded)
    words = loaded.network.embeddings.word_embeddings
    if isinstance(words, Q4Embedding):
        tensors[_prefix(loaded) + WORDS] = words.dense()
    config = {**_hub_config(loaded), "torch_dtype": "float32"}
    settings: Dict[str, Any] = {"tokenizer_class": _tokenizer_class(loaded)}
    if _TOKENIZER_CONFIG in loaded.wordpieces.files:
        settings = json.loads(loaded.wordpieces.files[_TOKENIZER_CONFIG])
    if head is not None:
        names = {name: name.removeprefix(_prefix(loaded)) for name in tensors if name.startswith(_prefix(loaded))}
        tensors = {ENCODER_PREFIX + own: tensors[name] for name, own in names.items()}
        tensors.update(head.tensors)
        config = {key: value for key, value in config.items() if key not in _OF_HEADS}
        config["architectures"] = [head.architecture]
        if head.labels:
            config["id2label"] = {str(i): label for i, label in enumerate(head.labels)}
            config["label2id"] = {label: i for i, label in enumerate(head.labels)}
        if head.architecture in _TOKENIZER_TASKS:
            settings["task"] = _TOKENIZER_TASKS[head.architecture]
    write_weights(directory / SAFETENSORS, tensors, dtype=torch.float32)
    loaded.wordpieces.to_dir(directory)
    loaded.entities.to_json(directory / "entity_vocab.json")
    _write_json(directory / _TOKENIZER_CONFIG, settings)
    _write_json(directory / CONFIG, config)


def _trained_tensors(loaded: LoadedEncoder) -> Dict[str, Union[Tensor, MappedEntityTable]]:
    """What a weight file holds, by published name; of a quantized word table, nothing."""
    tensors: Dict[str, Union[Tensor, MappedEntityTable]] = dict(loaded.network.named_parameters())
    table = loaded.network.entity_embeddings.entity_embeddings
    if isinstance(table, MappedEntityTable):
        # Not through its state_dict, which would copy all of it.
        del tensors[ENTITIES.replace("weight", "special")]
        tensors[ENTITIES] = table
    prefix = _prefix(loaded)
    return {**{prefix + name: tensor for name, tensor in tensors.items()}, **dict(loaded.heads.named_parameters())}


def _prefix(loaded: LoadedEncoder) -> str:
    """What stands before the encoder's names: something, where a head's stand beside them."""
    return ENCODER_PREFIX if loaded.heads else ""


def _hub_config(loaded: LoadedEncoder) -> Dict[str, Any]:
    """A config.json for the encoder and its masked heads: of a checkpoint with others, it says no more that it has
    them."""
    content = {key: value for key, value in loaded.config.to_dict().items() if key not in (OWN, "torch_dtype")}
    architecture = "LukeForMaskedLM" if loaded.heads else "LukeModel"
    return {**content, "architectures": [architecture], "tokenizer_class": _tokenizer_class(loaded)}


def _tokenizer_class(loaded: LoadedEncoder) -> str:
    return "MLukeTokenizer" if SENTENCEPIECE in loaded.wordpieces.files else "LukeTokenizer"


def _write_json(path: Path, content: Dict[str, Any]) -> None:
    with replacing(path) as aside:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
