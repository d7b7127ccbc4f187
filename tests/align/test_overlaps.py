"""The wordpieces of tokens and spans, and the tokens of characters."""

from __future__ import annotations

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.align import align
from spacy_mluke.align.overlaps import (
    char_token_bounds,
    entity_position_ids,
    overlapping_pieces,
    piece_bounds_of_tokens,
    span_piece_bounds,
)
from spacy_mluke.align.segments import SEGMENTATIONS
from tests.align.helpers import VOCAB, char_doc, ragged, word_doc
from tests.tokenization.test_wordpieces import TEXTS

NLP = spacy.blank("xx")


def align_doc(doc, wordpieces, spans=(), **options):
    return align([doc], ragged(spans), wordpieces, default_entity_id=0, **options)


def test_every_token_of_every_script_has_its_pieces(wordpieces, sample_text):
    doc = NLP(sample_text)
    (found,) = align_doc(doc, wordpieces, segmentation="plain").docs
    for token, (start, end) in zip(doc, found.token_bounds.tolist(), strict=True):
        offsets = found.piece_offsets[start:end]
        if token.is_space or token.text in "\u200d\ufeff":
            assert start == end
        else:
            assert offsets[:, 0].min() < token.idx + len(token) and offsets[:, 1].max() > token.idx


def test_whitespace_tokens_have_no_pieces(wordpieces):
    doc = word_doc("a", "\n\n", "b", "\u200b", "c")
    (found,) = align_doc(doc, wordpieces).docs
    assert found.token_bounds.tolist() == [[1, 2], [2, 2], [2, 3], [3, 3], [3, 4]]


def test_tokens_may_share_a_piece(wordpieces):
    (found,) = align_doc(char_doc("this"), wordpieces).docs
    assert found.token_bounds.tolist() == [[1, 2]] * 4


def test_pieces_without_characters_belong_to_no_token(wordpieces):
    doc = word_doc("東京")
    batch = align_doc(doc, wordpieces)
    assert wordpieces.pieces(batch.piece_ids.tolist()) == ["<s>", "▁", "東京", "</s>"]
    assert batch.docs[0].token_bounds.tolist() == [[2, 3]]


@given(TEXTS, st.data())
@settings(max_examples=80, deadline=None)
def test_ranges_of_tokens_rise(wordpieces, text, data):
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=len(text), max_size=len(text)))
    words, at = [], 0
    for size in sizes:
        if text[at : at + size]:
            words.append(text[at : at + size])
        at += size
    doc = spacy.tokens.Doc(VOCAB, words=words, spaces=[False] * len(words))
    (found,) = align_doc(doc, wordpieces).docs
    bounds = found.token_bounds
    assert (bounds[:, 0] <= bounds[:, 1]).all()
    assert (numpy.diff(bounds, axis=0) >= 0).all()
    for token, (start, end) in zip(doc, bounds.tolist(), strict=True):
        shares = (found.piece_offsets[:, 0] < token.idx + len(token)) & (found.piece_offsets[:, 1] > token.idx)
        shares &= found.piece_offsets[:, 0] < found.piece_offsets[:, 1]
        rows = numpy.flatnonzero(shares).tolist()
        assert ([rows[0], rows[-1] + 1] if rows else [start, start]) == [start, end]


def test_an_empty_range_has_no_pieces():
    offsets = numpy.array([[0, 5], [5, 5], [5, 8]])
    chars = numpy.array([[3, 3], [5, 5], [4, 6], [8, 9]])
    assert numpy.diff(overlapping_pieces(chars, offsets), axis=1).ravel().tolist() == [0, 0, 3, 0]


def test_position_ids_are_those_of_the_paper(wordpieces):
    batch = align_doc(char_doc("ab cd"), wordpieces, [(3, 5), (0, 5)], max_mention_length=4)
    first, second = entity_position_ids(batch).tolist()
    (start, end), (_, last) = batch.entity_bounds.tolist()
    assert [p for p in first if p >= 0] == list(range(start, end))
    assert [p for p in second if p >= 0] == list(range(1, last))
    assert len(first) == 4 and entity_position_ids(batch).dtype == "int64"


def test_a_long_mention_has_positions_of_its_first_pieces(wordpieces):
    text = "one two three four five"
    batch = align_doc(char_doc(text), wordpieces, [(0, len(text))], max_mention_length=2)
    assert entity_position_ids(batch).tolist() == [[1, 2]]
    assert batch.entity_bounds.tolist() == [[1, 6]]
    assert batch.counts.truncated_mentions == 1


def test_pieces_of_tokens_are_found_from_offsets(wordpieces, sample_text):
    doc = NLP(sample_text)
    (found,) = align_doc(doc, wordpieces).docs
    again = piece_bounds_of_tokens(doc, found.piece_offsets)
    if len(doc):
        assert again.tolist() == found.token_bounds.tolist()


@pytest.mark.parametrize(
    "chars, tokens",
    [((0, 2), (0, 1)), ((0, 5), (0, 2)), ((3, 5), (1, 2)), ((1, 2), (-1, -1)), ((0, 4), (-1, -1))]
    + [((-3, 2), (-1, -1)), ((3, 50), (-1, -1)), ((60, 70), (-1, -1)), ((2, 2), (-1, -1))],
)
def test_ranges_of_characters_become_tokens_only_at_token_bounds(chars, tokens):
    doc = word_doc("ab", "cd")
    assert char_token_bounds(doc, numpy.array([chars])).tolist() == [list(tokens)]


def test_ranges_in_an_empty_document_have_no_tokens():
    assert char_token_bounds(word_doc(), numpy.array([[0, 1]])).tolist() == [[-1, -1]]


def test_an_empty_range_is_inside_its_document():
    offsets = numpy.array([[0, 5], [5, 5], [6, 8], [8, 8], [9, 12]])
    within = numpy.array([[0, 2], [2, 4], [2, 4], [4, 5], [4, 5]])
    chars = numpy.array([[5, 6], [6, 6], [8, 9], [9, 9], [12, 13]])
    assert overlapping_pieces(chars, offsets, within).tolist() == [[1, 1], [2, 2], [3, 3], [4, 4], [5, 5]]


WORDS = ["Tokyo", "\n", " ", "\t\n", "\u200b", "\u200d", "\ufeff", "\x00", "\x07", "\u3000", "東京", "e\u0301", "."]
TOKENS = st.lists(st.sampled_from(WORDS), max_size=5)


@pytest.mark.parametrize("kind", ["sentencepiece", "byte_level"])
@given(texts=st.lists(TOKENS, min_size=1, max_size=4), segmentation=st.sampled_from(SEGMENTATIONS))
@settings(max_examples=60, deadline=None)
def test_alignment_of_a_document_does_not_depend_on_the_others(kind, wordpieces, byte_level, texts, segmentation):
    wordpieces = wordpieces if kind == "sentencepiece" else byte_level
    docs = [word_doc(*words) for words in texts]
    spans = [[(i, j) for i in range(len(doc)) for j in range(i + 1, len(doc) + 1)] for doc in docs]
    options = {"default_entity_id": 1, "segmentation": segmentation}
    together = align(docs, ragged(*spans), wordpieces, **options)
    edges = _piece_rows(together)
    for n, (doc, own) in enumerate(zip(docs, spans, strict=True)):
        alone = align([doc], ragged(own), wordpieces, **options)
        (found,), other = alone.docs, together.docs[n]
        assert found.token_bounds.tolist() == other.token_bounds.tolist()
        assert found.piece_offsets.tolist() == other.piece_offsets.tolist()
        assert (found.span_rows >= 0).tolist() == (other.span_rows >= 0).tolist()
        assert (found.token_bounds <= len(found.piece_rows)).all()
        assert alone.piece_ids[found.piece_rows].tolist() == together.piece_ids[other.piece_rows].tolist()
        assert _piece_rows(alone)[0] == edges[n]


def _piece_rows(batch):
    """For each document, the range of pieces (within the document) of each of its spans."""
    found = []
    for doc in batch.docs:
        if not len(doc.token_bounds):
            found.append([])
            continue
        bounds = span_piece_bounds(doc).tolist()
        assert all(1 <= a < b <= len(doc.piece_rows) - 1 for a, b in bounds)
        assert all((doc.piece_offsets[[a, b - 1], 1] > doc.piece_offsets[[a, b - 1], 0]).all() for a, b in bounds)
        found.append(bounds)
    return found
