"""`<mask>` pieces replace the words of masked spans, and nothing else changes."""

from __future__ import annotations

import dataclasses
import itertools

import numpy
import pytest
import spacy
from thinc.api import Ragged

from spacy_mluke.align import align
from spacy_mluke.align.masked_docs import build_masked_docs
from tests.conftest import SAMPLES

NLP = spacy.blank("xx")
SEGMENTATIONS = ["published", "pretraining", "plain"]
TEXTS = ["Tokyo is the capital of Japan.", "", "Paris is far from Tokyo, too."]
ROWS = [[(0, 1), (3, 6), (5, 6)], [], [(4, 5), (0, 1)]]


@pytest.fixture(params=["xlmr", "byte_level"])
def pieces(request, wordpieces, byte_level):
    return wordpieces if request.param == "xlmr" else byte_level


def run(pieces, mask_lengths, *, texts=TEXTS, rows=ROWS, **options):
    docs = [NLP.make_doc(text) for text in texts]
    flat = numpy.asarray([row for own in rows for row in own], dtype="int32").reshape((-1, 2))
    spans = Ragged(flat, numpy.asarray([len(own) for own in rows], dtype="int32"))
    lengths = None if mask_lengths is None else numpy.asarray(mask_lengths)
    return docs, align(docs, spans, pieces, default_entity_id=0, mask_lengths=lengths, **options)


def text_of(pieces, batch, bounds, n_sequence=0):
    start = int(batch.piece_lengths[:n_sequence].sum())
    return pieces.pieces(batch.piece_ids[start + bounds[0] : start + bounds[1]])


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_without_masked_spans_nothing_changes(pieces, segmentation, sample):
    text = SAMPLES[sample]
    n_tokens = len(NLP.make_doc(text))
    rows = [[(i, i + 1) for i in range(0, n_tokens, 2)]]
    options = {"texts": [text], "rows": rows, "segmentation": segmentation}
    _, plain = run(pieces, None, **options)
    _, masked = run(pieces, [0] * len(rows[0]), **options)
    for field in dataclasses.fields(plain):
        if field.name not in ("docs", "counts"):
            numpy.testing.assert_array_equal(getattr(masked, field.name), getattr(plain, field.name))
    for doc, other in zip(masked.docs, plain.docs, strict=True):
        for field in dataclasses.fields(doc):
            numpy.testing.assert_array_equal(getattr(doc, field.name), getattr(other, field.name))
    assert masked.counts == plain.counts


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
def test_masks_replace_words_and_other_spans_are_shifted(pieces, segmentation):
    _, batch = run(pieces, [2, 0, 0, 1, 0], segmentation=segmentation)
    assert text_of(pieces, batch, batch.entity_bounds[0]) == ["<mask>"] * 2
    for row, word, n_sequence in ((2, "Japan", 0), (4, "Paris", 1)):
        assert "".join(text_of(pieces, batch, batch.entity_bounds[row], n_sequence)).strip("▁Ġ") == word
    assert "".join(text_of(pieces, batch, batch.entity_bounds[1])).endswith("Japan")
    assert batch.piece_ids.tolist().count(pieces.mask_id) == 3


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
def test_tokens_around_masks_have_their_pieces(pieces, segmentation):
    docs, batch = run(pieces, [3, 0, 0, 1, 0], segmentation=segmentation)
    for doc, aligned in zip(docs, batch.docs, strict=True):
        for token, (start, end) in zip(doc, aligned.token_bounds.tolist(), strict=True):
            for first, last in aligned.piece_offsets[start:end].tolist():
                assert first < token.idx + len(token)
                assert last > token.idx
    start, end = batch.docs[0].token_bounds[0]
    rows = batch.docs[0].piece_rows[start:end]
    assert pieces.pieces(batch.piece_ids[rows]) == ["<mask>"] * 3


def test_a_span_around_a_mask_includes_it(pieces):
    _, batch = run(pieces, [0, 1], texts=TEXTS[:1], rows=[[(0, 3), (1, 2)]])
    found = text_of(pieces, batch, batch.entity_bounds[0])
    assert found.count("<mask>") == 1
    assert found[0] != "<mask>" != found[-1]


def test_masks_without_spaces_around_them_are_tokens(pieces):
    text = "日本の首都は[MASK]である。"
    start = text.index("[")
    docs, spans = build_masked_docs([text], [[(start, start + 6)]])
    assert docs[0].text == text
    assert [token.text for token in docs[0]] == ["日本の首都は", "[MASK]", "である。"]
    for segmentation in SEGMENTATIONS:
        lengths = numpy.array([1])
        batch = align(docs, spans, pieces, default_entity_id=0, segmentation=segmentation, mask_lengths=lengths)
        shown = "".join(map(pieces.text, batch.piece_ids[1:-1].tolist())).replace(" ", "")
        if pieces.bos_id == 0 and pieces.vocab_size > 1000:
            assert shown == text.replace("[MASK]", "<mask>")
        assert text_of(pieces, batch, batch.entity_bounds[0]) == ["<mask>"]


def test_masks_in_a_long_text_are_in_one_window(pieces):
    text = "Tokyo is far. " * 60 + "Paris" + " is far." * 60
    n = len(NLP.make_doc("Tokyo is far. " * 60))
    options = {"window": 40, "overlap": 8, "with_tokens": False}
    _, batch = run(pieces, [5], texts=[text], rows=[[(n, n + 1)]], **options)
    assert batch.n_sequences == 1
    assert text_of(pieces, batch, batch.entity_bounds[0]) == ["<mask>"] * 5


def test_overlapping_masks_and_wrong_lengths_are_errors(pieces):
    with pytest.raises(ValueError, match=r"\[ML220\]"):
        run(pieces, [0, 1, 1, 0, 0])
    with pytest.raises(ValueError, match=r"\[ML007\]"):
        run(pieces, [1])


def test_the_texts_of_pieces_make_up_the_text(pieces):
    text = "Tokyo is the capital, and Paris far away."
    ids = pieces.encode([text])[0].ids.tolist()
    assert "".join(map(pieces.text, ids)).strip() == text


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("segmentation", ["published", "pretraining"])
def test_spans_beside_masks_have_the_same_pieces_as_without_masks(wordpieces, seed, segmentation):
    rng = numpy.random.default_rng(seed)
    texts = [str(text) for text in rng.permutation([text for text in SAMPLES.values() if text])[:4]]
    rows, lengths = [], []
    for text in texts:
        n_tokens = len(NLP.make_doc(text))
        cuts = numpy.unique(rng.integers(0, n_tokens + 1, size=7))
        own = [(int(a), int(b)) for a, b in itertools.pairwise(cuts)]
        rows.append(own)
        lengths += rng.integers(0, 4, size=len(own)).tolist()
    options = {"texts": texts, "rows": rows, "segmentation": segmentation}
    _, plain = run(wordpieces, None, **options)
    _, masked = run(wordpieces, lengths, **options)
    before, after = ([b.span_rows.tolist() for b in batch.docs] for batch in (plain, masked))
    assert before == after
    numbers = iter(lengths)
    for n_sequence, own in enumerate(after):
        for row in own:
            length = next(numbers)
            if row < 0:
                continue
            found = text_of(wordpieces, masked, masked.entity_bounds[row], n_sequence)
            expected = text_of(wordpieces, plain, plain.entity_bounds[row], n_sequence)
            assert found == (["<mask>"] * length if length else expected)
