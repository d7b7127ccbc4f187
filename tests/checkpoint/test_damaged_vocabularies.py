"""Damaged wordpiece vocabularies in a checkpoint: every error has a code."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.tensor_names import WORDS
from spacy_mluke.tokenization.load import load_wordpieces
from spacy_mluke.tokenization.sentencepiece_file import check_whole
from tests.checkpoint.checkpoints import edit_config


def test_a_sentencepiece_model_truncated_between_two_pieces_is_an_error(path):
    content = (path / "sentencepiece.bpe.model").read_bytes()
    at = 0
    for _ in range(40):
        at += 2 + content[at + 1]  # a piece: its mark, how many bytes it has, and those
        (path / "sentencepiece.bpe.model").write_bytes(content[:at])
        with pytest.raises(ValueError, match=r"ML006.*(truncated|no pieces)"):
            load_encoder(path)


def test_a_sentencepiece_model_without_its_last_part_is_an_error(tiny_sentencepiece):
    content = tiny_sentencepiece.read_bytes()
    check_whole(content, 256)
    with pytest.raises(ValueError, match="truncated"):
        check_whole(content[: content.rindex(b"\x1a", 0, len(content) - 200_000)], 256)


def test_a_sentencepiece_model_with_missing_pieces_is_an_error(tiny_sentencepiece):
    content = tiny_sentencepiece.read_bytes()
    with pytest.raises(ValueError, match=r"255 of 256 pieces|truncated"):
        check_whole(content[2 + content[1] :], 255)


def test_fewer_pieces_than_rows_are_an_error_if_the_mask_follows_the_last_piece(path):
    table = load_file(path / "model.safetensors")[WORDS]
    file = path / "model.safetensors"
    save_file({**load_file(file), WORDS: torch.cat([table, table[:3]])}, file, {"format": "pt"})
    edit_config(path, vocab_size=len(table) + 3)
    with pytest.raises(ValueError, match=r"ML344.*incomplete"):
        load_encoder(path)
    # If a file gives the id of <mask>, the table may be padded to a round number.
    (path / "added_tokens.json").write_text(json.dumps({"<mask>": len(table) - 3}))
    assert load_encoder(path).wordpieces.mask_id == len(table) - 3


@pytest.mark.parametrize("tokens", [{"<ent>": -1}, {"<ent>": 1.5}, {"<ent>": "7"}, {"<ent>": 3}, {"<mask>": 1 << 40}])
def test_added_pieces_with_invalid_ids_are_an_error(path, tokens):
    (path / "added_tokens.json").write_text(json.dumps(tokens))
    with pytest.raises(ValueError, match="ML006"):
        load_encoder(path)


def test_truncated_merges_are_an_error_and_a_few_missing_ones_a_warning(byte_level):
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
def test_pieces_with_invalid_ids_are_an_error(byte_level, pieces):
    vocab = json.loads((byte_level / "vocab.json").read_text(encoding="utf8"))
    (byte_level / "vocab.json").write_text(json.dumps({**vocab, **pieces}))
    with pytest.raises(ValueError, match=r"ML006.*vocab\.json"):
        load_encoder(byte_level)


def test_a_piece_that_is_twice_in_the_vocabulary_is_an_error(byte_level):
    text = (byte_level / "vocab.json").read_text(encoding="utf8")
    (byte_level / "vocab.json").write_text('{"a": 5, ' + text.lstrip("{"), encoding="utf8")
    with pytest.raises(ValueError, match=r"ML006.*'a' twice"):
        load_encoder(byte_level)
