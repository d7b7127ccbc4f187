"""Pack the trained `mluke-small`: untrained tensors keep the base model's 4-bit blocks, trained tensors are quantized.

    python -m scripts.pack_mluke_small BASE TRAINED WORLD

BASE is the output of `scripts.build_mluke_small`, TRAINED the checkpoint of `spacy_mluke pretrain`, WORLD the output of
`scripts/world/entities.py`. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
from pathlib import Path
from typing import Dict, List, Mapping, Optional

import torch
from safetensors import safe_open
from torch import Tensor

from scripts.build_mluke_small import (
    DROPOUT,
    ENCODER_FILE,
    FORMAT,
    MANIFEST,
    TARGET,
    WORDS_FILE,
    write_about,
    write_json,
)
from spacy_mluke.checkpoint.directory import open_checkpoint
from spacy_mluke.checkpoint.quantized_files import read_quantized, write_quantized
from spacy_mluke.checkpoint.tensor_names import ENCODER_PREFIX, ENTITIES, WORDS
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.kb.vocabulary_matching import new_entity
from spacy_mluke.vocabulary.entity_names import free_names
from spacy_mluke.vocabulary.entity_vocabulary import EntityVocabulary

WORLD_TARGET = Path("spacy_mluke") / "assets" / "world"
COPIED = ("added_tokens.json", "sentencepiece.bpe.model", "tokenizer_config.json", WORDS_FILE)
# Matrices are quantized in blocks of 32 weights with six bits each; position embeddings are float16.
MATRIX, TABLE, POSITIONS = "q6", "q8", "f16"


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line and pack."""
    parser = argparse.ArgumentParser(
        description="Pack the trained checkpoint mluke-small and the bundled knowledge base."
    )
    parser.add_argument("base", type=Path, help="directory of the base")
    parser.add_argument("trained", type=Path, help="directory of the trained checkpoint")
    parser.add_argument("world", type=Path, help="folder of names.tsv, facts.tsv and entities.sqlite")
    parser.add_argument("--output", type=Path, default=TARGET, help="directory to write (default: %(default)s)")
    parser.add_argument(
        "--world-output",
        type=Path,
        default=WORLD_TARGET,
        help="directory of the bundled knowledge base (default: %(default)s)",
    )
    given = parser.parse_args(args)
    pack_world(given.world, given.world_output)
    sizes = pack(given.base, given.trained, EntityStore(given.world / "entities.sqlite"), given.output)
    for name, size in sizes.items():
        print(f"{size:>12,}  {name}")
    print(f"{sum(sizes.values()):>12,}  bytes in {given.output}")


def pack(base: Path, trained: Path, store: EntityStore, output: Path) -> Dict[str, int]:
    """Write the checkpoint directory.

    base (Path): Checkpoint that training started from.
    trained (Path): The trained checkpoint.
    store (EntityStore): Entity store with the names.
    output (Path): The directory.
    RETURNS (Dict[str, int]): File name -> bytes.
    RAISES (ValueError): If the result is larger than BUDGET.
    """
    checkpoint = open_checkpoint(trained)
    output.mkdir(parents=True, exist_ok=True)
    if base.resolve() != output.resolve():
        for name in COPIED:
            shutil.copyfile(base / name, output / name)
    encoder = {name: tensor for name, tensor in checkpoint.tensors.encoder.items() if name != WORDS}
    tensors, storages = choose_storages(encoder, read_blocks(base / ENCODER_FILE), read_quantized(base / ENCODER_FILE))
    tensors = {ENCODER_PREFIX + name: tensor for name, tensor in tensors.items()}
    storages = {ENCODER_PREFIX + name: kind for name, kind in storages.items()}
    for name, tensor in checkpoint.heads.items():
        tensors[name], storages[name] = tensor, "q8" if tensor.dim() == 2 else "f32"
    write_quantized(output / ENCODER_FILE, tensors, storages)
    config = json.loads((base / "config.json").read_text(encoding="utf8"))
    config.update(
        architectures=["LukeForMaskedLM"],
        hidden_dropout_prob=DROPOUT,
        attention_probs_dropout_prob=DROPOUT,
        entity_vocab_size=checkpoint.config.entity_vocab_size,
        spacy_mluke={"format": FORMAT, "words": WORDS_FILE, "encoder": ENCODER_FILE},
    )
    write_json(output / "config.json", config)
    names = name_entities(EntityVocabulary.from_dir(trained), store)
    packed = json.dumps(names, ensure_ascii=False, separators=(",", ":"))
    (output / "entity_vocab.json").write_text(packed + "\n", encoding="utf8")
    return write_about(output, json.loads((base / MANIFEST).read_text(encoding="utf8"))["source"])


def choose_storages(
    trained: Mapping[str, Tensor], blocks: Mapping[str, Tensor], base: Mapping[str, Tensor]
) -> tuple[Dict[str, Tensor], Dict[str, str]]:
    """Choose the written form and the storage of each tensor of the encoder.

    trained (Mapping[str, Tensor]): The trained tensors.
    blocks (Mapping[str, Tensor]): The base model's matrices in 4-bit blocks, as in its file.
    base (Mapping[str, Tensor]): The base model's tensors.
    RETURNS (Tuple[Dict[str, Tensor], Dict[str, str]]): Tensors and storages.
    """
    tensors: Dict[str, Tensor] = {}
    storages: Dict[str, str] = {}
    for name, tensor in trained.items():
        is_same = name in base and base[name].shape == tensor.shape and torch.equal(base[name], tensor)
        if is_same and name in blocks:
            tensors[name], storages[name] = blocks[name], "q4"
        elif name == ENTITIES:
            tensors[name], storages[name] = tensor, TABLE
        elif "position_embeddings" in name:
            tensors[name], storages[name] = tensor, "f32" if is_same else POSITIONS
        else:
            tensors[name], storages[name] = tensor, MATRIX if tensor.dim() == 2 and len(tensor) > 1 else "f32"
    return tensors, storages


def read_blocks(path: Path) -> Dict[str, Tensor]:
    """Return the matrices of a file that are stored in blocks, without dequantization."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys() if file.get_tensor(name).dtype == torch.uint8}  # noqa: SIM118


def name_entities(vocabulary: EntityVocabulary, store: EntityStore) -> Dict[str, int]:
    """Return the names of the trained entities, from the current store.

    vocabulary (EntityVocabulary): Entity vocabulary of the trained checkpoint.
    store (EntityStore): The store.
    RETURNS (Dict[str, int]): Name -> id, special entities first.
    """
    special = {name: vocabulary[name] for name in ("[MASK]", "[UNK]", "[PAD]", "[MASK2]")}
    names: Dict[str, int] = dict(sorted(special.items(), key=_second))
    ids = {entity.id: vocabulary[entity.id] for entity in store.entities()}
    names.update(sorted(ids.items(), key=_second))
    for key, entity_id in sorted(ids.items(), key=_second):
        own, _ = free_names(new_entity(store[key]), entity_id, names.get)
        names.update(dict.fromkeys(own, entity_id))
    return names


def _second(item: tuple[str, int]) -> int:
    return item[1]


def pack_world(world: Path, output: Path) -> None:
    """Write the tables of names and facts, compressed.

    world (Path): Folder of names.tsv and facts.tsv.
    output (Path): The folder to write to.
    """
    output.mkdir(parents=True, exist_ok=True)
    for name in ("names.tsv", "facts.tsv"):
        packed = lzma.compress((world / name).read_bytes(), preset=9 | lzma.PRESET_EXTREME)
        (output / f"{name}.xz").write_bytes(packed)


if __name__ == "__main__":
    main()
