"""Ids and entity positions equal those of transformers' MLukeTokenizer, except for its errors."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from spacy_mluke.align import align, align_marked
from tests.align.helpers import char_doc, check_batch, expected, ragged, read_pair, read_sequences, words_of

LANGUAGES = ["en", "de", "es", "ru", "zh", "ar", "el"]
S1 = "ISO 639-3 uses the code fas for the dialects spoken across Iran and アフガニスタン (Afghanistan)."
S1_SPANS = [(0, 9), (59, 63), (68, 75), (77, 88)]
S2 = "Japanese is an East Asian language spoken by about 128 million people, primarily in Japan."


def read_one(text, spans, wordpieces, **options):
    batch = align([char_doc(text)], ragged(spans), wordpieces, default_entity_id=0, **options)
    check_batch(batch)
    return read_sequences(batch)[0] if batch.n_sequences else None


def read_marked(text, groups, wordpieces):
    size = len(groups[0])
    batch = align_marked(
        [char_doc(text)],
        [groups],
        wordpieces,
        marker_ids=[wordpieces.ent_id, wordpieces.ent2_id][:size],
        entity_ids=[0, 3][:size],
    )
    check_batch(batch)
    return read_sequences(batch)


def assert_same(ours, encoding):
    theirs = expected(encoding)
    assert {key: ours[key] for key in theirs} == theirs


@pytest.mark.parametrize(
    "text, ids",
    [
        ("This is a test", [3293, 83, 10, 3034]),
        ("Hello World!", [35378, 6661, 38]),
        (
            "I was born in 92000, and this is falsé.",
            [87, 509, 103122, 23, 483, 13821, 4, 136, 903, 83, 84047, 446, 5],
        ),
        ("Hello world! cécé herlolip 418", [35378, 8999, 38, 33273, 11676, 604, 365, 21392, 201, 1819]),
    ],
)
def test_text_without_spans_gives_the_published_ids(wordpieces, text, ids):
    assert read_one(text, [], wordpieces)["input_ids"] == [0, *ids, 2]


def test_entities_have_the_published_positions(wordpieces):
    found = read_one(S1, S1_SPANS, wordpieces)["positions"]
    assert found == [[1, 2, 3, 4], [17], [19, 20, 21, 22, 23, 24], [26]]


def test_candidate_spans_have_the_published_positions(wordpieces):
    found = read_one(S2, [(0, 8), (15, 34), (84, 89)], wordpieces)
    assert found["positions"] == [[1], [4, 5, 6], [18]]
    assert [start for start, _ in found["bounds"]] == [1, 4, 18]
    assert [end - 1 for _, end in found["bounds"]] == [1, 6, 18]


def test_marked_spans_have_the_published_positions(wordpieces):
    (found,) = read_marked(S2, [[(15, 34)]], wordpieces)
    assert len(found["input_ids"]) == 23
    assert found["positions"] == [[4, 5, 6, 7, 8]]


def test_a_pair_has_the_published_positions(wordpieces):
    (found,) = read_marked(S2, [[(0, 8), (84, 89)]], wordpieces)
    assert found["positions"] == [[1, 2, 3], [20, 21, 22]]


def test_markers_enclose_a_span_at_the_start(wordpieces):
    (found,) = read_marked("Beyonce lives in Los Angeles.", [[(0, 7)]], wordpieces)
    pieces = wordpieces.pieces(found["input_ids"])
    assert " ".join(pieces) == "<s> <ent> ▁Beyonce <ent> ▁lives ▁in ▁Los ▁Angeles . </s>"


def test_text_without_spans_equals_the_reference(wordpieces, mluke_tokenizer, sample_text):
    found = read_one(sample_text, [], wordpieces)
    assert (found["input_ids"] if found else [0, 2]) == mluke_tokenizer()(sample_text)["input_ids"]


@pytest.mark.parametrize("task", [None, "entity_span_classification"])
def test_spans_equal_the_reference(wordpieces, mluke_tokenizer, sample_text, task):
    spans = words_of(sample_text)
    if spans:
        found = read_one(sample_text, spans, wordpieces)
        assert_same(found, mluke_tokenizer(task)(sample_text, entity_spans=spans))


def test_typing_equals_the_reference(wordpieces, mluke_tokenizer, sample_text):
    spans = words_of(sample_text, 4)
    if spans:
        found = read_marked(sample_text, [[span] for span in spans], wordpieces)
        for ours, span in zip(found, spans, strict=True):
            encoding = mluke_tokenizer("entity_classification")(sample_text, entity_spans=[span])
            assert_same(ours, encoding)


def test_pairs_of_spans_equal_the_reference(wordpieces, mluke_tokenizer, sample_text):
    pairs = [list(pair) for pair in permutations(words_of(sample_text, 4), 2)]
    if pairs:
        found = read_marked(sample_text, pairs, wordpieces)
        for ours, pair in zip(found, pairs, strict=True):
            encoding = mluke_tokenizer("entity_pair_classification")(sample_text, entity_spans=pair)
            assert_same(ours, encoding)


def test_pairs_of_texts_equal_the_reference(wordpieces, mluke_tokenizer, sample_text):
    first, second = "Where is Los Angeles?", sample_text
    spans = [[(9, 20)], words_of(second)]
    found = read_pair(first, second, wordpieces, *spans)
    encoding = mluke_tokenizer()(first, second, entity_spans=spans[0], entity_spans_pair=spans[1])
    if second:  # The reference takes an empty second text for none.
        assert_same(found, encoding)


@pytest.mark.parametrize("language", LANGUAGES)
def test_paragraphs_equal_the_reference(wordpieces, mluke_tokenizer, data_dir, language):
    for text, _ in read_xquad(data_dir, language):
        spans = [span for span in words_of(text) if len(text[slice(*span)]) > 2]
        found = read_one(text, spans, wordpieces, window=4096, max_entities=None)
        assert_same(found, mluke_tokenizer()(text, entity_spans=spans))


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_with_paragraphs_equal_the_reference(wordpieces, mluke_tokenizer, data_dir, language):
    for text, question in read_xquad(data_dir, language):
        assert_same(read_pair(question, text, wordpieces, window=4096), mluke_tokenizer()(question, text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_marked_paragraphs_equal_the_reference(wordpieces, mluke_tokenizer, data_dir, language):
    for text, _ in read_xquad(data_dir, language)[:4]:
        spans = words_of(text)
        pairs = [[spans[1], spans[-1]], [spans[len(spans) // 2], spans[2]]]
        batch = align_marked(
            [char_doc(text)],
            [pairs],
            wordpieces,
            marker_ids=[wordpieces.ent_id, wordpieces.ent2_id],
            entity_ids=[0, 3],
            window=4096,
        )
        for ours, pair in zip(read_sequences(batch), pairs, strict=True):
            assert_same(ours, mluke_tokenizer("entity_pair_classification")(text, entity_spans=pair))


def read_xquad(data_dir, language, most=12):
    """Every twentieth paragraph, with its first question."""
    data = json.loads((data_dir / "xquad" / f"xquad.{language}.json").read_text(encoding="utf8"))["data"]
    paragraphs = [paragraph for article in data for paragraph in article["paragraphs"]]
    return [(p["context"], p["qas"][0]["question"]) for p in paragraphs[::20]][:most]
