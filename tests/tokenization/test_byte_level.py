"""Byte-level BPE of English LUKE: equal to transformers' LukeTokenizer, task by task."""

from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.align import align, align_marked
from spacy_mluke.tokenization.load import load_wordpieces
from tests.align.helpers import char_doc, check_batch, expected, ragged, read_pair, read_sequences, words_of


@pytest.fixture(scope="module")
def prefixed(tiny_byte_level, tmp_path_factory):
    """The vocabulary with `add_prefix_space`."""
    path = tmp_path_factory.mktemp("prefixed")
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(tiny_byte_level / name, path)
    (path / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": True}))
    return load_wordpieces(path)


def assert_same(ours, encoding):
    theirs = expected(encoding)
    assert {key: ours[key] for key in theirs} == theirs


@pytest.mark.parametrize("add_prefix_space", [False, True])
def test_spans_equal_the_reference(byte_level, prefixed, luke_tokenizer, sample_text, add_prefix_space):
    spans = words_of(sample_text)
    if spans:
        vocabulary = prefixed if add_prefix_space else byte_level
        batch = align([char_doc(sample_text)], ragged(spans), vocabulary, default_entity_id=0)
        check_batch(batch)
        tokenizer = luke_tokenizer(add_prefix_space=add_prefix_space)
        assert_same(read_sequences(batch)[0], tokenizer(sample_text, entity_spans=spans))


def test_typing_equals_the_reference(byte_level, luke_tokenizer, sample_text):
    for span in words_of(sample_text, 3):
        batch = align_marked(
            [char_doc(sample_text)],
            [[[span]]],
            byte_level,
            marker_ids=[byte_level.ent_id],
            entity_ids=[0],
        )
        encoding = luke_tokenizer("entity_classification")(sample_text, entity_spans=[span])
        assert_same(read_sequences(batch)[0], encoding)


def test_pairs_of_spans_equal_the_reference(byte_level, luke_tokenizer, sample_text):
    spans = words_of(sample_text, 3)
    for pair in [spans[:2], spans[:2][::-1], spans[::2]]:
        if len(pair) == 2:
            batch = align_marked(
                [char_doc(sample_text)],
                [[pair]],
                byte_level,
                marker_ids=[byte_level.ent_id, byte_level.ent2_id],
                entity_ids=[0, 3],
            )
            encoding = luke_tokenizer("entity_pair_classification")(sample_text, entity_spans=pair)
            assert_same(read_sequences(batch)[0], encoding)


def test_pairs_of_texts_equal_the_reference(byte_level, luke_tokenizer):
    first, second = "Where is Tōkyō?", "Tōkyō is far away. 👩"
    found = read_pair(first, second, byte_level, [(9, 14)], [(0, 5)])
    encoding = luke_tokenizer()(first, second, entity_spans=[(9, 14)], entity_spans_pair=[(0, 5)])
    assert_same(found, encoding)


def test_the_piece_of_a_word_includes_the_space_before_it_but_its_offsets_do_not(byte_level):
    doc = char_doc("in Los")
    batch = align([doc], ragged([(3, 6)]), byte_level, default_entity_id=0)
    start, end = batch.entity_bounds[0].tolist()
    assert byte_level.piece(int(batch.piece_ids[start])).startswith("Ġ")
    offsets = batch.docs[0].piece_offsets[start:end]
    assert offsets[0, 0] == 3 and offsets[-1, 1] == 6
    assert batch.docs[0].token_bounds[2].tolist() == [start, start]


def test_every_byte_of_a_character_has_its_offsets(byte_level):
    (found,) = byte_level.encode(["a 𓀀 b"])
    assert found.offsets.tolist().count([2, 3]) == len("𓀀".encode())


@given(st.text(max_size=30))
@settings(max_examples=80, deadline=None)
def test_offsets_rise_and_cover_visible_characters(byte_level, prefixed, text):
    for vocabulary in (byte_level, prefixed):
        (found,) = vocabulary.encode([text])
        rows = found.offsets.tolist()
        assert rows == sorted(rows) and all(0 <= start <= end <= len(text) for start, end in rows)
        covered = {char for start, end in rows for char in range(start, end)}
        assert {i for i, char in enumerate(text) if not char.isspace()} <= covered


def test_markers_follow_the_vocabulary(byte_level, luke_tokenizer):
    names = ["<mask>", "<ent>", "<ent2>"]
    ids = [byte_level.mask_id, byte_level.ent_id, byte_level.ent2_id]
    assert luke_tokenizer().convert_tokens_to_ids(names) == ids
    assert byte_level.pieces(ids) == names
    assert byte_level.vocab_size == ids[-1] + 1


def test_text_that_continues_a_word_gets_no_space(prefixed):
    apart, joined = prefixed.encode(["is"])[0], prefixed.encode(["is"], joined=[True])[0]
    assert prefixed.piece(int(apart.ids[0])).startswith("Ġ")
    assert not prefixed.piece(int(joined.ids[0])).startswith("Ġ")
    assert apart.offsets.max() == joined.offsets.max() == 2


def test_saved_files_open_in_transformers_with_the_same_ids(prefixed, tmp_path):
    from transformers import LukeTokenizer

    prefixed.to_dir(tmp_path)
    entities = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
    (tmp_path / "entity_vocab.json").write_text(json.dumps(entities))
    tokenizer = LukeTokenizer.from_pretrained(tmp_path)
    text = "Beyoncé lives in Los Angeles, and Tōkyō is far away."
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert prefixed.encode([text])[0].ids.tolist() == ids


@pytest.mark.parametrize(
    "name, content", [("vocab.json", "{"), ("vocab.json", '{"a": 0}'), ("merges.txt", "#version: 0.2\nzz zz\n")]
)
def test_damaged_files_are_a_coded_error(tiny_byte_level, tmp_path, name, content):
    for copied in ("vocab.json", "merges.txt"):
        shutil.copy(tiny_byte_level / copied, tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match="ML006"):
        load_wordpieces(tmp_path).encode(["a"])
