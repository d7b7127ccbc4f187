"""Make a checkpoint of mluke-base's full size: random weights, and 1,200,001 entities with ten random names each."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Dict, Iterator, List

from .checkpoints import SIZES, sentencepiece_model

N_ENTITIES = 1_200_001
NAMES_PER_ENTITY = 10
LETTERS = {
    "ar": "ابتثجحخدذرزسش",
    "bn": "কখগঘচছজঝ",
    "el": "αβγδεζηθικ",
    "hi": "कखगघचछज",
    "ja": "アイウエオカキク東京",
    "ko": "가나다라마바사",
    "ru": "абвгдежзик",
    "te": "కఖగఘచఛ",
    "th": "กขคงจฉ",
    "zh": "中华人民共和国北京",
}
LANGUAGES = [*LETTERS, *("de", "en", "es", "fi", "fr", "id", "it", "nl", "pl", "pt", "sv", "sw", "tr", "vi")]
LATIN = "abcdefghijklmnopqrstuvwxyz"


def full_directory(cache: Path) -> Path:
    """Return a directory in the format of mluke-base: a pickle with heads, and names as one line of ASCII.

    cache (Path): Folder for the directory, which is made once and takes 3 GB.
    RETURNS (Path): The directory.
    """
    path = cache / "mluke-full"
    if (path / "done").exists():
        return path
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    write_entity_vocab(path / "entity_vocab.json", N_ENTITIES, NAMES_PER_ENTITY)
    shutil.copy(sentencepiece_model(), path / "sentencepiece.bpe.model")
    _write_weights(path)
    (path / "done").touch()
    return path


def write_entity_vocab(path: Path, n_entities: int, names_per_entity: int) -> None:
    """Write a vocabulary of random titles in 24 languages, in the published format and order.

    path (Path): The file.
    n_entities (int): Number of entities, including the special ones.
    names_per_entity (int): Number of names of each entity, in different languages.
    """
    with path.open("w", encoding="ascii") as file:
        file.write('{"[MASK]": 0, "[PAD]": 1, "[UNK]": 2')
        file.writelines(_entries(n_entities, names_per_entity))
        file.write(f', "[MASK2]": {n_entities - 1}}}')


def _entries(n_entities: int, names_per_entity: int) -> Iterator[str]:
    rand = random.Random(0)
    words = {language: _words(rand, language) for language in LANGUAGES}
    for entity_id in range(3, n_entities - 1):
        for language in rand.sample(LANGUAGES, names_per_entity):
            first, second = rand.choice(words[language]), rand.choice(words[language])
            yield f', "{language}:{first} {second} {entity_id:x}": {entity_id}'


def _words(rand: random.Random, language: str) -> List[str]:
    """Return random words in a language's letters, escaped for ASCII JSON; shorter where a letter takes six bytes."""
    letters, lengths = LETTERS.get(language), (1, 3)
    if letters is None:
        letters, lengths = LATIN, (3, 9)
    found = ("".join(rand.choices(letters, k=rand.randint(*lengths))).capitalize() for _ in range(5000))
    return [json.dumps(word)[1:-1] for word in found]


def _write_weights(path: Path) -> None:
    import torch
    from transformers import LukeConfig, LukeForMaskedLM

    torch.manual_seed(0)
    config = LukeConfig(
        vocab_size=250004,
        entity_vocab_size=N_ENTITIES,
        entity_emb_size=256,
        num_hidden_layers=12,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        use_entity_aware_attention=False,
        **SIZES["base"],
    )
    with torch.device("meta"):
        model = LukeForMaskedLM(config)
    model.to_empty(device="cpu")
    state: Dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        weights = parameter.detach()
        if "LayerNorm" in name or "layer_norm" in name:
            weights.fill_(float(name.endswith("weight")))
        else:
            weights.normal_(std=0.02)
        state[name] = weights
    state["lm_head.decoder.weight"] = state["luke.embeddings.word_embeddings.weight"]
    state["lm_head.decoder.bias"] = state["lm_head.bias"]
    state["entity_predictions.decoder.weight"] = state["luke.entity_embeddings.entity_embeddings.weight"]
    torch.save(state, path / "pytorch_model.bin")
    config.architectures = ["LukeForMaskedLM"]
    config.save_pretrained(path)
