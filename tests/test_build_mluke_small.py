"""Building the bundled checkpoint: initial weights, training runs and packing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.build_mluke_small import ENCODER_FILE
from scripts.mluke_small.source import Sizes, Source
from scripts.mluke_small.weights import encoder_tensors, word_blocks
from scripts.pack_mluke_small import choose_storages, name_entities, pack_world, read_blocks
from scripts.pretrain_mluke_small import RUNS, arguments
from spacy_mluke.checkpoint.quantized_files import read_quantized, write_quantized
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.store_sources import read_rows
from spacy_mluke.network.codecs import decode_blocks, encode_blocks
from spacy_mluke.vocabulary.entity_vocabulary import EntityVocabulary

WIDTH, N_POSITIONS = 32, 6
N_PIECES = 250_002


@pytest.fixture(scope="module")
def source() -> Source:
    """A base model with random weights. Its word embeddings must have all rows of XLM-R."""
    rng = np.random.default_rng(0)
    blocks = np.tile(encode_blocks(torch.from_numpy(rng.normal(size=(50, WIDTH)))).numpy(), (5001, 1))
    pieces = [f"piece{i}" for i in range(N_PIECES)]
    for i, piece in enumerate(("<s>", "<pad>", "</s>", "<unk>", "@", "#")):
        pieces[i] = piece
    pieces[250_001] = "<mask>"
    tensors = {
        "emb.word": blocks[:N_PIECES],
        "emb.pos": rng.normal(size=N_POSITIONS * WIDTH).astype("f4"),
        "emb.type": rng.normal(size=2 * WIDTH).astype("f4"),
        "emb.ln.w": rng.normal(size=WIDTH).astype("f4"),
        "emb.ln.b": rng.normal(size=WIDTH).astype("f4"),
    }
    sizes = Sizes(WIDTH, 0, 1, WIDTH, N_PIECES, N_POSITIONS, 2, 1e-12)
    return Source(sizes, pieces, np.zeros(N_PIECES, dtype="f4"), {}, tensors)


@pytest.fixture(scope="module")
def words(source):
    return word_blocks(source)


@pytest.fixture(scope="module")
def tensors(source, words):
    return encoder_tensors(source, words)


def test_markers_are_initialized_with_rare_characters(words):
    assert torch.equal(words[250_002:250_004], words[4:6])


def test_special_entities_are_initialized_with_words(words, tensors):
    mask, unknown = decode_blocks(words[250_001]), decode_blocks(words[3])
    entities = tensors["entity_embeddings.entity_embeddings.weight"]
    assert torch.equal(entities, torch.stack([mask, unknown, torch.zeros_like(mask), mask]))
    for name in ("LayerNorm.weight", "LayerNorm.bias", "token_type_embeddings.weight"):
        assert torch.equal(tensors[f"entity_embeddings.{name}"], tensors[f"embeddings.{name}"])


def test_an_entity_on_one_piece_has_the_position_embedding_of_the_piece(tensors):
    positions = tensors["embeddings.position_embeddings.weight"]
    entity_positions = tensors["entity_embeddings.position_embeddings.weight"]
    # Positions of words start at pad + 1 = 2, those of entities at 0.
    assert torch.equal(entity_positions[:N_POSITIONS], positions[2:])
    assert not positions[:2].any() and not entity_positions[N_POSITIONS:].any()


@pytest.fixture
def base(tmp_path):
    """A base of two matrices and position embeddings: tensors, and their storage in the file."""
    torch.manual_seed(0)
    kept, moved = (decode_blocks(encode_blocks(torch.randn(4, 64))) for _ in range(2))
    tensors = {"a.weight": kept, "b.weight": moved, "c.position_embeddings.weight": torch.randn(3, 8)}
    storages = {"a.weight": "q4", "b.weight": "q4"}
    write_quantized(tmp_path / ENCODER_FILE, tensors, storages)
    return tmp_path / ENCODER_FILE


def test_untrained_tensors_keep_their_4_bit_blocks(base, tmp_path):
    trained = read_quantized(base)
    trained["b.weight"] = trained["b.weight"] + 0.01
    blocks = read_blocks(base)
    tensors, storages = choose_storages(trained, blocks, read_quantized(base))
    assert storages == {"a.weight": "q4", "b.weight": "q6", "c.position_embeddings.weight": "f32"}
    write_quantized(tmp_path / "packed.safetensors", tensors, storages)
    packed = read_quantized(tmp_path / "packed.safetensors")
    assert torch.equal(packed["a.weight"], trained["a.weight"])
    assert torch.allclose(packed["b.weight"], trained["b.weight"], atol=0.1)
    assert torch.equal(read_blocks(tmp_path / "packed.safetensors")["a.weight"], blocks["a.weight"])


def test_trained_position_embeddings_are_written_in_float16(base):
    trained = read_quantized(base)
    trained["c.position_embeddings.weight"] = trained["c.position_embeddings.weight"] + 1
    _, storages = choose_storages(trained, read_blocks(base), read_quantized(base))
    assert storages["c.position_embeddings.weight"] == "f16"


def test_entities_get_the_names_of_the_store_and_keep_their_ids(tmp_path):
    special = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
    trained = EntityVocabulary.from_names({**special, "Q2": 4, "Q1": 5, "en:Old": 5})
    rows = [StoreRow("Q1", "en", "Tokyo"), StoreRow("Q1", "ja", "東京"), StoreRow("Q2", "en", "Tokyo")]
    names = name_entities(trained, build_store(rows, tmp_path / "s.sqlite"))
    assert list(names)[:4] == list(special)
    assert (names["Q2"], names["Q1"], names["ja:東京"]) == (4, 5, 5)
    assert {names["en:Tokyo"], names["en:Tokyo (Q1)"]} == {4, 5}
    assert "en:Old" not in names


def test_the_tables_of_the_knowledge_base_are_packed_to_the_same_bytes_every_time(tmp_path):
    for name in ("names.tsv", "facts.tsv"):
        (tmp_path / name).write_text("id\tlanguage\tname\nQ1\ten\tTokyo\n", encoding="utf8")
    pack_world(tmp_path, tmp_path / "one")
    pack_world(tmp_path, tmp_path / "two")
    assert (tmp_path / "one" / "names.tsv.xz").read_bytes() == (tmp_path / "two" / "names.tsv.xz").read_bytes()
    assert [row.name for row in read_rows(tmp_path / "one" / "names.tsv.xz")] == ["Tokyo"]


def test_each_training_run_starts_from_the_checkpoint_of_the_previous_one(tmp_path):
    runs = [arguments(tmp_path, number, False) for number in range(len(RUNS))]
    starts = [run[run.index("--paths.checkpoint") + 1] for run in runs]
    assert starts == [str(tmp_path / "base"), *[str(Path(run[3]) / "checkpoint") for run in runs[:-1]]]
    assert len({run[3] for run in runs}) == len(runs)
    assert Path(runs[-1][3]) == tmp_path / "pretrained"
