"""`align`: batches of documents of any length, with any spans."""

from __future__ import annotations

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.align import align
from tests.align.helpers import char_doc, check_batch, ragged, read_sequences, word_doc, words_of
from tests.conftest import SAMPLES

LONG = " ".join(SAMPLES.values()) * 3


def align_docs(docs, spans, wordpieces, **options):
    batch = align(docs, ragged(*spans), wordpieces, default_entity_id=0, **options)
    check_batch(batch)
    return batch


def first_rows(batch):
    """First row of each sequence, and the end."""
    return numpy.concatenate([[0], numpy.cumsum(batch.piece_lengths)])


def sequence_of_entity(batch):
    return numpy.repeat(numpy.arange(batch.n_sequences), batch.entity_lengths)


def test_documents_of_a_batch_are_aligned_independently(wordpieces):
    texts = [*SAMPLES.values()]
    docs = [char_doc(text) for text in texts]
    spans = [words_of(text) for text in texts]
    batch = align_docs(docs, spans, wordpieces)
    found = iter(read_sequences(batch))
    for doc, own, aligned in zip(docs, spans, batch.docs, strict=True):
        alone = align_docs([doc], [own], wordpieces)
        for expected in read_sequences(alone):
            assert next(found) == expected
        assert aligned.token_bounds.tolist() == alone.docs[0].token_bounds.tolist()
        assert aligned.piece_offsets.tolist() == alone.docs[0].piece_offsets.tolist()
        assert batch.piece_ids[aligned.piece_rows].tolist() == alone.piece_ids.tolist()


@pytest.mark.parametrize("with_tokens", [True, False])
def test_empty_documents_have_no_sequence(wordpieces, with_tokens):
    batch = align_docs([char_doc(""), char_doc("")], [[], []], wordpieces, with_tokens=with_tokens)
    assert batch.n_sequences == 0 and len(batch.docs) == 2
    assert all(len(doc.piece_rows) == len(doc.span_rows) == 0 for doc in batch.docs)


def test_no_documents_give_an_empty_batch(wordpieces):
    batch = align_docs([], [], wordpieces)
    assert batch.n_sequences == 0 and batch.docs == []


@pytest.mark.parametrize("with_tokens, n_sequences", [(True, 1), (False, 0)])
def test_a_document_of_whitespace_has_a_sequence_of_special_pieces_if_tokens_are_needed(
    wordpieces, with_tokens, n_sequences
):
    batch = align_docs([char_doc(" \n")], [[(0, 1)]], wordpieces, with_tokens=with_tokens)
    assert batch.piece_lengths.tolist() == [2] * n_sequences
    assert batch.docs[0].span_rows.tolist() == [-1]
    assert batch.docs[0].token_bounds.tolist() == [[with_tokens, with_tokens]] * 2


def test_blank_spans_have_no_entity_and_are_counted(wordpieces):
    text = "a  \u200b b"
    spans = [(1, 3), (0, 1), (3, 4), (0, 0), (5, 6)]
    batch = align_docs([char_doc(text)], [spans], wordpieces)
    assert batch.docs[0].span_rows.tolist() == [-1, 0, -1, -1, 1]
    assert (batch.counts.spans, batch.counts.blank_spans) == (5, 3)


def test_blank_spans_have_no_position_in_the_reference(wordpieces, mluke_tokenizer):
    encoding = mluke_tokenizer()("a   b", entity_spans=[(1, 3)])
    assert set(encoding["entity_position_ids"][0]) == {-1}
    batch = align_docs([char_doc("a   b")], [[(1, 3)]], wordpieces)
    assert batch.docs[0].span_rows.tolist() == [-1]


def test_nested_equal_and_crossing_spans_keep_their_order(wordpieces):
    text = "New York City Hall in Manhattan"
    spans = [(9, 18), (0, 13), (0, 8), (22, 31), (0, 13), (4, 13)]
    batch = align_docs([char_doc(text)], [spans], wordpieces)
    (doc,) = batch.docs
    assert doc.span_bounds.tolist() == [list(span) for span in spans]
    assert doc.span_rows.tolist() == list(range(6))
    for (start, end), (first, last) in zip(spans, batch.entity_bounds.tolist(), strict=True):
        offsets = doc.piece_offsets[first:last]
        assert offsets[0, 0] == start and offsets[-1, 1] == end


def test_entities_have_the_given_ids_or_the_default(wordpieces):
    docs, spans = [char_doc("a b"), char_doc("c")], [[(2, 3), (1, 2), (0, 1)], [(0, 1)]]
    assert align_docs(docs, spans, wordpieces).entity_ids.tolist() == [0, 0, 0]
    batch = align_docs(docs, spans, wordpieces, entity_ids=numpy.array([7, 8, 9, 10]))
    assert batch.entity_ids.tolist() == [7, 9, 10]


def test_suggestions_without_spans_may_have_any_shape(wordpieces):
    from thinc.types import Ragged

    empty = Ragged(numpy.zeros((0, 0), dtype="int32"), numpy.zeros(1, dtype="int32"))
    batch = align([char_doc("a")], empty, wordpieces, default_entity_id=0)
    assert batch.n_sequences == 1 and len(batch.entity_ids) == 0


@st.composite
def long_documents(draw):
    """Parts of a long text, spans in them, and windows that are too small for them."""
    text = LONG[draw(st.integers(0, 50)) :][: draw(st.integers(0, 700))]
    spans = []
    if text:
        for start in draw(st.lists(st.integers(0, len(text) - 1), max_size=12)):
            spans.append((start, min(len(text), start + draw(st.integers(0, 40)))))
    options = {
        "window": draw(st.integers(3, 60)),
        "overlap": draw(st.integers(0, 40)),
        "max_entities": draw(st.none() | st.integers(1, 5)),
        "max_mention_length": draw(st.integers(1, 12)),
        "segmentation": draw(st.sampled_from(["published", "pretraining", "plain"])),
    }
    return text, spans, options


@given(long_documents())
@settings(max_examples=120, deadline=None)
def test_every_span_is_encoded_once_and_as_a_whole(wordpieces, document):
    text, spans, options = document
    batch = align_docs([char_doc(text)], [spans], wordpieces, **options)
    whole = align_docs(
        [char_doc(text)],
        [spans],
        wordpieces,
        **{**options, "window": 10_000, "max_entities": None},
    )
    (doc,), (plain,) = batch.docs, whole.docs
    assert (doc.span_rows < 0).tolist() == (plain.span_rows < 0).tolist()
    assert sorted(row for row in doc.span_rows.tolist() if row >= 0) == list(range(len(batch.entity_ids)))
    assert (batch.piece_lengths <= options["window"]).all()
    assert (batch.entity_lengths <= (options["max_entities"] or len(spans))).all()
    firsts, owners = first_rows(batch), sequence_of_entity(batch)
    room = options["window"] - 2
    for row, expected in zip(doc.span_rows.tolist(), plain.span_rows.tolist(), strict=True):
        if row >= 0:
            a, b = whole.entity_bounds[expected].tolist()
            c, d = (batch.entity_bounds[row] + firsts[owners[row]]).tolist()
            kept = b - a if b - a <= room else min(options["max_mention_length"], room)
            assert d - c >= kept and d - c <= b - a
            assert batch.piece_ids[c:d].tolist() == whole.piece_ids[a : a + d - c].tolist()


@given(long_documents())
@settings(max_examples=120, deadline=None)
def test_every_piece_has_one_row_and_the_id_that_it_has_in_the_whole_text(wordpieces, document):
    text, spans, options = document
    batch = align_docs([char_doc(text)], [spans], wordpieces, **options)
    whole = align_docs([char_doc(text)], [spans], wordpieces, **{**options, "window": 10_000, "max_entities": None})
    (doc,), (plain,) = batch.docs, whole.docs
    assert len(set(doc.piece_rows.tolist())) == len(doc.piece_rows)
    n_pieces = len(plain.piece_rows)
    assert batch.piece_ids[doc.piece_rows].tolist() == whole.piece_ids[:n_pieces].tolist()
    assert doc.piece_offsets.tolist() == plain.piece_offsets.tolist()
    assert doc.token_bounds.tolist() == plain.token_bounds.tolist()
    if n_pieces:
        firsts = first_rows(batch)
        assert doc.piece_rows[0] in firsts and doc.piece_rows[-1] + 1 in firsts


@given(long_documents())
@settings(max_examples=60, deadline=None)
def test_without_tokens_only_sequences_with_entities_remain(wordpieces, document):
    text, spans, options = document
    batch = align_docs([char_doc(text)], [spans], wordpieces, **options)
    bare = align_docs([char_doc(text)], [spans], wordpieces, **options, with_tokens=False)
    assert (bare.entity_lengths > 0).all()
    assert read_sequences(bare) == [found for found in read_sequences(batch) if found["entity_ids"]]
    assert len(bare.docs[0].piece_rows) == 0
    assert bare.docs[0].span_rows.tolist() == batch.docs[0].span_rows.tolist()
    assert bare.docs[0].token_bounds.tolist() == [[0, 0]] * len(text)


def test_entities_beyond_the_limit_are_in_further_sequences_of_the_same_text(wordpieces):
    text = "a b c d e"
    batch = align_docs([char_doc(text)], [words_of(text)], wordpieces, max_entities=2)
    assert batch.entity_lengths.tolist() == [2, 2, 1]
    ids = [found["input_ids"] for found in read_sequences(batch)]
    assert ids[0] == ids[1] == ids[2]
    assert batch.docs[0].piece_rows.tolist() == list(range(len(ids[0])))


@pytest.mark.parametrize("segmentation", ["published", "pretraining", "plain"])
def test_text_split_at_tokens_has_the_same_pieces_for_all_spans(wordpieces, segmentation):
    doc = spacy.blank("en").make_doc("(Tokyo) is  big")
    assert [token.text for token in doc] == ["(", "Tokyo", ")", "is", " ", "big"]
    words = [[(i, i + 1) for i in range(len(doc))]]
    options = {"segmentation": segmentation, "split_tokens": True}
    full = align_docs([doc], words, wordpieces, **options)
    few = align_docs([doc], [[(1, 4), (0, 0)]], wordpieces, **options)
    uncut = align_docs([doc], words, wordpieces, segmentation=segmentation)
    assert full.piece_ids.tolist() == few.piece_ids.tolist() == uncut.piece_ids.tolist()
    assert few.entity_bounds[0].tolist() == [full.entity_bounds[1, 0], full.entity_bounds[3, 1]]


def test_tokens_of_documents_with_several_windows_have_their_pieces(wordpieces):
    words = [f"word{i}" for i in range(300)]
    batch = align_docs([word_doc(*words), word_doc("short")], [[(150, 152)], [(0, 1)]], wordpieces, window=64)
    doc = batch.docs[0]
    for word, (start, end) in zip(words, doc.token_bounds.tolist(), strict=True):
        pieces = wordpieces.pieces(batch.piece_ids[doc.piece_rows[start:end]].tolist())
        assert "".join(pieces).replace("▁", "") == word


@pytest.mark.parametrize("span", [(-1, 1), (0, 4), (2, 1)])
def test_spans_outside_their_document_are_an_error(wordpieces, span):
    with pytest.raises(ValueError, match=r"ML001.*Document 1.*3 tokens"):
        align_docs([word_doc("a"), word_doc("a", "b", "c")], [[(0, 1)], [span]], wordpieces)


@pytest.mark.parametrize(
    "options, code",
    [
        ({"window": 2}, "ML003"),
        ({"overlap": -1}, "ML003"),
        ({"max_entities": 0}, "ML071"),
        ({"max_mention_length": 0}, "ML071"),
        ({"entity_ids": [1, 2]}, "ML007"),
        ({"segmentation": "plane"}, "ML070"),
    ],
)
def test_invalid_options_are_coded_errors(wordpieces, options, code):
    with pytest.raises(ValueError, match=code):
        align_docs([word_doc("a")], [[(0, 1)]], wordpieces, **options)


def test_a_list_of_spans_is_required_for_each_document(wordpieces):
    with pytest.raises(ValueError, match="ML007"):
        align_docs([word_doc("a"), word_doc("b")], [[(0, 1)]], wordpieces)


def test_entities_of_a_pipeline_are_aligned(wordpieces):
    nlp = spacy.blank("xx")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": "Los Angeles"}])
    doc = nlp("She moved to Los Angeles.")
    batch = align_docs([doc], [[(ent.start, ent.end) for ent in doc.ents]], wordpieces)
    (start, end) = batch.entity_bounds[0]
    assert wordpieces.pieces(batch.piece_ids[start:end].tolist()) == ["▁Los", "▁Angeles"]
