"""A delta gives the trained encoder when it is loaded, and holds only what differs from its base."""

from __future__ import annotations

import json
import shutil

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from transformers import LukeForMaskedLM

from spacy_mluke.checkpoint import load as checkpoint_module
from spacy_mluke.checkpoint.add_entities import add_entities
from spacy_mluke.checkpoint.base import find_entities, find_wordpieces
from spacy_mluke.checkpoint.delta import COMPACT, compact_delta, find_bundled_base, reason_against_delta, save_delta
from spacy_mluke.checkpoint.delta_files import DELTA_FILE, Change, read_changes, write_changes
from spacy_mluke.checkpoint.directory import open_checkpoint
from spacy_mluke.checkpoint.huggingface import export_huggingface
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.quantized_files import write_quantized
from spacy_mluke.checkpoint.reuse import is_same, save_once
from spacy_mluke.checkpoint.save import save_encoder
from spacy_mluke.checkpoint.tensor_names import ENTITIES
from spacy_mluke.network.mapped_table import MappedEntityTable
from spacy_mluke.vocabulary.entity_names import NewEntity
from tests.checkpoint.checkpoints import edit_config, make_checkpoint

LAYER = "encoder.layer.1."


def trained(base, **options):
    """Load an encoder, and change its upper layer."""
    loaded = load_encoder(base, **options)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in loaded.network.encoder.layer[1].parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return loaded


def save(loaded, path, base, storage=None):
    checkpoint = open_checkpoint(base)
    assert reason_against_delta(loaded, checkpoint) is None
    save_delta(loaded, path, checkpoint, storage)
    return path


@pytest.fixture
def delta(quantized, tmp_path):
    return save(trained(quantized), tmp_path / "delta", quantized)


def test_a_delta_gives_exactly_the_trained_encoder(quantized, delta):
    assert is_same(trained(quantized), delta)
    assert not is_same(load_encoder(quantized), delta)


def test_a_delta_holds_only_the_tensors_that_changed(delta):
    assert sorted(file.name for file in delta.iterdir()) == ["config.json", DELTA_FILE]
    changes = read_changes(delta / DELTA_FILE)
    assert len(changes) == 16 and all(name.startswith(LAYER) for name in changes)


def test_the_delta_of_an_unchanged_encoder_is_a_config(quantized, tmp_path):
    path = save(load_encoder(quantized), tmp_path / "delta", quantized)
    assert [file.name for file in path.iterdir()] == ["config.json"]
    assert is_same(load_encoder(quantized), path)


@pytest.mark.parametrize("storage", COMPACT)
def test_a_compact_delta_rounds_differences_of_matrices_only(quantized, delta, tmp_path, storage):
    loaded = trained(quantized)
    compact_delta(loaded, tmp_path / storage, quantized, storage)
    found = dict(load_encoder(tmp_path / storage).named_parameters())
    for name, expected in loaded.named_parameters():
        bound = 0.04 / 2 ** {"q4": 3, "q6": 5, "q8": 7, "f16": 10}[storage] if expected.dim() == 2 else 0.0
        torch.testing.assert_close(found[name], expected, atol=bound, rtol=0)
    assert (tmp_path / storage / DELTA_FILE).stat().st_size < (delta / DELTA_FILE).stat().st_size


def test_a_matrix_of_any_width_can_be_compact(path, tmp_path):
    compact_delta(trained(path), tmp_path / "delta", path, "q4")
    storages = {change.storage for change in read_changes(tmp_path / "delta" / DELTA_FILE).values()}
    assert storages == {"q4", "q8", "f32"}


def test_only_the_changed_rows_of_a_table_are_saved(quantized, tmp_path):
    loaded = load_encoder(quantized)
    with torch.no_grad():
        loaded.network.entity_embeddings.entity_embeddings.weight[2] += 1
    path = save(loaded, tmp_path / "delta", quantized)
    (change,) = read_changes(path / DELTA_FILE).values()
    assert change.rows == [2] and change.values.shape == (1, 32)
    assert is_same(loaded, path)


@pytest.mark.parametrize("storage", [None, "f16"])
def test_added_entities_are_saved_with_their_names(quantized, tmp_path, storage):
    loaded = load_encoder(quantized)
    (entity_id,) = add_entities(loaded, [NewEntity("Q64", {"de": "Berlin"})])
    path = save(loaded, tmp_path / "delta", quantized, storage)
    again = load_encoder(path)
    assert again.entities["Q64"] == entity_id == 6
    assert again.config.entity_vocab_size == 7
    assert again.config.extra["spacy_mluke"]["first_added_entity"] == 6
    assert find_entities(path) == path
    assert storage or is_same(loaded, path)


def test_the_trained_rows_of_a_mapped_table_are_saved(path, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "MAX_PLAIN_ENTITIES", 3)
    loaded = load_encoder(path)
    with torch.no_grad():
        loaded.network.entity_embeddings.entity_embeddings.special[0] += 1
    target = save(loaded, tmp_path / "delta", path)
    assert read_changes(target / DELTA_FILE)[ENTITIES].rows == [0]
    assert isinstance(load_encoder(target).network.entity_embeddings.entity_embeddings, MappedEntityTable)
    assert is_same(loaded, target)
    # The file of the base has not changed.
    assert is_same(load_encoder(path), path)


def test_masked_heads_are_part_of_a_delta(tmp_path, tiny_sentencepiece):
    base = make_checkpoint(tmp_path / "base", tiny_sentencepiece, model=LukeForMaskedLM)
    loaded = load_encoder(base)
    with torch.no_grad():
        loaded.heads.lm_head.bias += 1
    path = save(loaded, tmp_path / "delta", base)
    assert list(read_changes(path / DELTA_FILE)) == ["lm_head.bias"]
    assert is_same(loaded, path)


def test_an_encoder_in_half_precision_is_saved_in_its_type(quantized, tmp_path):
    loaded = trained(quantized, dtype=torch.bfloat16)
    path = save(loaded, tmp_path / "delta", quantized)
    assert {change.storage for change in read_changes(path / DELTA_FILE).values()} == {"bf16"}
    assert is_same(loaded, path)


# --- use ---


def test_an_encoder_trained_from_a_delta_is_a_delta_of_the_same_base(quantized, delta, tmp_path):
    loaded = load_encoder(delta)
    with torch.no_grad():
        loaded.network.encoder.layer[0].output.dense.bias += 1
    path = save(loaded, tmp_path / "next", quantized)
    assert is_same(loaded, path)
    assert len(read_changes(path / DELTA_FILE)) == 17


def test_a_delta_made_on_request_stays_one_until_the_encoder_changes_or_travels(quantized, delta, tmp_path):
    loaded = load_encoder(delta)
    save_once(loaded, tmp_path / "same")
    save_once(loaded, tmp_path / "portable", is_portable=True)
    next(loaded.network.parameters()).data.view(-1)[0] += 1
    save_once(loaded, tmp_path / "changed")
    has_delta = {name: (tmp_path / name / DELTA_FILE).exists() for name in ("same", "portable", "changed")}
    assert has_delta == {"same": True, "portable": False, "changed": False}
    assert is_same(loaded, tmp_path / "changed") and is_same(load_encoder(delta), tmp_path / "portable")


def test_a_complete_checkpoint_and_an_export_can_be_made_of_a_delta(delta, quantized, tmp_path):
    save_encoder(load_encoder(delta), tmp_path / "complete")
    export_huggingface(load_encoder(delta), tmp_path / "export")
    shutil.rmtree(quantized)
    mine = trained_weights(tmp_path / "complete")
    assert all(torch.equal(weight, mine[name]) for name, weight in trained_weights(tmp_path / "export").items())


def trained_weights(path):
    return {name: weight for name, weight in load_encoder(path).named_parameters() if name.startswith(LAYER)}


def test_wordpieces_and_entities_of_a_delta_are_those_of_the_base(quantized, delta):
    assert find_wordpieces(delta) == find_entities(delta) == quantized
    assert find_wordpieces(quantized) == quantized


@pytest.mark.parametrize("changes", [{"num_hidden_layers": 1}, {"intermediate_size": 96}], ids=["layers", "sizes"])
def test_an_encoder_of_other_sizes_is_no_delta(quantized, tmp_path, tiny_sentencepiece, changes):
    sizes = {"hidden_size": 32, "entity_emb_size": 32, "intermediate_size": 64, **changes}
    other = load_encoder(make_checkpoint(tmp_path / "other", tiny_sentencepiece, **sizes))
    with pytest.raises(ValueError, match=r"\[ML056\].*different sizes"):
        compact_delta(other, tmp_path / "delta", quantized, "q8")
    assert find_bundled_base(other) is None


def test_an_encoder_with_another_word_table_is_no_delta(quantized, tmp_path):
    loaded = load_encoder(quantized)
    loaded.network.embeddings.word_embeddings.blocks = loaded.network.embeddings.word_embeddings.blocks + 1
    assert reason_against_delta(loaded, open_checkpoint(quantized)) == "the two have different word tables"


# --- errors ---


def test_a_missing_base_is_a_coded_error(quantized, delta):
    quantized.rename(quantized.with_name("moved"))
    with pytest.raises(ValueError, match=r"\[ML052\].*quantized.*'base' in config.json"):
        load_encoder(delta)
    with pytest.raises(ValueError, match=r"\[ML052\]"):
        find_wordpieces(delta)


def test_a_base_that_has_moved_can_be_named_in_the_config(quantized, delta):
    quantized.rename(quantized.with_name("moved"))
    own = json.loads((delta / "config.json").read_text(encoding="utf8"))["spacy_mluke"]
    own["base"]["name"] = str(quantized.with_name("moved"))
    edit_config(delta, spacy_mluke=own)
    assert len(trained_weights(delta)) == 16


@pytest.mark.parametrize("file", ["encoder.safetensors", "words.safetensors", "entity_vocab.json"])
def test_a_base_that_has_changed_is_a_coded_error(quantized, delta, file):
    data = bytearray((quantized / file).read_bytes())
    data[-30] ^= 1
    (quantized / file).write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"\[ML053\].*another checksum"):
        load_encoder(delta)


def test_a_copy_of_the_base_with_other_line_ends_and_config_has_the_same_content(quantized, delta):
    names = quantized / "entity_vocab.json"
    names.write_bytes(json.dumps(json.loads(names.read_bytes()), indent=1).encode().replace(b"\n", b"\r\n"))
    with_windows_ends = open_checkpoint(quantized).checksum()
    names.write_bytes(names.read_bytes().replace(b"\r\n", b"\n"))
    edit_config(quantized, hidden_dropout_prob=0.5)
    assert open_checkpoint(quantized).checksum() == with_windows_ends


def test_a_base_that_is_itself_a_delta_is_a_coded_error(delta, tmp_path):
    own = {"format": 2, "base": {"name": str(delta), "checksum": ""}}
    shutil.copytree(delta, tmp_path / "second")
    edit_config(tmp_path / "second", spacy_mluke=own)
    with pytest.raises(ValueError, match=r"\[ML054\].*convert"):
        load_encoder(tmp_path / "second")
    assert reason_against_delta(load_encoder(delta), open_checkpoint(delta)) == "that checkpoint is itself a delta"


def test_a_base_is_never_downloaded(delta, monkeypatch):
    def look_up(name, *, local_files_only=False, **options):
        assert local_files_only
        raise LocalEntryNotFoundError("not there")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", look_up)
    edit_config(delta, spacy_mluke={"format": 2, "base": {"name": "somebody/model", "checksum": ""}})
    with pytest.raises(ValueError, match=r"\[ML052\].*somebody/model"):
        load_encoder(delta)


NAME, MATRIX = LAYER + "output.dense.bias", ENTITIES
HOSTILE = {
    "no_such_tensor": {"nothing": Change(torch.ones(2), is_difference=True)},
    "words": {"embeddings.word_embeddings.weight": Change(torch.ones(1, 32), rows=[0])},
    "shape": {NAME: Change(torch.ones(3), is_difference=True)},
    "rows_of_a_vector": {NAME: Change(torch.ones(1), rows=[0])},
    "too_few_rows": {MATRIX: Change(torch.ones(1, 32), rows=[0, 1])},
    "row_outside": {MATRIX: Change(torch.ones(1, 32), rows=[6])},
    "unsorted": {MATRIX: Change(torch.ones(2, 32), rows=[1, 0])},
    "negative": {MATRIX: Change(torch.ones(1, 32), rows=[-1])},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_changes_that_do_not_fit_the_base_are_a_coded_error(delta, changes):
    write_changes(delta / DELTA_FILE, changes)
    with pytest.raises(ValueError, match=r"\[ML055\].*Copy both again"):
        load_encoder(delta)


@pytest.mark.parametrize("notes", [{"differences": 3}, {"rows": []}, {"rows": {"x": 1}}, {"differences": ["x"]}])
def test_damaged_notes_are_a_coded_error(delta, notes):
    write_quantized(delta / DELTA_FILE, {NAME: torch.ones(32)}, {}, notes=notes)
    with pytest.raises(ValueError, match=r"\[ML055\]"):
        load_encoder(delta)


def test_a_table_larger_than_its_file_is_not_made(delta):
    edit_config(delta, entity_vocab_size=10**9)
    write_changes(delta / DELTA_FILE, {MATRIX: Change(torch.ones(1, 32), rows=[10**9 - 1])})
    with pytest.raises(ValueError, match=r"\[ML055\]"):
        load_encoder(delta)
