"""Marked texts for typing and relations, also where the reference misplaces markers."""

from __future__ import annotations

import time

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.align import align_marked
from tests.align.helpers import char_doc, check_batch, expected, read_sequences, word_doc, words_of
from tests.conftest import SAMPLES

CITY = "New York City Hall"
LONG = " ".join(SAMPLES.values()) * 3


def mark(docs, groups, wordpieces, size=2, **options):
    batch = align_marked(
        docs,
        groups,
        wordpieces,
        marker_ids=[wordpieces.ent_id, wordpieces.ent2_id][:size],
        entity_ids=[0, 3][:size],
        **options,
    )
    check_batch(batch)
    return batch


def mark_pair(text, pair, wordpieces, **options):
    batch = mark([char_doc(text)], [[pair]], wordpieces, **options)
    (found,) = read_sequences(batch)
    pieces = wordpieces.pieces(found["input_ids"])
    return " ".join(pieces[1:-1]), [" ".join(pieces[a:b]) for a, b in found["bounds"]]


@pytest.mark.parametrize(
    "pair, text, head, tail",
    [
        (
            [(0, 18), (4, 8)],
            "<ent> ▁New <ent2> ▁York <ent2> ▁City ▁Hall <ent>",
            "<ent> ▁New <ent2> ▁York <ent2> ▁City ▁Hall <ent>",
            "<ent2> ▁York <ent2>",
        ),
        (
            [(4, 8), (0, 18)],
            "<ent2> ▁New <ent> ▁York <ent> ▁City ▁Hall <ent2>",
            "<ent> ▁York <ent>",
            "<ent2> ▁New <ent> ▁York <ent> ▁City ▁Hall <ent2>",
        ),
        (
            [(0, 8), (0, 18)],
            "<ent2> <ent> ▁New ▁York <ent> ▁City ▁Hall <ent2>",
            "<ent> ▁New ▁York <ent>",
            "<ent2> <ent> ▁New ▁York <ent> ▁City ▁Hall <ent2>",
        ),
        (
            [(0, 18), (9, 18)],
            "<ent> ▁New ▁York <ent2> ▁City ▁Hall <ent2> <ent>",
            "<ent> ▁New ▁York <ent2> ▁City ▁Hall <ent2> <ent>",
            "<ent2> ▁City ▁Hall <ent2>",
        ),
        (
            [(0, 8), (0, 8)],
            "<ent> <ent2> ▁New ▁York <ent2> <ent> ▁City ▁Hall",
            "<ent> <ent2> ▁New ▁York <ent2> <ent>",
            "<ent2> ▁New ▁York <ent2>",
        ),
        (
            [(0, 13), (4, 18)],
            "<ent> ▁New <ent2> ▁York ▁City <ent> ▁Hall <ent2>",
            "<ent> ▁New <ent2> ▁York ▁City <ent>",
            "<ent2> ▁York ▁City <ent> ▁Hall <ent2>",
        ),
        (
            [(4, 18), (0, 13)],
            "<ent2> ▁New <ent> ▁York ▁City <ent2> ▁Hall <ent>",
            "<ent> ▁York ▁City <ent2> ▁Hall <ent>",
            "<ent2> ▁New <ent> ▁York ▁City <ent2>",
        ),
        (
            [(9, 18), (0, 8)],
            "<ent2> ▁New ▁York <ent2> <ent> ▁City ▁Hall <ent>",
            "<ent> ▁City ▁Hall <ent>",
            "<ent2> ▁New ▁York <ent2>",
        ),
    ],
    ids=["nested", "nested_turned", "same_start", "same_end", "equal", "crossing", "crossing_turned", "side_by_side"],
)
def test_markers_nest_like_brackets(wordpieces, pair, text, head, tail):
    assert mark_pair(CITY, pair, wordpieces) == (text, [head, tail])


@pytest.mark.parametrize("pair", [[(0, 18), (4, 8)], [(0, 8), (0, 18)], [(0, 13), (4, 18)]])
def test_the_reference_misplaces_markers_of_overlapping_pairs(wordpieces, mluke_tokenizer, pair):
    theirs = expected(mluke_tokenizer("entity_pair_classification")(CITY, entity_spans=pair))
    (ours,) = read_sequences(mark([char_doc(CITY)], [[pair]], wordpieces))
    # The positions of an entity do not start and end at its own markers, which have shifted the pieces.
    marked = [[theirs["input_ids"][rows[0]], theirs["input_ids"][rows[-1]]] for rows in theirs["positions"]]
    own = [[wordpieces.ent_id] * 2, [wordpieces.ent2_id] * 2]
    assert marked != own
    assert [[ours["input_ids"][rows[0]], ours["input_ids"][rows[-1]]] for rows in ours["positions"]] == own


def test_groups_keep_their_order_and_have_one_sequence_each(wordpieces):
    docs = [word_doc("a", "b", "c"), word_doc(), word_doc("d", "e")]
    groups = [[[(2, 3), (0, 1)], [(0, 1), (1, 2)]], [], [[(0, 1), (1, 2)]]]
    batch = mark(docs, groups, wordpieces)
    assert batch.n_sequences == 3
    assert batch.entity_lengths.tolist() == [2, 2, 2]
    assert batch.entity_ids.tolist() == [0, 3] * 3
    assert [doc.span_rows.tolist() for doc in batch.docs] == [[0, 1, 2, 3], [], [4, 5]]
    assert batch.docs[0].span_bounds.tolist() == [[2, 3], [0, 1], [0, 1], [1, 2]]
    assert not batch.with_tokens and all(len(doc.piece_rows) == 0 for doc in batch.docs)


def test_a_group_with_a_blank_span_has_no_sequence(wordpieces):
    docs = [char_doc("a   b")]
    batch = mark(docs, [[[(0, 1), (1, 3)], [(0, 1), (4, 5)]]], wordpieces)
    assert batch.n_sequences == 1
    assert batch.docs[0].span_rows.tolist() == [-1, -1, 0, 1]
    assert (batch.counts.spans, batch.counts.blank_spans) == (4, 1)


def test_documents_without_groups_have_no_sequence(wordpieces):
    batch = mark([word_doc("a"), word_doc()], [numpy.zeros((0, 2, 2)), []], wordpieces)
    assert batch.n_sequences == 0 and len(batch.docs) == 2


@pytest.mark.parametrize("segmentation", ["published", "pretraining", "plain"])
def test_text_between_markers_is_encoded_with_the_given_segmentation(wordpieces, segmentation):
    batch = mark([char_doc("(東京) x")], [[[(1, 3)]]], wordpieces, size=1, segmentation=segmentation)
    (found,) = read_sequences(batch)
    text = " ".join(wordpieces.pieces(found["input_ids"]))
    assert (
        text
        == {
            "published": "<s> ▁( <ent> ▁ 東京 <ent> ▁) ▁x </s>",
            "pretraining": "<s> ▁( <ent> 東京 <ent> ) ▁x </s>",
            "plain": "<s> ▁( <ent> 東京 <ent> ) ▁x </s>",
        }[segmentation]
    )


@st.composite
def marked_documents(draw):
    text = LONG[draw(st.integers(0, 60)) :][: draw(st.integers(1, 700))]
    size = draw(st.integers(1, 2))
    spans = st.integers(0, len(text) - 1).flatmap(
        lambda start: st.integers(1, 60).map(lambda length: (start, min(len(text), start + length)))
    )
    groups = draw(st.lists(st.lists(spans, min_size=size, max_size=size), max_size=4))
    options = {
        "window": draw(st.integers(2 + 6 * size, 70)),
        "segmentation": draw(st.sampled_from(["published", "pretraining", "plain"])),
    }
    return text, size, groups, options


@given(marked_documents())
@settings(max_examples=150, deadline=None)
def test_every_group_fits_a_sequence_with_all_its_markers(wordpieces, document):
    text, size, groups, options = document
    batch = mark([char_doc(text)], [groups], wordpieces, size=size, **options)
    whole = mark([char_doc(text)], [groups], wordpieces, size=size, **{**options, "window": 10_000})
    assert batch.docs[0].span_rows.tolist() == whole.docs[0].span_rows.tolist()
    assert (batch.piece_lengths <= options["window"]).all()
    markers = [wordpieces.ent_id, wordpieces.ent2_id][:size]
    n_cut = 0
    for ours, full in zip(read_sequences(batch), read_sequences(whole), strict=True):
        assert sorted(i for i in ours["input_ids"] if i in markers) == sorted(markers * 2)
        outer = [min(a for a, _ in full["bounds"]), max(b for _, b in full["bounds"])]
        room = options["window"] - 2
        n_cut += outer[1] - outer[0] > room
        for marker, (a, b), (c, d) in zip(markers, ours["bounds"], full["bounds"], strict=True):
            assert ours["input_ids"][a] == ours["input_ids"][b - 1] == marker
            if outer[1] - outer[0] <= room:
                assert ours["input_ids"][a:b] == full["input_ids"][c:d]
        # The remaining pieces keep their order.
        rest = iter(full["input_ids"])
        assert all(piece in rest for piece in ours["input_ids"])
        if len(full["input_ids"]) <= options["window"]:
            assert ours == full
        elif outer[1] - outer[0] <= room:
            assert len(ours["input_ids"]) == options["window"]
    assert batch.counts.truncated_texts == n_cut and whole.counts.truncated_texts == 0


def test_spans_are_in_the_middle_of_the_window(wordpieces):
    words = [f"w{i}" for i in range(100)]
    batch = mark([word_doc(*words)], [[[(50, 51), (52, 53)]]], wordpieces, window=42)
    (found,) = read_sequences(batch)
    before = found["bounds"][0][0]
    after = len(found["input_ids"]) - found["bounds"][1][1]
    assert abs(before - after) <= 1


def test_the_window_of_spans_at_the_end_of_the_text_is_before_them(wordpieces):
    words = [f"w{i}" for i in range(100)]
    batch = mark([word_doc(*words)], [[[(98, 99), (99, 100)]]], wordpieces, window=42)
    (found,) = read_sequences(batch)
    assert len(found["input_ids"]) == 42 and found["bounds"][1][1] == 41


@pytest.mark.parametrize("n_words", [100, 20_000], ids=["some", "very_many"])
def test_text_next_to_distant_spans_is_kept(wordpieces, n_words):
    words = [f"w{i}" for i in range(n_words)]
    head, tail = n_words // 10, n_words - n_words // 10
    batch = mark([word_doc(*words)], [[[(tail, tail + 1), (head, head + 1)]]], wordpieces, window=62)
    (found,) = read_sequences(batch)
    pieces = wordpieces.pieces(found["input_ids"])
    assert len(pieces) <= 62
    text = "".join(pieces).replace("▁", " ")
    for index in (head, tail):
        for near in (index - 1, index, index + 1):
            assert f"w{near}" in text
    assert batch.counts.truncated_texts == 1


def test_both_ends_of_a_span_longer_than_a_window_are_kept(wordpieces):
    words = [f"w{i}" for i in range(200)]
    batch = mark([word_doc(*words)], [[[(10, 190)]]], wordpieces, size=1, window=60)
    (found,) = read_sequences(batch)
    text = "".join(wordpieces.pieces(found["input_ids"])).replace("▁", " ")
    assert len(found["input_ids"]) == 60
    assert "<ent> w10 w11" in text and "w188 w189<ent>" in text and "w9" in text and "w190" in text
    assert (batch.counts.truncated_texts, batch.counts.truncated_mentions) == (1, 1)


def test_pairs_cost_the_same_in_long_and_short_documents(wordpieces):
    words = [f"w{i % 500}" for i in range(100_000)]
    doc = word_doc(*words)
    pairs = [[(i, i + 1), (i + 40, i + 41)] for i in range(0, 95_000, 1000)]
    begun = time.perf_counter()
    batch = mark([doc], [pairs], wordpieces)
    assert batch.n_sequences == len(pairs) and (batch.piece_lengths == 512).all()
    assert time.perf_counter() - begun < 20


def test_very_long_tokens_are_split(wordpieces):
    doc = word_doc("head", "東京" * 2000, "tail")
    batch = mark([doc], [[[(0, 1), (2, 3)]]], wordpieces, window=40)
    (found,) = read_sequences(batch)
    text = "".join(wordpieces.pieces(found["input_ids"]))
    assert "東京" in text and len(found["input_ids"]) <= 40
    assert batch.counts.truncated_texts == 1


def test_a_vocabulary_without_markers_is_an_error(wordpieces):
    with pytest.raises(ValueError, match="ML004"):
        align_marked([word_doc("a")], [[[(0, 1)]]], wordpieces, marker_ids=[None], entity_ids=[0])


@pytest.mark.parametrize(
    "groups, options, code",
    [
        ([[[(0, 1)]]], {}, "ML009"),
        ([[(0, 1), (1, 2)]], {}, "ML009"),
        ([[[(0, 1), (1, 9)]]], {}, "ML001"),
        ([], {}, "ML007"),
        ([[[(0, 1), (1, 2)]]], {"window": 13}, "ML003"),
        ([[[(0, 1), (1, 2)]]], {"segmentation": "x"}, "ML070"),
        ([[[(0, 1), (1, 2)]]], {"max_mention_length": 0}, "ML071"),
    ],
)
def test_invalid_input_is_a_coded_error(wordpieces, groups, options, code):
    with pytest.raises(ValueError, match=code):
        mark([word_doc("a", "b")], groups, wordpieces, **options)


def test_all_pairs_of_a_sentence_are_marked_in_one_call(wordpieces):
    text = SAMPLES["latin"]
    spans = words_of(text)
    groups = [[a, b] for a in spans for b in spans]
    batch = mark([char_doc(text)], [groups], wordpieces)
    assert batch.n_sequences == len(groups)
