"""Questions and the windows of the documents that answer them."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.align import align, align_questions
from tests.align.helpers import char_doc, check_batch, expected, ragged, read_sequences, word_doc
from tests.conftest import SAMPLES

LONG = " ".join(SAMPLES.values()) * 2


def ask(questions, docs, owners, wordpieces, question_spans=None, doc_spans=None, **options):
    batch = align_questions(
        questions,
        docs,
        numpy.array(owners, dtype="int64"),
        wordpieces,
        default_entity_id=0,
        question_spans=question_spans,
        doc_spans=doc_spans,
        **options,
    )
    check_batch(batch)
    return batch


def test_a_sequence_equals_the_reference_for_two_texts(wordpieces, mluke_tokenizer):
    question, text = "Is Paris in France?", "Paris is in France."
    spans = [[(12, 18), (3, 8)], [(0, 5), (12, 18)]]
    batch = ask([char_doc(question)], [char_doc(text)], [0], wordpieces, ragged(spans[0]), ragged(spans[1]))
    encoding = mluke_tokenizer()(question, text, entity_spans=spans[0], entity_spans_pair=spans[1])
    (found,) = read_sequences(batch)
    assert {key: found[key] for key in expected(encoding)} == expected(encoding)
    first, end = batch.context[0].tolist()
    assert "".join(wordpieces.pieces(batch.piece_ids[first:end].tolist())) == "▁Paris▁is▁in▁France▁."
    assert batch.offsets[first].tolist() == [0, 5] and batch.offsets[first - 1].tolist() == [-1, -1]


def test_several_questions_may_have_one_document(wordpieces):
    docs = [char_doc("Tokyo is big."), char_doc("Paris is old.")]
    questions = [char_doc(text) for text in ("Big?", "Old?", "Who is big?")]
    batch = ask(questions, docs, [0, 1, 0], wordpieces)
    assert batch.questions.tolist() == [0, 1, 2] and batch.n_questions == 3
    for question, owner, found in zip(questions, [0, 1, 0], read_sequences(batch), strict=True):
        assert read_sequences(ask([question], [docs[owner]], [0], wordpieces)) == [found]


def test_an_entity_is_in_every_window_that_contains_it(wordpieces):
    words = [f"w{i}" for i in range(200)]
    doc = word_doc(*words)
    spans = [(i, i + 2) for i in range(0, 198, 9)]
    batch = ask([word_doc("who")], [doc], [0], wordpieces, None, ragged(spans), window=64, overlap=30)
    (alone,) = align([doc], ragged(spans), wordpieces, default_entity_id=0, window=10_000).docs
    bounds = align([doc], ragged(spans), wordpieces, default_entity_id=0, window=10_000).entity_bounds[alone.span_rows]
    counts = 0
    for row, found in enumerate(read_sequences(batch)):
        start = int(batch.starts[row])
        end = start + int(batch.context[row, 1] - batch.context[row, 0])
        inside = [[a - 1, b - 1] for a, b in bounds.tolist() if a - 1 >= start and b - 1 <= end]
        moved = [[a - start + int(batch.context[row, 0]), b - start + int(batch.context[row, 0])] for a, b in inside]
        assert found["bounds"] == moved
        counts += len(inside)
    assert counts > len(spans)


def test_skipped_entities_and_truncated_questions_are_counted(wordpieces):
    question = word_doc(*[f"w{i}" for i in range(40)])
    doc = char_doc("Paris and Rome")
    batch = ask([question], [doc], [0], wordpieces, None, ragged([(0, 5), (10, 14)]), window=30, max_entities=1)
    assert batch.counts.truncated_questions == 1
    assert batch.counts.skipped_spans == 1 and batch.entity_lengths.tolist() == [1]
    assert int(batch.context[0, 0]) == 13 + 3
    assert batch.piece_lengths.max() <= 30


@pytest.mark.parametrize("question, text", [("", "a"), ("a", ""), ("", ""), (" ", "\n")])
def test_questions_and_documents_may_be_empty(wordpieces, question, text):
    batch = ask([char_doc(question)], [char_doc(text)], [0], wordpieces)
    assert batch.n_sequences == 1


def test_no_questions_give_an_empty_batch(wordpieces):
    batch = ask([], [char_doc("text")], [], wordpieces)
    assert batch.n_sequences == batch.n_questions == 0 and len(batch.piece_ids) == 0


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_piece_of_the_document_is_in_a_window(wordpieces, data):
    text = LONG[: data.draw(st.integers(0, 400))]
    question = data.draw(st.sampled_from(["Who?", "Which city is it that we mean?", LONG[:200]]))
    window, overlap = data.draw(st.integers(8, 60)), data.draw(st.integers(0, 30))
    batch = ask([char_doc(question)], [char_doc(text)], [0], wordpieces, window=window, overlap=overlap)
    alone = align([char_doc(text)], ragged([]), wordpieces, default_entity_id=0, window=10_000)
    ids, offsets = {}, {}
    at = numpy.concatenate([[0], numpy.cumsum(batch.piece_lengths)])
    for row in range(batch.n_sequences):
        first, end = batch.context[row].tolist()
        for i in range(end - first):
            place = int(batch.starts[row]) + i
            piece = int(batch.piece_ids[at[row] + first + i])
            assert ids.setdefault(place, piece) == piece
            offsets[place] = batch.offsets[at[row] + first + i].tolist()
    assert batch.piece_lengths.max(initial=0) <= window
    if text:
        (doc,) = alone.docs
        assert [ids[i] for i in range(len(ids))] == alone.piece_ids[1:-1].tolist()
        assert [offsets[i] for i in range(len(ids))] == doc.piece_offsets[1:-1].tolist()


@pytest.mark.parametrize(
    "options, code",
    [
        ({"window": 5}, "ML003"),
        ({"max_question": 0}, "ML310"),
        ({"segmentation": "x"}, "ML070"),
        ({"question_entity_ids": [1, 2, 3]}, "ML007"),
        ({"doc_spans": ragged([(0, 7)])}, "ML001"),
    ],
)
def test_invalid_options_are_coded_errors(wordpieces, options, code):
    with pytest.raises(ValueError, match=code):
        ask([word_doc("a")], [word_doc("b")], [0], wordpieces, **options)


def test_a_document_is_required_for_each_question(wordpieces):
    with pytest.raises(ValueError, match="ML007"):
        ask([word_doc("a")], [word_doc("b")], [], wordpieces)
