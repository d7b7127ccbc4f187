"""Damaged and hostile checkpoints: nothing is silent, nothing hangs, every error says what to do."""

from __future__ import annotations

import json
import os
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any, Dict

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from spacy_mluke.checkpoint import finite
from spacy_mluke.checkpoint.hub import resolve
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.tensor_names import ENTITIES, WORDS
from spacy_mluke.network.config import EncoderConfig
from spacy_mluke.pipeline.base.published import published_labels
from spacy_mluke.tokenization.load import load_wordpieces
from spacy_mluke.tokenization.sentencepiece_file import check_whole

from .checkpoints import edit_config, make_checkpoint, states
from .mutations import mutations, try_checkpoint

QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.fixture
def path(tmp_path, tiny_sentencepiece) -> Path:
    return make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece)


@pytest.fixture
def byte_level(tmp_path, tiny_byte_level) -> Path:
    return make_checkpoint(tmp_path / "byte_level", tiny_byte_level)


def edit_weights(path: Path, changes: Dict[str, Any]) -> None:
    file = path / "model.safetensors"
    save_file({**load_file(file), **changes}, file, {"format": "pt"})


# --- config.json ---


def test_a_million_layers_are_refused_before_they_are_made(path):
    edit_config(path, num_hidden_layers=1_000_000)
    with pytest.raises(ValueError, match=r"ML340.*1000000 layers"):
        load_encoder(path)


@pytest.mark.parametrize("key", ["vocab_size", "entity_vocab_size", "hidden_size", "intermediate_size"])
@pytest.mark.parametrize("size, code", [(10**11, "ML048"), (10**12 * 2, "ML024"), (10**30, "ML024")])
def test_absurd_sizes_are_compared_with_the_weights_not_made(path, key, size, code):
    edit_config(path, **{key: size})
    with pytest.raises(ValueError, match=code):
        load_encoder(path)


@pytest.mark.parametrize(
    "text", ['{"a":' * 100_000, "[" * 600 + "]" * 600, "[" * 5_000 + "]" * 5_000, '{"vocab_size": ' + "9" * 5_000 + "}"]
)
def test_a_config_that_cannot_be_parsed_is_a_coded_error(path, text):
    (path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"ML020.*config\.json"):
        load_encoder(path)


def test_a_huge_config_is_not_read(path):
    os.truncate(path / "config.json", 1 << 40)
    with pytest.raises(ValueError, match=r"ML020.*1,099,511,627,776 bytes"):
        load_encoder(path)


def test_a_config_of_many_keys_is_refused():
    with pytest.raises(ValueError, match=r"ML021.*5,000 keys"):
        EncoderConfig.from_dict({f"vocab_siz{i}": i for i in range(5_000)})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize(
    "name, code",
    [
        ("config.json", "ML020"),
        ("model.safetensors", "ML047"),
        ("sentencepiece.bpe.model", "ML005"),
        ("entity_vocab.json", "ML064"),
        ("tokenizer_config.json", "ML006"),
        ("added_tokens.json", "ML006"),
    ],
)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_only_regular_files_are_read(path, name, code, make):
    (path / name).unlink(missing_ok=True)
    make(path / name)
    with pytest.raises(ValueError, match=code):
        load_encoder(path)


@pytest.mark.parametrize(
    "own",
    [
        3,
        {"words": 3},
        {"encoder": None},
        {"format": "1"},
        {"format": True},
        {"first_added_entity": -1},
        {"first_added_entity": 7},
    ],
)
def test_a_section_of_ours_that_makes_no_sense_is_a_coded_error(path, own):
    edit_config(path, spacy_mluke=own)
    with pytest.raises(ValueError, match=r"ML342.*'spacy_mluke"):
        load_encoder(path)


@pytest.mark.parametrize("labels", [3, ["a"], {"x": "a"}])
def test_labels_that_make_no_sense_are_a_coded_error(path, labels):
    from spacy_mluke.checkpoint.directory import open_checkpoint

    edit_config(path, id2label=labels)
    with pytest.raises(ValueError, match=r"ML342.*id2label"):
        published_labels(open_checkpoint(path), 1)


@pytest.mark.parametrize("name", ["~no_such_user/x", "a" * 5_000, "x\0y", "\ud800"])
def test_names_that_no_file_can_have_are_a_coded_error(name):
    with pytest.raises(ValueError, match="ML040"):
        resolve(name)


# --- weights ---


@pytest.mark.parametrize("dtype", [torch.int32, torch.int8, torch.bool, torch.uint8])
def test_whole_numbers_are_no_weights(path, dtype):
    edit_weights(path, {QUERY: torch.ones(16, 16, dtype=dtype)})
    with pytest.raises(ValueError, match=rf"ML341.*{QUERY} \({str(dtype)[6:]}\)"):
        load_encoder(path)


def test_whole_numbers_are_no_weights_of_a_head_either(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, model=transformers.LukeForMaskedLM)
    n = len(load_file(path / "model.safetensors")["entity_predictions.bias"])
    edit_weights(path, {"entity_predictions.bias": torch.zeros(n, dtype=torch.int64)})
    with pytest.raises(ValueError, match=r"ML341.*entity_predictions\.bias"):
        load_encoder(path)


def zipped_again(path: Path, compression: int) -> None:
    tensors = load_file(path / "model.safetensors")
    (path / "model.safetensors").unlink()
    torch.save(tensors, path / "first.bin")
    target = path / "pytorch_model.bin"
    with zipfile.ZipFile(path / "first.bin") as first, zipfile.ZipFile(target, "w", compression) as again:
        for name in reversed(first.namelist()):
            again.writestr(name, first.read(name))
    (path / "first.bin").unlink()


def test_weights_that_were_zipped_again_with_compression_are_refused(path):
    zipped_again(path, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"ML045.*compression"):
        load_encoder(path)


def test_weights_that_were_zipped_again_in_another_order_are_the_same(path):
    loaded = load_encoder(path)
    expected = states(loaded.network, loaded)
    zipped_again(path, zipfile.ZIP_STORED)
    for found, wanted in zip(states(load_encoder(path).network, loaded), expected, strict=True):
        assert torch.equal(found, wanted)


def test_an_archive_with_an_entry_twice_is_refused(path):
    zipped_again(path, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path / "pytorch_model.bin", "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = next(name for name in archive.namelist() if name.endswith("/data/0"))
        archive.writestr(name, bytes(64))
    with pytest.raises(ValueError, match=r"ML045.*twice"):
        load_encoder(path)


def test_a_tensor_in_two_shards_is_refused(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path, tiny_sentencepiece, max_shard_size="20KB")
    first, second = sorted(path.glob("model-*.safetensors"))[:2]
    save_file({**load_file(second), **load_file(first)}, second, {"format": "pt"})
    with pytest.raises(ValueError, match=r"ML045.*another file"):
        load_encoder(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_said_once_with_their_count(path, value):
    query = load_file(path / "model.safetensors")[QUERY]
    query[3, :5] = value
    edit_weights(path, {QUERY: query, "encoder.layer.1.output.LayerNorm.bias": torch.full((16,), value)})
    with pytest.warns(UserWarning, match=r"ML117.*21 of the checked weights") as heard:
        load_encoder(path)
    assert len([w for w in heard if "ML117" in str(w.message)]) == 1


def test_weights_that_leave_the_range_of_half_precision_are_said(path):
    edit_weights(path, {QUERY: torch.full((16, 16), 1e6)})
    with pytest.warns(UserWarning, match=r"ML117.*256"):
        load_encoder(path, dtype=torch.float16)


@pytest.mark.parametrize("name", [WORDS, ENTITIES])
def test_some_rows_of_large_tables_are_checked(path, monkeypatch, name):
    monkeypatch.setattr(finite, "_LARGE_TABLE", 1)
    monkeypatch.setattr(finite, "_CHECKED_ROWS", 2)
    table = load_file(path / "model.safetensors")[name]
    table[1] = float("nan")
    edit_weights(path, {name: table})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_encoder(path)
    table[-1] = float("nan")
    edit_weights(path, {name: table})
    with pytest.warns(UserWarning, match=rf"ML117.*{name}"):
        load_encoder(path)


def test_sums_that_leave_the_range_of_floats_are_no_alarm(path):
    edit_weights(path, {QUERY: torch.full((16, 16), 3e38)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_encoder(path)


# --- wordpieces ---


def test_a_sentencepiece_model_that_ends_between_two_pieces_is_refused(path):
    content = (path / "sentencepiece.bpe.model").read_bytes()
    at = 0
    for _ in range(40):
        at += 2 + content[at + 1]  # a piece: its mark, how many bytes it has, and those
        (path / "sentencepiece.bpe.model").write_bytes(content[:at])
        with pytest.raises(ValueError, match=r"ML006.*(truncated|no pieces)"):
            load_encoder(path)


def test_a_sentencepiece_model_without_its_last_part_is_refused(tiny_sentencepiece):
    content = tiny_sentencepiece.read_bytes()
    check_whole(content, 256)
    with pytest.raises(ValueError, match="truncated"):
        check_whole(content[: content.rindex(b"\x1a", 0, len(content) - 200_000)], 256)


def test_a_sentencepiece_model_with_fewer_pieces_than_it_was_trained_with_is_refused(tiny_sentencepiece):
    content = tiny_sentencepiece.read_bytes()
    with pytest.raises(ValueError, match=r"255 of 256 pieces|truncated"):
        check_whole(content[2 + content[1] :], 255)


def test_fewer_pieces_than_rows_are_refused_where_masks_come_after_the_last_piece(path):
    table = load_file(path / "model.safetensors")[WORDS]
    edit_weights(path, {WORDS: torch.cat([table, table[:3]])})
    edit_config(path, vocab_size=len(table) + 3)
    with pytest.raises(ValueError, match=r"ML344.*incomplete"):
        load_encoder(path)
    # Where a file says which id <mask> has, a table may be filled up to a round number.
    (path / "added_tokens.json").write_text(json.dumps({"<mask>": len(table) - 3}))
    assert load_encoder(path).wordpieces.mask_id == len(table) - 3


@pytest.mark.parametrize("tokens", [{"<ent>": -1}, {"<ent>": 1.5}, {"<ent>": "7"}, {"<ent>": 3}, {"<mask>": 1 << 40}])
def test_added_pieces_with_ids_that_make_no_sense_are_refused(path, tokens):
    (path / "added_tokens.json").write_text(json.dumps(tokens))
    with pytest.raises(ValueError, match="ML006"):
        load_encoder(path)


def test_merges_that_are_cut_short_are_refused_and_a_few_missing_ones_are_said(byte_level):
    file = byte_level / "merges.txt"
    lines = file.read_text(encoding="utf8").splitlines(keepends=True)
    for kept in (0, 1, len(lines) // 2, len(lines) - 20):
        file.write_text("".join(lines[:kept]), encoding="utf8")
        with pytest.raises(ValueError, match=r"ML006.*merges\.txt"):
            load_encoder(byte_level)
    file.write_text("".join(lines[:-2]), encoding="utf8")
    with pytest.warns(UserWarning, match=r"ML118.*2 of the"):
        assert load_wordpieces(byte_level).vocab_size


@pytest.mark.parametrize("pieces", [{"Ġ": 5}, {"<s>": 1}, {"a": -1}, {"a": "5"}, {"a": None}])
def test_pieces_with_ids_that_make_no_sense_are_refused(byte_level, pieces):
    vocab = json.loads((byte_level / "vocab.json").read_text(encoding="utf8"))
    (byte_level / "vocab.json").write_text(json.dumps({**vocab, **pieces}))
    with pytest.raises(ValueError, match=r"ML006.*vocab\.json"):
        load_encoder(byte_level)


def test_a_piece_that_stands_twice_in_the_vocabulary_is_refused(byte_level):
    text = (byte_level / "vocab.json").read_text(encoding="utf8")
    (byte_level / "vocab.json").write_text('{"a": 5, ' + text.lstrip("{"), encoding="utf8")
    with pytest.raises(ValueError, match=r"ML006.*'a' twice"):
        load_encoder(byte_level)


# --- entities ---


def test_entities_beyond_the_table_are_refused(path):
    names = json.loads((path / "entity_vocab.json").read_text(encoding="utf8"))
    (path / "entity_vocab.json").write_text(json.dumps({**names, "en:Nowhere": 6}))
    with pytest.raises(ValueError, match=r"ML343.*up to 6.*6 rows"):
        load_encoder(path)


@pytest.mark.parametrize("text", ['{"en:Tokyo": 3, "en:Tokyo": 4}', '{"a":' * 100_000])
def test_a_small_entity_vocabulary_that_is_damaged_is_a_coded_error(path, text):
    (path / "entity_vocab.json").write_text(text)
    with pytest.raises(ValueError, match="ML062"):
        load_encoder(path)


# --- anything ---


def test_damage_of_any_kind_is_the_same_states_or_a_coded_error(path, byte_level):
    n_tried = 0
    for directory, names in (
        (path, ["config.json", "model.safetensors", "sentencepiece.bpe.model", "entity_vocab.json"]),
        (byte_level, ["vocab.json", "merges.txt"]),
    ):
        loaded = load_encoder(directory)
        with torch.no_grad():
            expected = states(loaded.network, loaded)
        for name in names:
            content = (directory / name).read_bytes()
            for done, damaged in mutations(content, name, 20):
                (directory / name).write_bytes(damaged)
                found = try_checkpoint(directory, expected)
                # A number may become another one; what is missing must be noticed.
                assert found != "other" or not done.startswith("cut"), (name, done)
                n_tried += 1
            (directory / name).write_bytes(content)
    assert n_tried == 120


def test_mutations_are_the_same_for_the_same_seed():
    content = random.Random(0).randbytes(500)
    assert list(mutations(content, "x.bin", 20)) == list(mutations(content, "x.bin", 20))
    assert list(mutations(content, "x.bin", 20)) != list(mutations(content, "x.bin", 20, seed=1))
