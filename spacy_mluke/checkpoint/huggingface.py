"""Export an encoder, or an encoder with a head, in the format of Hugging Face transformers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Union

import torch
from torch import Tensor

from ..network.quantized_table import Q4Embedding
from ..tokenization.vocabulary_files import TOKENIZER_CONFIG
from .config_file import CONFIG
from .load import LoadedEncoder
from .save import name_prefix, published_config, published_tensors, tokenizer_class, write_json
from .tensor_names import ENCODER_PREFIX, WORDS
from .weight_files import SAFETENSORS, write_weights

# The `task` setting of the reference's tokenizer for each of its models.
_TOKENIZER_TASKS = {
    "LukeForEntityClassification": "entity_classification",
    "LukeForEntityPairClassification": "entity_pair_classification",
    "LukeForEntitySpanClassification": "entity_span_classification",
}
# Keys of a config.json that describe the head of the checkpoint that an encoder was loaded from.
_HEAD_KEYS = ("id2label", "label2id", "num_labels", "problem_type")


@dataclass(frozen=True)
class PublishedHead:
    """A head to export with an encoder."""

    architecture: str  # the reference's class, such as "LukeForEntityPairClassification"
    tensors: Mapping[str, Tensor]  # by published name
    labels: Sequence[str] = ()  # the label of each row


def export_huggingface(loaded: LoadedEncoder, path: Union[str, Path], *, head: Optional[PublishedHead] = None) -> None:
    """Write a directory that transformers opens.

    `LukeModel.from_pretrained` (or with a head, its class) and `MLukeTokenizer.from_pretrained` (for LUKE,
    `LukeTokenizer`) read it. All weights are float32, the entity vocabulary is JSON.

    loaded (LoadedEncoder): The encoder.
    path (Union[str, Path]): The directory, created if missing.
    head (Optional[PublishedHead]): The head to export; by default, the encoder's masked-LM heads, if it has them.
    """
    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    tensors = published_tensors(loaded)
    prefix = name_prefix(loaded)
    words = loaded.network.embeddings.word_embeddings
    if isinstance(words, Q4Embedding):
        tensors[prefix + WORDS] = words.dense()
    config = {**published_config(loaded), "torch_dtype": "float32"}
    settings: Dict[str, Any] = {"tokenizer_class": tokenizer_class(loaded)}
    if TOKENIZER_CONFIG in loaded.wordpieces.files:
        settings = json.loads(loaded.wordpieces.files[TOKENIZER_CONFIG])
    if head is not None:
        names = {name: name.removeprefix(prefix) for name in tensors if name.startswith(prefix)}
        tensors = {ENCODER_PREFIX + own: tensors[name] for name, own in names.items()}
        tensors.update(head.tensors)
        config = {key: value for key, value in config.items() if key not in _HEAD_KEYS}
        config["architectures"] = [head.architecture]
        if head.labels:
            config["id2label"] = {str(i): label for i, label in enumerate(head.labels)}
            config["label2id"] = {label: i for i, label in enumerate(head.labels)}
        if head.architecture in _TOKENIZER_TASKS:
            settings["task"] = _TOKENIZER_TASKS[head.architecture]
    write_weights(directory / SAFETENSORS, tensors, dtype=torch.float32)
    loaded.wordpieces.to_dir(directory)
    loaded.entities.to_json(directory / "entity_vocab.json")
    write_json(directory / TOKENIZER_CONFIG, settings)
    write_json(directory / CONFIG, config)
