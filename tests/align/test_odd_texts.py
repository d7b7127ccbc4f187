"""Odd texts: one unusual character repeated, as one token or as many, with spans without tokens."""

from __future__ import annotations

import numpy
import pytest
from spacy.tokens import Doc

from spacy_mluke.align import align, align_marked
from tests.align.helpers import VOCAB, ragged

ODD = {
    "marks": "\u0301\u0316", "zero_width": "\u200b\u200d\ufeff", "emoji_zwj": "👩\u200d👧", "rtl": "ש\u200f",
    "nul": "\0", "replacement": "\ufffd", "unassigned": "\U000e0fff\u0378", "jamo": "\u1100\u1161",
    "ligature": "\ufdfa", "whitespace": " \n\u00a0\u3000", "two_marks": "\u0344", "vowel_signs": "कि",
    "one_letter": "a", "tags": "\U000e0061", "private": "\ue000\U0010ffff", "controls": "\x01\x1b\x7f\u0085",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["one_token", "many_tokens"])
@pytest.mark.parametrize("vocabulary", ["wordpieces", "byte_level"])
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_odd_texts_are_aligned_completely(request, odd, vocabulary, kind):
    pieces = request.getfixturevalue(vocabulary)
    text = (odd * 100)[:150]
    words = [text] if kind == "one_token" else list(text)
    docs = [Doc(VOCAB, words=words, spaces=[False] * len(words)) for _ in range(2)]
    n = len(words)
    spans = [(0, n), (0, 0), (n, n), (n // 2, n // 2), (0, 1), (n - 1, n), (n // 3, n)]
    for segmentation in ("published", "pretraining", "plain"):
        options = {"segmentation": segmentation, "window": 40}
        batch = align(docs, ragged(spans, spans), pieces, default_entity_id=1, **options)
        first, second = batch.docs
        assert first.token_bounds.tolist() == second.token_bounds.tolist()
        assert (first.token_bounds[:, 1] <= len(first.piece_rows)).all()
        assert (first.span_rows[[1, 2, 3]] == -1).all()
        assert (first.span_rows >= 0).tolist() == (second.span_rows >= 0).tolist()
        shown = first.token_bounds[:, 1] > first.token_bounds[:, 0]
        assert (first.span_rows[0] >= 0) == shown.any()
        groups = numpy.array([[spans[i], spans[j]] for i in range(len(spans)) for j in range(len(spans))])
        marked = align_marked(docs, [groups, groups], pieces, marker_ids=[4, 4], entity_ids=[1, 2], **options)
        rows = marked.docs[0].span_rows.reshape((-1, 2))
        empty = (groups[:, :, 0] == groups[:, :, 1]).any(axis=1)
        assert (rows[empty] == -1).all()
        assert (rows >= 0).tolist() == (marked.docs[1].span_rows.reshape((-1, 2)) >= 0).tolist()
