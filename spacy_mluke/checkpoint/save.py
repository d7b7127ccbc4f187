"""Save an encoder as a checkpoint directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Union

from torch import Tensor

from ..network.mapped_table import MappedEntityTable
from ..network.quantized_table import Q4Embedding
from ..storage.files import replacing
from ..tokenization.vocabulary_files import SENTENCEPIECE
from .config_file import CONFIG
from .load import LoadedEncoder
from .own_section import ADDED, FORMAT, OWN, SOURCE
from .quantized_files import save_words
from .tensor_names import ENCODER_PREFIX, ENTITIES
from .weight_files import SAFETENSORS, write_weights

WORDS_FILE = "words.safetensors"


def save_encoder(loaded: LoadedEncoder, path: Union[str, Path]) -> None:
    """Write a directory that `load_encoder` reads: JSON, safetensors, the tokenizer's files, the entity vocabulary.

    A quantized word table is written as blocks, a large entity vocabulary as a database. Existing files are replaced,
    not overwritten, so an encoder may be saved to the directory that it was loaded from.

    loaded (LoadedEncoder): The encoder.
    path (Union[str, Path]): The directory, created if missing.
    """
    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    own: Dict[str, Any] = {"format": FORMAT}
    own.update({key: value for key, value in loaded.config.extra.get(OWN, {}).items() if key in (ADDED, SOURCE)})
    words = loaded.network.embeddings.word_embeddings
    if isinstance(words, Q4Embedding):
        own["words"] = WORDS_FILE
        save_words(words, directory / WORDS_FILE)
    write_weights(directory / SAFETENSORS, published_tensors(loaded))
    loaded.wordpieces.to_dir(directory)
    loaded.entities.to_dir(directory)
    write_json(directory / CONFIG, {**published_config(loaded), OWN: own})


def published_tensors(loaded: LoadedEncoder) -> Dict[str, Union[Tensor, MappedEntityTable]]:
    """Return the tensors of a weight file.

    loaded (LoadedEncoder): The encoder.
    RETURNS (Dict[str, Union[Tensor, MappedEntityTable]]): By published name; without a quantized word table.
    """
    tensors: Dict[str, Union[Tensor, MappedEntityTable]] = dict(loaded.network.named_parameters())
    table = loaded.network.entity_embeddings.entity_embeddings
    if isinstance(table, MappedEntityTable):
        # Not through its state_dict, which would copy the whole table.
        del tensors[ENTITIES.replace("weight", "special")]
        tensors[ENTITIES] = table
    prefix = name_prefix(loaded)
    return {**{prefix + name: tensor for name, tensor in tensors.items()}, **dict(loaded.heads.named_parameters())}


def name_prefix(loaded: LoadedEncoder) -> str:
    """Return the prefix of the encoder's tensors: "luke." beside the tensors of a head, else nothing.

    loaded (LoadedEncoder): The encoder.
    RETURNS (str): The prefix.
    """
    return ENCODER_PREFIX if loaded.heads else ""


def published_config(loaded: LoadedEncoder) -> Dict[str, Any]:
    """Return the content of a config.json for an encoder and its masked-LM heads. Other heads are not mentioned.

    loaded (LoadedEncoder): The encoder.
    RETURNS (Dict[str, Any]): The content.
    """
    content = {key: value for key, value in loaded.config.to_dict().items() if key not in (OWN, "torch_dtype")}
    architecture = "LukeForMaskedLM" if loaded.heads else "LukeModel"
    return {**content, "architectures": [architecture], "tokenizer_class": tokenizer_class(loaded)}


def tokenizer_class(loaded: LoadedEncoder) -> str:
    """Return the name of the tokenizer's class in transformers.

    loaded (LoadedEncoder): The encoder.
    RETURNS (str): "MLukeTokenizer" or "LukeTokenizer".
    """
    return "MLukeTokenizer" if SENTENCEPIECE in loaded.wordpieces.files else "LukeTokenizer"


def write_json(path: Path, content: Dict[str, Any]) -> None:
    """Write a JSON file.

    path (Path): The file. An existing file is replaced.
    content (Dict[str, Any]): Its content.
    """
    with replacing(path) as aside:
        aside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
