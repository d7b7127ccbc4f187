"""Wordpieces: ids, character offsets, special pieces, files."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import threading

import numpy
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.tokenization.load import load_wordpieces
from spacy_mluke.tokenization.piece_offsets import PieceCharacters
from tests.conftest import SAMPLES

MARKERS = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "<ent>", "<ent2>", "[MASK]", "▁", " ", "x", "\u200d"]
# Letters of many scripts, combining characters, characters that become several, characters that disappear.
ALPHABET = st.sampled_from([*"aZ é1,.–¼ﷺ㍿①ﬁ½…가ᄀ\u1161漢，がか\u3099न\u093cกำ"]) | st.sampled_from(
    [*"\u0301\u0308\u200d\u200b\u00ad\ufeff\u00a0\u3000\t\n \u2581👩🇫\U000e0001㋿\x00\x01"]
)
TEXTS = st.text(ALPHABET, max_size=30) | st.text(max_size=20)


@pytest.fixture(scope="module")
def processor(xlmr_model_path):
    return sentencepiece.SentencePieceProcessor(str(xlmr_model_path))


@pytest.fixture(scope="module")
def asking(wordpieces):
    """The same vocabulary, always with the library's offsets."""
    found = pickle.loads(pickle.dumps(wordpieces))
    _, surfaces = found._open()
    surfaces.agree = lambda shown, n_text, ids, n_pieces: numpy.zeros(len(n_text), dtype=bool)
    return found


def raw_offsets(processor, text):
    """The library's own result: ids of the checkpoint, and characters with the space before a word."""
    found = processor.encode(text, return_type="offset_mapping")
    return [i + 1 if i else 3 for i in found["ids"]], found["pieces"], found["offsets"]


@pytest.mark.parametrize(
    "text, shown",
    [
        ("Hello  wörld!", "Hello w ör ld !"),
        ("  lead", "lead"),
        ("東京都は「日本」の首都", "- 東京都 は 「 日本 」 の 首都"),
        ("a\u3000b\u00a0c\nd\te ", "a b c d e"),
        ("½ cup", "½ cup"),
        ("cafe\u0301", "cafe\u0301"),
    ],
    ids=["latin", "leading_spaces", "cjk_no_spaces", "all_whitespace", "fraction", "combining"],
)
def test_pieces_have_the_offsets_of_their_characters(wordpieces, text, shown):
    (found,) = wordpieces.encode([text])
    assert [text[start:end] or "-" for start, end in found.offsets.tolist()] == shown.split(" ")


def test_all_pieces_of_a_character_that_becomes_several_words_cover_it(wordpieces):
    (found,) = wordpieces.encode(["x ﷺ y"])
    assert wordpieces.pieces(found.ids.tolist()) == ["▁x", "▁صلى", "▁الله", "▁عليه", "▁وسلم", "▁y"]
    assert found.offsets.tolist() == [[0, 1], [2, 3], [2, 3], [2, 3], [2, 3], [4, 5]]


def test_a_character_shared_by_two_pieces_belongs_to_the_second(wordpieces):
    (found,) = wordpieces.encode([".…"])  # read as "....", cut after three
    assert found.offsets.tolist() == [[0, 1], [1, 2]]


def test_pieces_of_whitespace_and_of_no_character_have_empty_offsets(wordpieces):
    (found,) = wordpieces.encode(["👩\u200d👧"])
    assert wordpieces.pieces(found.ids.tolist()) == ["▁", "👩", "▁", "👧"]
    assert found.offsets.tolist() == [[0, 0], [0, 1], [2, 2], [2, 3]]


def test_unknown_characters_have_their_own_offsets(wordpieces):
    (found,) = wordpieces.encode(["a ㋿㋿b"])
    assert wordpieces.unk_id in found.ids.tolist()
    assert found.offsets[found.ids == wordpieces.unk_id].tolist() == [[2, 4]]


def test_empty_texts_have_no_pieces(wordpieces):
    assert [len(found) for found in wordpieces.encode(["", " \n", "a", ""])] == [0, 0, 1, 0]


def test_no_texts_give_no_pieces(wordpieces):
    assert wordpieces.encode([]) == []


def test_lone_surrogates_are_encoded_as_unknown(wordpieces):
    (found,) = wordpieces.encode(["a\ud800 b"])
    assert found.offsets.max() == 4


def test_texts_of_a_batch_are_encoded_independently(wordpieces):
    texts = [*SAMPLES.values(), *MARKERS] * 2
    for text, found in zip(texts, wordpieces.encode(texts), strict=True):
        (alone,) = wordpieces.encode([text])
        assert found.ids.tolist() == alone.ids.tolist()
        assert found.offsets.tolist() == alone.offsets.tolist()


@given(st.lists(TEXTS, max_size=4))
@settings(max_examples=80, deadline=None)
def test_offsets_rise_and_stay_in_the_text(wordpieces, texts):
    for text, found in zip(texts, wordpieces.encode(texts), strict=True):
        starts, ends = found.offsets[:, 0], found.offsets[:, 1]
        assert (starts >= 0).all() and (starts <= ends).all() and (ends <= len(text)).all()
        assert (numpy.diff(starts) >= 0).all() and (numpy.diff(ends) >= 0).all()


@given(TEXTS)
@settings(max_examples=80, deadline=None)
def test_every_visible_character_is_covered(wordpieces, processor, text):
    (found,) = wordpieces.encode([text])
    covered = {char for start, end in found.offsets.tolist() for char in range(start, end)}
    shown = {i for i, char in enumerate(text) if processor.normalize(char).strip("▁")}
    assert shown <= covered


@given(TEXTS)
@settings(max_examples=80, deadline=None)
def test_ids_are_those_of_the_library(wordpieces, processor, text):
    (found,) = wordpieces.encode([text])
    assert found.ids.tolist() == raw_offsets(processor, text)[0]


@given(st.lists(TEXTS, max_size=4))
@settings(max_examples=80, deadline=None)
def test_offsets_derived_from_characters_equal_those_of_the_library(wordpieces, asking, texts):
    for ours, theirs in zip(wordpieces.encode(texts), asking.encode(texts), strict=True):
        assert ours.offsets.tolist() == theirs.offsets.tolist()


@given(TEXTS)
@settings(max_examples=80, deadline=None)
def test_offsets_are_those_of_the_library_without_whitespace(wordpieces, processor, text):
    blank = [not processor.normalize(char).strip("▁") for char in text]
    (found,) = wordpieces.encode([text])
    for ours, (start, end) in zip(found.offsets.tolist(), raw_offsets(processor, text)[2], strict=True):
        while start < end and blank[start]:
            start += 1
        while start < end and blank[end - 1]:
            end -= 1
        if start < end:
            assert ours == [start, end]


@given(st.lists(st.sampled_from(MARKERS), max_size=8).map("".join))
@settings(max_examples=80, deadline=None)
def test_text_never_becomes_a_special_piece(wordpieces, byte_level, text):
    for vocabulary in (wordpieces, byte_level):
        special = vocabulary.special
        ours = {special.bos, special.pad, special.eos, special.mask, special.ent, special.ent2}
        (found,) = vocabulary.encode([text])
        assert not ours & set(found.ids.tolist())


def test_the_reference_produces_special_pieces_from_text(wordpieces, mluke_tokenizer):
    text = "a </s> b"
    assert wordpieces.eos_id in mluke_tokenizer()(text, add_special_tokens=False)["input_ids"]
    assert wordpieces.eos_id not in wordpieces.encode([text])[0].ids


def test_text_that_spells_a_marker_of_the_model_is_not_a_marker(tiny_sentencepiece, tmp_path):
    with (tmp_path / "sentencepiece.bpe.model").open("wb") as file_:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d <ent> e"] * 20),
            model_writer=file_,
            vocab_size=15,
            hard_vocab_limit=False,
            user_defined_symbols=["<ent>"],
            minloglevel=2,
        )
    processor = sentencepiece.SentencePieceProcessor(str(tmp_path / "sentencepiece.bpe.model"))
    marker = processor.piece_to_id("<ent>") + 1
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<ent>": marker}))
    found = load_wordpieces(tmp_path)
    assert found.ent_id == marker
    ids = found.encode(["a <ent> b"])[0].ids.tolist()
    assert marker not in ids and found.unk_id in ids


def test_text_that_continues_a_word_gets_no_space(wordpieces):
    texts = ["東京", "Berlin", "in", "!", "\u0259\u0259"]
    apart, joined = wordpieces.encode(texts), wordpieces.encode(texts, joined=[True] * len(texts))
    assert [wordpieces.pieces(found.ids.tolist()) for found in apart][:4] == [
        ["▁", "東京"],
        ["▁Berlin"],
        ["▁in"],
        ["▁!"],
    ]
    assert [wordpieces.pieces(found.ids.tolist()) for found in joined][:4] == [
        ["東京"],
        # There is no piece "Berlin" without "▁", so the piece does not change.
        ["▁Berlin"] if wordpieces._inside_word(apart[1].ids[0]) == apart[1].ids[0] else ["Berlin"],
        ["in"],
        ["!"],
    ]
    assert joined[0].offsets.tolist() == [[0, 2]]


def test_special_pieces_have_names(wordpieces):
    ids = [0, 1, 2, 3, wordpieces.mask_id, wordpieces.ent_id, wordpieces.ent2_id]
    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<ent>", "<ent2>"]
    assert wordpieces.pieces(ids) == names
    assert ids[-3:] == [250001, 250002, 250003] and wordpieces.vocab_size == 250004


def test_markers_follow_the_pieces_if_no_file_gives_their_ids(tiny_sentencepiece):
    found = load_wordpieces(tiny_sentencepiece.parent)
    n_pieces = len(sentencepiece.SentencePieceProcessor(str(tiny_sentencepiece)))
    assert [found.mask_id, found.ent_id, found.ent2_id] == [n_pieces + 1, n_pieces + 2, n_pieces + 3]
    assert found.vocab_size == n_pieces + 4


def test_markers_are_looked_up_by_name(tiny_sentencepiece, tmp_path):
    shutil.copy(tiny_sentencepiece, tmp_path)
    settings_ = {
        "added_tokens_decoder": {"900": {"content": "<e1>"}, "901": {"content": "<ent2>"}},
        "entity_token_1": {"content": "<e1>"},
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings_))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<mask>": 899}))
    found = load_wordpieces(tmp_path)
    assert [found.mask_id, found.ent_id, found.ent2_id] == [899, 900, 901]
    assert found.piece(900) == "<e1>"


def test_a_checkpoint_without_rows_for_markers_has_none(tiny_sentencepiece, tmp_path):
    shutil.copy(tiny_sentencepiece, tmp_path)
    n_pieces = len(sentencepiece.SentencePieceProcessor(str(tiny_sentencepiece)))
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": n_pieces + 2}))
    found = load_wordpieces(tmp_path)
    assert found.mask_id == n_pieces + 1
    assert found.ent_id is None and found.ent2_id is None


def test_saved_files_open_in_transformers_with_the_same_ids(wordpieces, tmp_path):
    from transformers import MLukeTokenizer

    wordpieces.to_dir(tmp_path)
    entities = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
    (tmp_path / "entity_vocab.json").write_text(json.dumps(entities))
    tokenizer = MLukeTokenizer.from_pretrained(tmp_path)
    for text in SAMPLES.values():
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids == wordpieces.encode([text])[0].ids.tolist()
    names = ["<mask>", "<ent>", "<ent2>"]
    ids = [wordpieces.mask_id, wordpieces.ent_id, wordpieces.ent2_id]
    assert tokenizer.convert_tokens_to_ids(names) == ids


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda found: pickle.loads(pickle.dumps(found))])
def test_vocabularies_survive_copying(wordpieces, byte_level, clone):
    for vocabulary in (wordpieces, byte_level):
        copied = clone(vocabulary)
        for ours, theirs in zip(
            vocabulary.encode([*SAMPLES.values()]), copied.encode([*SAMPLES.values()]), strict=True
        ):
            assert ours.ids.tolist() == theirs.ids.tolist()
        assert copied.special == vocabulary.special


def test_the_model_is_parsed_at_first_use_and_once(tiny_sentencepiece, monkeypatch):
    made = []
    original = PieceCharacters.__init__
    monkeypatch.setattr(
        PieceCharacters, "__init__", lambda self, processor: (made.append(1), original(self, processor))[1]
    )
    found = load_wordpieces(tiny_sentencepiece.parent)
    assert not made
    threads = [threading.Thread(target=found.encode, args=(["Los Angeles"],)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_threads_share_a_vocabulary(wordpieces):
    fresh = pickle.loads(pickle.dumps(wordpieces))
    texts = [*SAMPLES.values()] * 3
    expected = [found.offsets.tolist() for found in wordpieces.encode(texts)]
    results = {}

    def read(number):
        results[number] = [found.offsets.tolist() for found in fresh.encode(texts)]

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[number] == expected for number in range(4))


def test_a_directory_without_a_vocabulary_is_named_in_the_error(tmp_path):
    with pytest.raises(ValueError, match="ML005"):
        load_wordpieces(tmp_path)


def test_a_truncated_model_is_a_coded_error(tiny_sentencepiece, tmp_path):
    content = tiny_sentencepiece.read_bytes()
    (tmp_path / "sentencepiece.bpe.model").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="ML006"):
        load_wordpieces(tmp_path).encode(["a"])


@pytest.mark.parametrize("content", ["{", "[]"])
def test_damaged_settings_are_a_coded_error(tiny_sentencepiece, tmp_path, content):
    shutil.copy(tiny_sentencepiece, tmp_path)
    (tmp_path / "added_tokens.json").write_text(content)
    with pytest.raises(ValueError, match="ML006"):
        _ = load_wordpieces(tmp_path).ent_id


def test_equal_vocabularies_in_use_are_one_object(xlmr_model_path, tmp_path):
    shutil.copy(xlmr_model_path, tmp_path)
    first = load_wordpieces(tmp_path)
    assert load_wordpieces(tmp_path) is first
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<ent>": 250002}), encoding="utf8")
    assert load_wordpieces(tmp_path) is not first
