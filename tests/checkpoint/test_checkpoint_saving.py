"""Saved directories give the same encoder when loaded, and exports open with transformers."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

from spacy_mluke.checkpoint import load as checkpoint_module
from spacy_mluke.checkpoint.huggingface import export_huggingface
from spacy_mluke.checkpoint.load import LoadedEncoder, load_encoder
from spacy_mluke.checkpoint.save import save_encoder
from spacy_mluke.checkpoint.tensor_names import ENTITIES, WORDS
from spacy_mluke.network.mapped_table import MappedEntityTable
from spacy_mluke.network.quantized_table import Q4Embedding
from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module

from ..conftest import SAMPLES
from .checkpoints import FULL, make_checkpoint, states


@pytest.fixture
def mapped(path, monkeypatch) -> LoadedEncoder:
    """An encoder like that of a full-size checkpoint: mapped table, names in SQLite, changed by training."""
    monkeypatch.setattr(checkpoint_module, "MAX_PLAIN_ENTITIES", 3)
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    loaded = load_encoder(path)
    loaded.entities.open(progress=print)
    with torch.no_grad():
        loaded.network.entity_embeddings.entity_embeddings.special += 1
    return loaded


def assert_same_states(found, expected, **tolerance) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **(tolerance or {"atol": 0, "rtol": 0}))


def assert_opens_with_transformers(target: Path, loaded: LoadedEncoder) -> None:
    """Check that LukeModel gives the same states, and the tokenizer the same ids."""
    model, info = transformers.LukeModel.from_pretrained(target, output_loading_info=True)
    assert not any("pooler" not in name for name in info["missing_keys"])
    # LukeModel ignores the heads of LukeForMaskedLM.
    assert set(info["unexpected_keys"]) <= {name for name, _ in loaded.heads.named_parameters()}
    expected = states(model.eval(), loaded)
    assert_same_states(states(loaded.network, loaded), expected, atol=1e-5, rtol=1e-4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(target)
    name = "MLukeTokenizer" if "sentencepiece.bpe.model" in loaded.wordpieces.files else "LukeTokenizer"
    assert type(tokenizer).__name__ == name
    pieces, entities = loaded.wordpieces, loaded.entities
    assert tokenizer.convert_tokens_to_ids(["<ent>", "<ent2>"]) == [pieces.ent_id, pieces.ent2_id]
    special = [pieces.bos_id, pieces.eos_id, pieces.mask_id]
    assert tokenizer.convert_tokens_to_ids(["<s>", "</s>", "<mask>"]) == special
    assert tokenizer.entity_mask_token_id == entities.mask_id
    assert tokenizer.entity_mask2_token_id == entities.mask2_id
    assert tokenizer.entity_vocab == dict(entities.items())
    for key in ("latin", "cyrillic", "thai", "chinese"):
        ids = tokenizer(SAMPLES[key], add_special_tokens=False)["input_ids"]
        assert ids == pieces.encode([SAMPLES[key]])[0].ids.tolist()


# --- saving ---


def test_a_saved_encoder_gives_the_same_states(path, tmp_path):
    loaded = load_encoder(path)
    with torch.no_grad():
        loaded.network.encoder.layer[0].output.dense.weight += 1
    save_encoder(loaded, tmp_path / "saved")
    again = load_encoder(tmp_path / "saved")
    assert_same_states(states(again.network, again), states(loaded.network, loaded))
    assert again.config.hidden_size == loaded.config.hidden_size
    assert dict(again.entities.items()) == FULL


def test_a_saved_encoder_consists_of_readable_files(path, tmp_path):
    save_encoder(load_encoder(path), tmp_path / "saved")
    names = {"config.json", "model.safetensors", "sentencepiece.bpe.model", "entity_vocab.json"}
    assert {file.name for file in (tmp_path / "saved").iterdir()} == names


def test_a_saved_encoder_opens_with_transformers_too(path, tmp_path):
    loaded = load_encoder(path)
    save_encoder(loaded, tmp_path / "saved")
    assert_opens_with_transformers(tmp_path / "saved", loaded)


def test_a_saved_encoder_keeps_its_type(path, tmp_path):
    save_encoder(load_encoder(path, dtype=torch.bfloat16), tmp_path / "saved")
    tensors = load_file(tmp_path / "saved" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}


def test_the_pooler_is_saved_again(path, tmp_path):
    save_encoder(load_encoder(path), tmp_path / "saved")
    name = "pooler.dense.weight"
    before = load_file(path / "model.safetensors")[name]
    assert torch.equal(load_file(tmp_path / "saved" / "model.safetensors")[name], before)


def test_an_encoder_may_be_saved_where_it_was_loaded_from(path):
    loaded = load_encoder(path)
    before = states(loaded.network, loaded)
    with torch.no_grad():
        for parameter in loaded.network.parameters():
            parameter.mul_(0.5)
    changed = states(loaded.network, loaded)
    save_encoder(loaded, path)
    assert_same_states(states(loaded.network, loaded), changed)
    again = load_encoder(path)
    assert_same_states(states(again.network, again), changed)
    assert not torch.equal(before[0], changed[0])


def test_a_quantized_word_table_is_saved_as_its_blocks(quantized, tmp_path):
    loaded = load_encoder(quantized)
    assert isinstance(loaded.network.embeddings.word_embeddings, Q4Embedding)
    save_encoder(loaded, tmp_path / "saved")
    assert WORDS not in load_file(tmp_path / "saved" / "model.safetensors")
    assert (tmp_path / "saved" / "words.safetensors").stat().st_size < 30_000
    again = load_encoder(tmp_path / "saved")
    assert isinstance(again.network.embeddings.word_embeddings, Q4Embedding)
    assert_same_states(states(again.network, again), states(loaded.network, loaded))


def test_the_word_table_of_another_checkpoint_is_not_used(quantized, path):
    # The directory had a quantized table before; the encoder saved into it has none.
    loaded = load_encoder(path)
    save_encoder(loaded, quantized)
    again = load_encoder(quantized)
    assert_same_states(states(again.network, again), states(loaded.network, loaded))


@pytest.mark.parametrize("name", ["words.safetensors", "encoder.safetensors"])
def test_a_missing_file_of_a_quantized_checkpoint_is_a_coded_error(quantized, name):
    (quantized / name).unlink()
    with pytest.raises(ValueError, match=f"ML047.*{name}"):
        load_encoder(quantized)


def test_a_checkpoint_of_a_newer_version_is_a_coded_error(quantized):
    config = json.loads((quantized / "config.json").read_text())
    config["spacy_mluke"]["format"] = 3
    (quantized / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"ML051.*Upgrade"):
        load_encoder(quantized)


def test_a_mapped_entity_table_is_saved_with_its_trained_rows(mapped, path, tmp_path):
    save_encoder(mapped, tmp_path / "saved")
    saved = load_file(tmp_path / "saved" / "model.safetensors")[ENTITIES]
    expected = load_file(path / "model.safetensors")[ENTITIES]
    expected[[0, 1, 2, 5]] += 1
    assert torch.equal(saved, expected)
    again = load_encoder(tmp_path / "saved")
    assert isinstance(again.network.entity_embeddings.entity_embeddings, MappedEntityTable)
    assert_same_states(states(again.network, again), states(mapped.network, mapped))


def test_a_large_entity_vocabulary_is_saved_as_its_database(mapped, path, tmp_path):
    save_encoder(mapped, tmp_path / "saved")
    saved = tmp_path / "saved" / "entity_vocab.sqlite"
    assert saved.read_bytes() == (path / "entity_vocab.sqlite").read_bytes()
    assert not (tmp_path / "saved" / "entity_vocab.json").exists()
    assert load_encoder(tmp_path / "saved").entities["ja:東京"] == 3


def test_copies_of_an_encoder_train_independently(mapped):
    other = copy.deepcopy(mapped)
    before = states(mapped.network, mapped)
    with torch.no_grad():
        for parameter in other.network.parameters():
            parameter.add_(1)
    assert_same_states(states(mapped.network, mapped), before)
    assert other.entities["en:Paris"] == 4


# --- exporting ---


@pytest.mark.parametrize("entity_aware", [True, False])
def test_an_export_opens_with_transformers(tmp_path, tiny_sentencepiece, entity_aware):
    path = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, use_entity_aware_attention=entity_aware)
    loaded = load_encoder(path)
    export_huggingface(loaded, tmp_path / "export")
    assert_opens_with_transformers(tmp_path / "export", loaded)


def test_an_export_of_english_luke_opens_with_transformers(tmp_path, tiny_byte_level):
    loaded = load_encoder(make_checkpoint(tmp_path / "checkpoint", tiny_byte_level))
    export_huggingface(loaded, tmp_path / "export")
    assert_opens_with_transformers(tmp_path / "export", loaded)


def test_an_export_of_a_quantized_checkpoint_opens_with_transformers(quantized, tmp_path):
    loaded = load_encoder(quantized)
    export_huggingface(loaded, tmp_path / "export")
    assert_opens_with_transformers(tmp_path / "export", loaded)
    assert "spacy_mluke" not in json.loads((tmp_path / "export" / "config.json").read_text())


def test_an_export_of_a_full_size_checkpoint_opens_with_transformers(mapped, tmp_path):
    export_huggingface(mapped, tmp_path / "export")
    assert_opens_with_transformers(tmp_path / "export", mapped)


def test_an_export_of_a_half_precision_encoder_is_float32(path, tmp_path):
    export_huggingface(load_encoder(path, dtype=torch.bfloat16), tmp_path / "export")
    tensors = load_file(tmp_path / "export" / "model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert transformers.LukeModel.from_pretrained(tmp_path / "export").dtype == torch.float32


def test_an_export_of_a_fine_tuned_model_does_not_mention_its_head(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, model=transformers.LukeForEntityClassification)
    export_huggingface(load_encoder(path), tmp_path / "export")
    assert json.loads((tmp_path / "export" / "config.json").read_text())["architectures"] == ["LukeModel"]


def test_the_bundled_checkpoint_opens_with_transformers_when_it_is_exported(tmp_path):
    loaded = load_encoder("mluke-small")
    export_huggingface(loaded, tmp_path / "export")
    assert_opens_with_transformers(tmp_path / "export", loaded)
