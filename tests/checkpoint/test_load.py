"""Loading: every published format gives the reference's states, and every damaged one a coded error."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from spacy_mluke.checkpoint import load as checkpoint_module
from spacy_mluke.checkpoint.directory import open_checkpoint
from spacy_mluke.checkpoint.load import LoadedEncoder, load_encoder
from spacy_mluke.checkpoint.tensor_names import WORDS
from spacy_mluke.network.mapped_table import MappedEntityTable
from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module

from .checkpoints import FULL, LITE, edit_config, make_checkpoint, states

HEADS = {
    "LukeForMaskedLM": {"lm_head", "entity_predictions"},
    "LukeForEntityClassification": {"classifier"},
    "LukeForEntityPairClassification": {"classifier"},
    "LukeForEntitySpanClassification": {"classifier"},
    "LukeForQuestionAnswering": {"qa_outputs"},
}


def assert_like_reference(path: Path, loaded: LoadedEncoder) -> None:
    """Check that our states equal those of the reference on the same directory."""
    expected = states(transformers.LukeModel.from_pretrained(path).eval(), loaded)
    found = states(loaded.network, loaded)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


# --- formats ---


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "pickled"])
@pytest.mark.parametrize("shard", ["5GB", "10KB"], ids=["whole", "sharded"])
def test_every_format_gives_the_reference_states(tmp_path, tiny_sentencepiece, safe, shard):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, safe=safe, max_shard_size=shard)
    assert (len(open_checkpoint(path).files) > 1) is (shard == "10KB")
    assert_like_reference(path, load_encoder(path))


def test_pickles_of_old_torch_versions_give_the_reference_states(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, safe=False)
    file = path / "pytorch_model.bin"
    torch.save(torch.load(file, weights_only=True), file, _use_new_zipfile_serialization=False)
    assert_like_reference(path, load_encoder(path))


@pytest.mark.parametrize("entity_aware", [True, False])
@pytest.mark.parametrize("entities", [FULL, LITE], ids=["full", "lite"])
def test_either_attention_gives_the_reference_states(tmp_path, tiny_sentencepiece, entity_aware, entities):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, entities=entities, use_entity_aware_attention=entity_aware)
    assert_like_reference(path, load_encoder(path))


def test_english_luke_gives_the_reference_states(tmp_path, tiny_byte_level):
    path = make_checkpoint(tmp_path, tiny_byte_level, use_entity_aware_attention=True)
    assert_like_reference(path, load_encoder(path))


def test_entities_as_wide_as_words_give_the_reference_states(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, entity_emb_size=16)
    assert_like_reference(path, load_encoder(path))


@pytest.mark.parametrize("name", sorted(HEADS))
def test_the_encoder_of_a_fine_tuned_model_is_found_and_its_head_kept(tmp_path, tiny_sentencepiece, name):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, model=getattr(transformers, name), safe=False)
    checkpoint = open_checkpoint(path)
    assert {head.partition(".")[0] for head in checkpoint.heads} == HEADS[name]
    assert_like_reference(path, load_encoder(path))


def test_half_precision_files_are_loaded_as_float32_by_default(path):
    file = path / "model.safetensors"
    save_file({name: tensor.half() for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    assert {p.dtype for p in load_encoder(path).network.parameters()} == {torch.float32}
    loaded = load_encoder(path, dtype=torch.bfloat16)
    assert {p.dtype for p in loaded.network.parameters()} == {torch.bfloat16}


def test_a_loaded_network_is_ready_to_predict(path):
    loaded = load_encoder(str(path), visibility="isolated", device="cpu")
    assert not loaded.network.training
    assert loaded.network.visibility == "isolated"
    assert loaded.source == str(path)
    assert all(parameter.device.type == "cpu" for parameter in loaded.network.parameters())


def test_loading_does_not_change_the_random_state(path):
    before = torch.get_rng_state()
    load_encoder(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_special_entities_come_from_the_file_not_from_positions(path):
    entities = load_encoder(path).entities
    assert (entities.mask_id, entities.unk_id, entities.pad_id, entities.mask2_id) == (2, 1, 0, 5)


# --- names ---


def edit_weights(path: Path, **changes: Any) -> None:
    """Change tensors by name, with "__" for "."; None removes one."""
    file = path / "model.safetensors"
    tensors: Dict[str, Any] = load_file(file)
    tensors.update({name.replace("__", "."): tensor for name, tensor in changes.items()})
    save_file({name: t for name, t in tensors.items() if t is not None}, file, {"format": "pt"})


def test_known_unused_tensors_are_not_an_error(path):
    leftovers = {
        "embeddings.position_ids": torch.arange(66)[None],
        "encoder.layer.0.attention.self.w2e_query.weight": torch.ones(16, 16),
        "encoder.layer.1.attention.self.e2e_query.bias": torch.ones(16),
    }
    edit_weights(path, **leftovers)
    assert open_checkpoint(path).tensors.unused.keys() == leftovers.keys()
    load_encoder(path)


def test_a_checkpoint_without_pooler_loads(path):
    expected = states(load_encoder(path).network, load_encoder(path))
    edit_weights(path, pooler__dense__weight=None, pooler__dense__bias=None)
    loaded = load_encoder(path)
    assert not hasattr(loaded.network, "pooler")
    for ours, theirs in zip(states(loaded.network, loaded), expected, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"encoder__layer__0__output__dense__bias": None}, r"Missing: encoder\.layer\.0\.output\.dense\.bias"),
        ({"encoder__layer__2__output__dense__bias": torch.ones(16)}, r"Unused: encoder\.layer\.2"),
        ({"embeddings__LayerNorm__bias": torch.ones(8)}, r"LayerNorm\.bias \(8,\) instead of \(16,\)"),
        ({"entity_embeddings__entity_embeddings__weight": torch.ones(5, 8)}, r"\(5, 8\) instead of \(6, 8\)"),
        ({"pooler__dense__bias": None}, r"Missing: pooler\.dense\.bias"),
    ],
    ids=["missing", "unused", "shape", "entities", "half_a_pooler"],
)
def test_weights_that_do_not_fit_are_named(path, changes, message):
    edit_weights(path, **changes)
    with pytest.raises(ValueError, match=f"ML048.*{message}"):
        load_encoder(path)


def test_many_misfits_are_counted(path):
    edit_config(path, num_hidden_layers=5)
    with pytest.raises(ValueError, match=r"ML048.*and \d+ more.*Unused: none"):
        load_encoder(path)


def test_missing_entity_aware_queries_are_copies_of_the_query(path):
    edit_config(path, use_entity_aware_attention=True)
    with pytest.warns(UserWarning, match="ML140"):
        loaded = load_encoder(path)
    reference = transformers.LukeModel.from_pretrained(path, use_entity_aware_attention=False).eval()
    plain = states(reference, loaded)
    for ours, theirs in zip(states(loaded.network, loaded), plain, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    attention = loaded.network.encoder.layer[0].attention.self
    assert torch.equal(attention.w2e_query.weight, attention.query.weight)
    assert attention.w2e_query.weight.data_ptr() != attention.query.weight.data_ptr()


def test_some_missing_entity_aware_queries_are_an_error(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, use_entity_aware_attention=True)
    edit_weights(path, encoder__layer__1__attention__self__e2e_query__weight=None)
    with pytest.raises(ValueError, match=r"ML048.*Missing: .*e2e_query\.weight"):
        load_encoder(path)


# --- bad input ---


def test_a_missing_directory_is_a_coded_error(tmp_path):
    with pytest.raises(ValueError, match="ML040"):
        load_encoder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name, code",
    [
        ("config.json", "ML020"),
        ("model.safetensors", "ML047"),
        ("sentencepiece.bpe.model", "ML005"),
        ("entity_vocab.json", "ML064"),
    ],
)
def test_a_missing_file_is_a_coded_error(path, name, code):
    (path / name).unlink()
    with pytest.raises(ValueError, match=code):
        load_encoder(path)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_another_family_is_a_coded_error(tmp_path, family):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.AutoConfig.for_model(family, vocab_size=30, **sizes)
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"ML022.*LUKE"):
        load_encoder(tmp_path)


def test_weights_of_another_family_are_a_coded_error(path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.AutoConfig.for_model("xlm-roberta", vocab_size=30, **sizes)
    transformers.AutoModel.from_config(config).save_pretrained(path / "other")
    (path / "other" / "model.safetensors").replace(path / "model.safetensors")
    with pytest.raises(ValueError, match=r"ML048.*Missing: .*entity_embeddings"):
        load_encoder(path)


def test_a_truncated_weight_file_is_a_coded_error(path):
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"ML045.*Download it again"):
        load_encoder(path)


def test_a_pickle_with_code_is_a_coded_error(path, tmp_path):
    class Code:
        def __reduce__(self) -> Tuple[Any, Tuple[str]]:
            return os.mkdir, (str(tmp_path / "proof"),)

    (path / "model.safetensors").unlink()
    torch.save({WORDS: Code()}, path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="ML046"):
        load_encoder(path)
    assert not (tmp_path / "proof").exists()


def test_a_config_with_a_typo_is_a_coded_error(path):
    edit_config(path, hidden_sizes=16, hidden_size=None)
    with pytest.raises(ValueError, match="ML025"):
        load_encoder(path)


def test_another_checkpoints_entity_vocabulary_is_a_coded_error(path):
    (path / "entity_vocab.json").write_text(json.dumps({**FULL, "[MASK2]": 6}))
    with pytest.raises(ValueError, match=r"ML049.*entity_vocab\.json"):
        load_encoder(path)


def test_another_checkpoints_wordpieces_are_a_coded_error(path):
    n_rows = len(load_file(path / "model.safetensors")[WORDS]) - 10
    edit_config(path, vocab_size=n_rows)
    edit_weights(path, **{WORDS: torch.ones(n_rows, 16)})
    with pytest.raises(ValueError, match="ML050"):
        load_encoder(path)


# --- full-size entity tables ---


@pytest.fixture
def mapped(path, monkeypatch) -> LoadedEncoder:
    monkeypatch.setattr(checkpoint_module, "MAX_PLAIN_ENTITIES", 3)
    return load_encoder(path)


def test_a_large_entity_table_stays_in_its_file_and_gives_the_reference_states(path, mapped):
    table = mapped.network.entity_embeddings.entity_embeddings
    assert isinstance(table, MappedEntityTable)
    assert table.special_ids.tolist() == [0, 1, 2, 5]
    assert_like_reference(path, mapped)


def test_only_special_rows_of_a_large_entity_table_train(mapped):
    pieces, entities = states(mapped.network, mapped)
    (pieces.sum() + (entities**2).sum()).backward()
    table = mapped.network.entity_embeddings.entity_embeddings
    assert [name for name, _ in table.named_parameters()] == ["special"]
    # Of the entities in `states`, [MASK] and [MASK2] are special, en:Paris is not.
    assert numpy.flatnonzero(table.special.grad.abs().sum(1)).tolist() == [2, 3]


def test_a_first_vector_needs_no_entity_database(path, monkeypatch):
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    loaded = load_encoder(path)
    ids, mention = torch.tensor([loaded.entities.mask_id]), torch.tensor([[1, 2]])
    loaded.network(torch.tensor([0, 5, 2]), [3], ids, mention, [1], max_mention_length=30)
    assert not (path / "entity_vocab.sqlite").exists()


def test_small_entity_tables_are_plain_parameters(path):
    table = load_encoder(path).network.entity_embeddings.entity_embeddings
    assert isinstance(table, torch.nn.Embedding)
    assert table.weight.requires_grad
