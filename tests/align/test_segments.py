"""Where text is cut, and which pieces a span takes."""

from __future__ import annotations

import pytest

from spacy_mluke.align import align
from tests.align.helpers import char_doc, passes, ragged


def read(text, spans, wordpieces, segmentation):
    batch = align([char_doc(text)], ragged(spans), wordpieces, default_entity_id=0, segmentation=segmentation)
    (found,) = passes(batch)
    pieces = wordpieces.pieces(found["input_ids"])
    return " ".join(pieces[1:-1]), [" ".join(pieces[a:b]) for a, b in found["bounds"]], batch


def test_published_segments_gain_a_space_each(wordpieces):
    text, entities, _ = read("(Afghanistan)", [(1, 12)], wordpieces, "published")
    assert text == "▁( ▁Afghanistan ▁)"
    assert entities == ["▁Afghanistan"]


def test_pretraining_segments_gain_none_inside_a_word(wordpieces):
    text, entities, _ = read("(東京) Iran", [(1, 3), (5, 9)], wordpieces, "pretraining")
    assert text == "▁( 東京 ) ▁Iran"
    assert entities == ["東京", "▁Iran"]


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\n", "\t"], ids=["nbsp", "ideographic", "newline", "tab"])
def test_pretraining_knows_every_whitespace(wordpieces, space):
    text, entities, _ = read(f"in{space}Iran", [(3, 7)], wordpieces, "pretraining")
    assert text == "▁in ▁Iran"
    assert entities == ["▁Iran"]


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\n", "\t"], ids=["nbsp", "ideographic", "newline", "tab"])
def test_whitespace_that_is_no_space_stays_out_of_byte_level_spans(byte_level, space):
    _, (entity,), batch = read(f"in{space}Iran", [(3, 7)], byte_level, "published")
    assert not entity.startswith("Ġ")
    start, end = batch.entity_bounds[0]
    assert batch.docs[0].piece_offsets[start:end].min() == 3


def test_plain_text_is_never_cut(wordpieces):
    whole, _, _ = read("(Afghanistan)", [], wordpieces, "published")
    text, entities, _ = read("(Afghanistan)", [(3, 8), (0, 2)], wordpieces, "plain")
    assert text == whole
    # A span takes every piece that shares a character with it.
    assert all(entity in text for entity in entities)
    assert "(" in entities[1]


def test_a_bound_at_the_start_of_a_document_ignores_the_document_before(wordpieces):
    docs = [char_doc("in "), char_doc("Iran "), char_doc("")]
    batch = align(docs, ragged([(0, 2)], [(0, 4)], []), wordpieces, default_entity_id=0)
    first, second = passes(batch)
    assert wordpieces.pieces(first["input_ids"]) == ["<s>", "▁in", "</s>"]
    assert wordpieces.pieces(second["input_ids"]) == ["<s>", "▁Iran", "</s>"]
    assert first["bounds"] == second["bounds"] == [[1, 2]]


def test_an_unknown_segmentation_is_named_with_the_known_ones(wordpieces):
    with pytest.raises(ValueError, match=r"ML070.*publishd.*published, pretraining, plain"):
        align([char_doc("a")], ragged([]), wordpieces, default_entity_id=0, segmentation="publishd")
