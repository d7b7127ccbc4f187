"""Pairs of texts: a question and the text that answers it."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.align import align, align_pairs
from tests.conftest import SAMPLES

from .helpers import char_doc, check_batch, expected, passes, ragged, word_doc

LONG = " ".join(SAMPLES.values()) * 2


def pair(first, second, wordpieces, spans_first=(), spans_second=(), **options):
    batch = align_pairs(
        [first],
        [second],
        wordpieces,
        default_entity_id=0,
        spans_first=ragged(spans_first),
        spans_second=ragged(spans_second),
        **options,
    )
    check_batch(batch)
    return batch


def test_entities_of_the_second_text_stay_when_the_first_has_none(wordpieces, mluke_tokenizer):
    first, second = "Where?", "In Paris."
    encoding = mluke_tokenizer()(first, second, entity_spans=None, entity_spans_pair=[(3, 8)])
    assert "entity_ids" not in encoding  # the reference lost it
    batch = pair(char_doc(first), char_doc(second), wordpieces, [], [(3, 8)])
    (found,) = passes(batch)
    start, end = found["bounds"][0]
    assert wordpieces.pieces(found["input_ids"][start:end]) == ["▁Paris"]


def test_entities_of_both_texts_stand_in_the_order_of_the_reference(wordpieces, mluke_tokenizer):
    first, second = "Is Paris in France?", "Paris is in France."
    spans = [[(12, 18), (3, 8)], [(0, 5), (12, 18)]]
    batch = pair(char_doc(first), char_doc(second), wordpieces, *spans)
    encoding = mluke_tokenizer()(first, second, entity_spans=spans[0], entity_spans_pair=spans[1])
    (found,) = passes(batch)
    assert {key: found[key] for key in expected(encoding)} == expected(encoding)
    assert [doc.span_rows.tolist() for doc in batch.docs] == [[0, 1], [2, 3]]


def test_each_side_has_its_own_entity_ids(wordpieces):
    batch = pair(
        char_doc("a b"),
        char_doc("c  d"),
        wordpieces,
        [(0, 1)],
        [(1, 3), (3, 4)],
        entity_ids_first=numpy.array([7]),
        entity_ids_second=numpy.array([8, 9]),
    )
    assert batch.entity_ids.tolist() == [7, 9]
    assert (batch.counts.spans, batch.counts.blank_spans) == (3, 1)


def test_tokens_of_both_texts_are_found(wordpieces):
    first, second = word_doc("Who", "sings"), word_doc("Beyonce", "sings", ".")
    batch = pair(first, second, wordpieces, first_tokens=True)
    assert "".join(wordpieces.pieces(batch.piece_ids.tolist())) == "<s>▁Who▁sings</s></s>▁Beyonce▁sings▁.</s>"
    for doc, aligned in zip([first, second], batch.docs, strict=True):
        ids = batch.piece_ids[aligned.piece_rows].tolist()
        assert ids[0] == 0 and ids[-1] == 2
        for token, (start, end) in zip(doc, aligned.token_bounds.tolist(), strict=True):
            assert "".join(wordpieces.pieces(ids[start:end])).replace("▁", "") == token.text


def test_tokens_of_the_first_text_are_left_out_unless_asked_for(wordpieces):
    batch = pair(word_doc("Who"), word_doc("me"), wordpieces)
    assert len(batch.docs[0].piece_rows) == 0 and len(batch.docs[1].piece_rows) == 3


@pytest.mark.parametrize("first, second", [("", "a"), ("a", ""), ("", ""), (" ", "\n")])
def test_empty_texts_can_be_paired(wordpieces, first, second):
    batch = pair(char_doc(first), char_doc(second), wordpieces, first_tokens=True)
    assert batch.n_passes == 1
    assert [len(doc.piece_rows) for doc in batch.docs] == [2 + (first == "a"), 2 + (second == "a")]


def test_no_pairs_give_an_empty_batch(wordpieces):
    batch = align_pairs([], [], wordpieces, default_entity_id=0)
    assert batch.n_passes == 0 and batch.docs == []


def test_pairs_of_a_batch_do_not_touch_each_other(wordpieces):
    texts = [text for text in SAMPLES.values() if text][:5]
    first, second = [char_doc(text) for text in texts], [char_doc(text) for text in texts[::-1]]
    batch = align_pairs(first, second, wordpieces, default_entity_id=0, window=24)
    found = passes(batch)
    for a, b in zip(first, second, strict=True):
        alone = passes(pair(a, b, wordpieces, window=24))
        assert found[: len(alone)] == alone
        found = found[len(alone) :]


@st.composite
def long_pairs(draw):
    texts, spans = [], []
    for limit in (150, 500):
        text = LONG[draw(st.integers(0, 50)) :][: draw(st.integers(0, limit))]
        own = []
        if text:
            for start in draw(st.lists(st.integers(0, len(text) - 1), max_size=8)):
                own.append((start, min(len(text), start + draw(st.integers(1, 25)))))
        texts.append(text)
        spans.append(own)
    options = {
        "window": draw(st.integers(6, 60)),
        "overlap": draw(st.integers(0, 30)),
        "max_entities": draw(st.none() | st.integers(1, 5)),
        "max_mention_length": draw(st.integers(1, 12)),
    }
    return texts, spans, options


@given(long_pairs())
@settings(max_examples=120, deadline=None)
def test_no_entity_and_no_piece_of_either_text_is_lost(wordpieces, drawn):
    texts, spans, options = drawn
    docs = [char_doc(text) for text in texts]
    batch = pair(*docs, wordpieces, *spans, **options, first_tokens=True)
    assert (batch.piece_lengths <= options["window"]).all()
    if options["max_entities"]:
        assert (batch.entity_lengths <= options["max_entities"]).all()
    firsts = numpy.concatenate([[0], numpy.cumsum(batch.piece_lengths)])
    owners = numpy.repeat(numpy.arange(batch.n_passes), batch.entity_lengths)
    seen = set()
    for doc, own, found in zip(docs, spans, batch.docs, strict=True):
        alone = align([doc], ragged(own), wordpieces, default_entity_id=0, window=10_000, max_entities=None)
        (expected_doc,) = alone.docs
        assert (found.span_rows < 0).tolist() == (expected_doc.span_rows < 0).tolist()
        if len(doc):
            assert batch.piece_ids[found.piece_rows].tolist() == alone.piece_ids.tolist()
            assert len(set(found.piece_rows.tolist())) == len(found.piece_rows)
            assert found.token_bounds.tolist() == expected_doc.token_bounds.tolist()
            assert found.piece_offsets.tolist() == expected_doc.piece_offsets.tolist()
        for row, expected_row in zip(found.span_rows.tolist(), expected_doc.span_rows.tolist(), strict=True):
            if row >= 0:
                assert row not in seen
                seen.add(row)
                a, b = alone.entity_bounds[expected_row].tolist()
                c, d = (batch.entity_bounds[row] + firsts[owners[row]]).tolist()
                assert 1 <= d - c <= b - a
                assert batch.piece_ids[c:d].tolist() == alone.piece_ids[a : a + d - c].tolist()


def test_every_window_of_a_long_text_has_the_whole_question_and_its_entities(wordpieces):
    words = [f"w{i}" for i in range(200)]
    batch = pair(word_doc("who", "sings"), word_doc(*words), wordpieces, [(0, 1)], [(150, 151)], window=64)
    found = passes(batch)
    assert len(found) > 2
    question = found[0]["input_ids"][: found[0]["input_ids"].index(2) + 2]
    for one in found:
        assert one["input_ids"][: len(question)] == question
        assert one["bounds"][0] == [1, 2]
    assert batch.docs[0].span_rows.tolist() == [0]
    assert batch.entity_lengths.sum() == len(found) + 1


def test_a_question_longer_than_its_share_is_read_in_windows(wordpieces):
    words = [f"w{i}" for i in range(100)]
    batch = pair(word_doc(*words), word_doc("an", "answer"), wordpieces, [(99, 100)], max_first=20, window=40)
    assert batch.n_passes > 1
    assert batch.docs[0].span_rows.tolist() == [0]


@pytest.mark.parametrize(
    "options, code",
    [
        ({"window": 5}, "ML003"),
        ({"max_first": 0}, "ML008"),
        ({"max_first": 600}, "ML008"),
        ({"segmentation": "x"}, "ML002"),
        ({"entity_ids_first": [1, 2, 3]}, "ML007"),
        ({"spans_second": [(0, 7)]}, "ML001"),
    ],
)
def test_options_that_make_no_sense_are_coded_errors(wordpieces, options, code):
    with pytest.raises(ValueError, match=code):
        pair(word_doc("a"), word_doc("b"), wordpieces, **options)


def test_a_second_text_for_each_first_is_asked_for(wordpieces):
    with pytest.raises(ValueError, match="ML007"):
        align_pairs([word_doc("a")], [], wordpieces, default_entity_id=0)
