"""Where text is split, and the pieces of a span."""

from __future__ import annotations

import pytest

from spacy_mluke.align import align
from tests.align.helpers import char_doc, ragged, read_sequences


def read(text, spans, wordpieces, segmentation):
    batch = align([char_doc(text)], ragged(spans), wordpieces, default_entity_id=0, segmentation=segmentation)
    (found,) = read_sequences(batch)
    pieces = wordpieces.pieces(found["input_ids"])
    return " ".join(pieces[1:-1]), [" ".join(pieces[a:b]) for a, b in found["bounds"]], batch


def test_published_segments_get_a_space_each(wordpieces):
    text, entities, _ = read("(Afghanistan)", [(1, 12)], wordpieces, "published")
    assert text == "▁( ▁Afghanistan ▁)"
    assert entities == ["▁Afghanistan"]


def test_pretraining_segments_inside_a_word_get_no_space(wordpieces):
    text, entities, _ = read("(東京) Iran", [(1, 3), (5, 9)], wordpieces, "pretraining")
    assert text == "▁( 東京 ) ▁Iran"
    assert entities == ["東京", "▁Iran"]


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\n", "\t"], ids=["nbsp", "ideographic", "newline", "tab"])
def test_all_whitespace_ends_a_word_in_pretraining_segments(wordpieces, space):
    text, entities, _ = read(f"in{space}Iran", [(3, 7)], wordpieces, "pretraining")
    assert text == "▁in ▁Iran"
    assert entities == ["▁Iran"]


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\n", "\t"], ids=["nbsp", "ideographic", "newline", "tab"])
def test_byte_level_spans_exclude_other_whitespace_than_the_space(byte_level, space):
    _, (entity,), batch = read(f"in{space}Iran", [(3, 7)], byte_level, "published")
    assert not entity.startswith("Ġ")
    start, end = batch.entity_bounds[0]
    assert batch.docs[0].piece_offsets[start:end].min() == 3


def test_plain_text_is_not_split(wordpieces):
    whole, _, _ = read("(Afghanistan)", [], wordpieces, "published")
    text, entities, _ = read("(Afghanistan)", [(3, 8), (0, 2)], wordpieces, "plain")
    assert text == whole
    # A span covers every piece that shares a character with it.
    assert all(entity in text for entity in entities)
    assert "(" in entities[1]


def test_a_span_at_the_start_of_a_document_ignores_the_document_before(wordpieces):
    docs = [char_doc("in "), char_doc("Iran "), char_doc("")]
    batch = align(docs, ragged([(0, 2)], [(0, 4)], []), wordpieces, default_entity_id=0)
    first, second = read_sequences(batch)
    assert wordpieces.pieces(first["input_ids"]) == ["<s>", "▁in", "</s>"]
    assert wordpieces.pieces(second["input_ids"]) == ["<s>", "▁Iran", "</s>"]
    assert first["bounds"] == second["bounds"] == [[1, 2]]


def test_an_unknown_segmentation_is_an_error_with_the_known_ones(wordpieces):
    with pytest.raises(ValueError, match=r"ML070.*publishd.*published, pretraining, plain"):
        align([char_doc("a")], ragged([]), wordpieces, default_entity_id=0, segmentation="publishd")
