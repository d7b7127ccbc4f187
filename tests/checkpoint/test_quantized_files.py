"""Files of quantized weights, and the word table in 4 bits."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from spacy_mluke.checkpoint.quantized_files import open_words, read_quantized, save_words, write_quantized
from spacy_mluke.checkpoint.tensor_names import WORDS
from spacy_mluke.network.codecs import encode_blocks
from spacy_mluke.network.quantized_table import Q4Embedding

BUNDLED = Path(__file__).parent.parent.parent / "spacy_mluke" / "assets" / "mluke-small" / "words.safetensors"


def weights(rows: int = 12, columns: int = 64) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def table(tmp_path) -> Q4Embedding:
    """A table mapped from a file."""
    save_words(Q4Embedding(encode_blocks(weights(100))), tmp_path / "words.safetensors")
    return open_words(tmp_path / "words.safetensors")


# --- files ---


@pytest.mark.parametrize(
    "storage, tolerance", [("f32", 0), ("f16", 2e-3), ("bf16", 2e-2), ("q8", 2e-2), ("q6", 0.1), ("q4", 0.5)]
)
def test_a_tensor_is_read_from_each_storage(tmp_path, storage, tolerance):
    write_quantized(tmp_path / "w", {"a.weight": weights()}, {"a.weight": storage})
    (name, tensor), *others = read_quantized(tmp_path / "w").items()
    assert (name, tensor.dtype, others) == ("a.weight", torch.float32, [])
    assert (tensor - weights()).abs().max() <= tolerance


def test_a_file_may_have_tensors_of_several_storages(tmp_path):
    tensors = {
        "a.weight": weights(),
        "b.weight": weights(3, 5),
        "b.bias": weights(1, 7)[0],
        "c": weights(4, 32),
    }
    write_quantized(tmp_path / "w", tensors, {"a.weight": "q4", "b.weight": "q8", "c": "f16"})
    read = read_quantized(tmp_path / "w")
    assert {name: tensor.shape for name, tensor in read.items()} == {n: t.shape for n, t in tensors.items()}
    assert torch.equal(read["b.bias"], tensors["b.bias"])


def test_blocks_are_written_unchanged(tmp_path):
    blocks = encode_blocks(weights())
    write_quantized(tmp_path / "a", {"w": blocks}, {"w": "q4"})
    write_quantized(tmp_path / "b", {"w": weights()}, {"w": "q4"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_same_tensors_give_the_same_bytes(tmp_path):
    tensors = {f"{name}.weight": weights() for name in "zyxwvu"}
    storage = dict.fromkeys(tensors, "q8")
    write_quantized(tmp_path / "a", tensors, storage)
    write_quantized(tmp_path / "b", dict(reversed(tensors.items())), dict(reversed(storage.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_two_names_may_share_a_tensor(tmp_path):
    shared = weights()
    write_quantized(tmp_path / "w", {"a": shared, "b": shared}, {})
    assert torch.equal(read_quantized(tmp_path / "w")["b"], shared)


def test_tensors_do_not_depend_on_the_file_after_reading(tmp_path):
    write_quantized(tmp_path / "w", {"a": weights()}, {})
    read = read_quantized(tmp_path / "w")
    (tmp_path / "w").write_bytes(b"")
    assert torch.equal(read["a"], weights())


def test_tensors_have_the_given_type(tmp_path):
    write_quantized(tmp_path / "w", {n: weights() for n in "abc"}, {"a": "q4", "b": "q8", "c": "f16"})
    assert {t.dtype for t in read_quantized(tmp_path / "w", torch.bfloat16).values()} == {torch.bfloat16}


def test_a_missing_file_is_a_coded_error(tmp_path):
    with pytest.raises(ValueError, match="ML035"):
        read_quantized(tmp_path / "none")


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_truncated_file_is_a_coded_error(tmp_path, keep):
    write_quantized(tmp_path / "w", {"a": weights()}, {})
    data = (tmp_path / "w").read_bytes()
    (tmp_path / "w").write_bytes(data[:keep])
    with pytest.raises(ValueError, match="ML035"):
        read_quantized(tmp_path / "w")


def test_a_file_without_storages_is_a_coded_error(tmp_path):
    save_file({"a": weights()}, tmp_path / "w")
    with pytest.raises(ValueError, match=r"ML035.*storage"):
        read_quantized(tmp_path / "w")


def test_an_unknown_storage_is_an_error_with_the_known_ones(tmp_path):
    save_file({"a": weights()}, tmp_path / "w", {"spacy_mluke": '{"storage": {"a": "q2"}}'})
    with pytest.raises(ValueError, match=r"ML036.*q4, q6, q8"):
        read_quantized(tmp_path / "w")
    with pytest.raises(ValueError, match="ML036"):
        write_quantized(tmp_path / "v", {"a": weights()}, {"a": "q2"})


@pytest.mark.parametrize("storage", ["q4", "q6", "q8"])
def test_a_tensor_that_does_not_match_its_storage_is_an_error(tmp_path, storage):
    save_file({"a": weights()}, tmp_path / "w", {"spacy_mluke": f'{{"storage": {{"a": "{storage}"}}}}'})
    with pytest.raises(ValueError, match="ML037"):
        read_quantized(tmp_path / "w")


@pytest.mark.parametrize("shape, storage", [((3, 33), "q4"), ((64,), "q6"), ((64,), "q8"), ((2, 2, 32), "q4")])
def test_a_shape_that_the_storage_does_not_allow_is_an_error(tmp_path, shape, storage):
    with pytest.raises(ValueError, match="ML038"):
        write_quantized(tmp_path / "w", {"a": torch.zeros(shape)}, {"a": storage})
    assert not list(tmp_path.iterdir())


# --- the word table ---


def test_rows_equal_those_of_the_dense_table(table):
    ids = torch.tensor([3, 99, 0, 3])
    assert torch.equal(table(ids), table.dense()[ids])
    assert (table(ids) - weights(100)[ids]).abs().max() < 0.5


@pytest.mark.parametrize("shape", [(0,), (2, 3), ()], ids=["empty", "matrix", "scalar"])
def test_rows_have_the_shape_of_the_ids(table, shape):
    assert table(torch.zeros(shape, dtype=torch.int64)).shape == (*shape, 64)


@pytest.mark.parametrize("outside", [100, -1])
def test_an_id_outside_the_table_is_an_error(table, outside):
    with pytest.raises(IndexError):
        table(torch.tensor([3, outside]))


def test_the_table_has_no_parameters(table):
    assert not list(table.parameters())
    assert not table(torch.tensor([1])).requires_grad


def test_rows_follow_the_type_of_the_module(table):
    assert table.to(torch.bfloat16)(torch.tensor([1])).dtype == torch.bfloat16
    assert table.dense().dtype == torch.bfloat16
    assert table.blocks.dtype == torch.uint8


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_table_of_a_file_is_memory_mapped(table, tmp_path):
    assert str(tmp_path / "words.safetensors") in Path("/proc/self/maps").read_text()


def test_copies_share_the_blocks(table):
    other = copy.deepcopy(table)
    assert other.blocks.data_ptr() == table.blocks.data_ptr()
    assert other.to(torch.float16).dtype != table.dtype


def test_copy_within_a_network_shares_the_blocks(table):
    network = torch.nn.ModuleDict({"words": table, "dense": torch.nn.Linear(2, 2)})
    other = copy.deepcopy(network)
    assert other["words"].blocks.data_ptr() == table.blocks.data_ptr()
    assert other["dense"].weight.data_ptr() != network["dense"].weight.data_ptr()


def test_a_table_can_be_saved_to_the_file_that_it_is_mapped_from(table, tmp_path):
    before = table.dense()
    save_words(table, tmp_path / "words.safetensors")
    assert torch.equal(table.dense(), before)
    assert torch.equal(open_words(tmp_path / "words.safetensors").dense(), before)


def test_state_dict_keeps_the_blocks(table):
    other = Q4Embedding(torch.zeros_like(table.blocks))
    other.load_state_dict(table.state_dict())
    assert torch.equal(other.dense(), table.dense())


def test_loading_a_state_dict_does_not_change_copies(table):
    other = copy.deepcopy(table)
    before = table.dense()
    other.load_state_dict({"blocks": torch.zeros_like(table.blocks)})
    assert not other.dense().any()
    assert torch.equal(table.dense(), before)


@pytest.mark.parametrize(
    "state",
    [{}, {"blocks": torch.zeros(3, 18, dtype=torch.uint8)}, {"weight": torch.zeros(100, 64)}],
    ids=["empty", "other_shape", "dense"],
)
def test_a_state_dict_of_another_table_is_an_error(table, state):
    with pytest.raises(RuntimeError, match="blocks"):
        table.load_state_dict(state)


def test_a_file_without_a_word_table_is_an_error(tmp_path):
    write_quantized(tmp_path / "w", {WORDS: weights()}, {WORDS: "q8"})
    with pytest.raises(ValueError, match="ML037"):
        open_words(tmp_path / "w")


def test_a_pickle_does_not_depend_on_the_file(table, tmp_path):
    data = pickle.dumps(table)
    (tmp_path / "words.safetensors").unlink()
    assert torch.equal(pickle.loads(data).dense(), table.dense())


def test_a_pickle_of_the_bundled_table_refers_to_its_file():
    table = open_words(BUNDLED)
    data = pickle.dumps(table.to(torch.float16))
    assert len(data) < 10_000
    ids = torch.tensor([0, 250003])
    assert torch.equal(pickle.loads(data)(ids), table(ids))


def test_a_changed_bundled_table_is_pickled_as_a_whole():
    table = open_words(BUNDLED)
    blocks = torch.zeros_like(table.blocks[:4])
    table.blocks = blocks
    assert torch.equal(pickle.loads(pickle.dumps(table)).blocks, blocks)


def test_a_pickle_that_refers_to_another_bundled_table_is_an_error():
    table = open_words(BUNDLED)
    table.source = dataclasses.replace(table.source, digest="0" * 64)
    with pytest.raises(ValueError, match="ML039"):
        pickle.loads(pickle.dumps(table))
