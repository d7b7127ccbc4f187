"""Annotation of tools on tokens: boundaries, changed texts, ids."""

from __future__ import annotations

from collections import Counter

import pytest
import spacy

from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.annotation_tools.docs import DocMaker, ids_of
from spacy_mluke.annotation_tools.documents import ToolDocument, ToolEntity, ToolRelation
from spacy_mluke.annotation_tools.offsets import from_utf16, match_texts, utf16_positions
from tests.annotation_tools.samples import NLP, make


def maker(alignment="expand", **options):
    return DocMaker(NLP, alignment=alignment, spans_key="mluke_ner", counts=Counter(), **options)


def document(text, *bounds, **options):
    return ToolDocument(text, [ToolEntity(*place, label="LOC") for place in bounds], **options)


@pytest.mark.parametrize(
    ("alignment", "texts", "counted"),
    [
        ("expand", ["Tokyo Tower"], "entities moved to tokens (expand)"),
        ("contract", ["Tower"], "entities moved to tokens (contract)"),
        ("strict", [], "entities skipped because they are not on tokens"),
    ],
)
def test_entities_that_are_not_on_tokens_are_moved_or_skipped_and_counted(alignment, texts, counted):
    own = maker(alignment)
    doc = own.make(document("Tokyo Tower stands", (2, 11)))
    assert [ent.text for ent in doc.ents] == texts
    assert +own.counts == {counted: 1}


def test_entities_that_are_not_on_tokens_can_be_an_error():
    with pytest.raises(ValueError, match=r"\[ML471\] 'kyo Tower' in document '7'.*'Tokyo Tower'"):
        maker("raise").make(document("Tokyo Tower stands", (2, 11), id="7"))
    with pytest.raises(ValueError, match=r"\[ML070\]"):
        maker("guess")


def test_whitespace_beside_an_entity_is_removed():
    own = maker("raise")
    doc = own.make(document("in Tokyo Tower ", (2, 15)))
    assert [ent.text for ent in doc.ents] == ["Tokyo Tower"]
    assert +own.counts == {"entities without the whitespace at their ends": 1}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://www.wikidata.org/entity/Q90", "Q90"),
        ("https://www.wikidata.org/wiki/Q90", "Q90"),
        ("http://example.org/entity/Q90", "http://example.org/entity/Q90"),
        ("Q90", "Q90"),
    ],
    ids=["iri", "page", "other_site", "id"],
)
def test_addresses_of_wikidata_become_ids(given, kept):
    found = ToolDocument("Paris", [ToolEntity(0, 5, label="LOC", kb_id=given)])
    assert [ent.kb_id_ for ent in maker().make(found).ents] == [kept]


def test_relations_of_skipped_entities_are_counted():
    found = document("Tokyo Tower", (0, 5), (7, 11))
    found.relations = [ToolRelation(0, 1, "x"), ToolRelation(0, 0, "y")]
    own = maker("strict")
    assert [one.label for one in get_relations(own.make(found))] == ["y"]
    assert own.counts["relations skipped with their head or tail"] == 1


@pytest.mark.parametrize(
    ("original", "changed"),
    [
        ("a\r\n東京 \u00a0x", "a\n東京 x"),
        ("a\r\n東京 x", "a \n東京 x"),
        (" 東京  x ", "東京 x"),
        ("Cafe\u0301 東京 A\u030a", "Caf\u00e9 東京 \u00c5"),
    ],
    ids=["line_ends", "same_length", "trimmed", "composed"],
)
def test_entities_of_a_text_that_a_tool_changed_are_mapped_to_the_exported_one(original, changed):
    reference = spacy.blank("xx").make_doc(original)
    own = maker("raise", references=[reference])
    start = changed.index("東京")
    doc = own.make(document(changed, (start, start + 2), id="0"))
    assert (doc.text, [ent.text for ent in doc.ents]) == (original, ["東京"])
    assert [token.text for token in doc] == [token.text for token in reference]
    assert own.counts["texts that the tool changed, mapped to the exported ones"] == 1


def test_documents_that_are_no_references_have_a_coded_error():
    own = maker(references=[make(["Tokyo"], [False])])
    for text, id in (("Kyoto", "0"), ("Tokyo", "1")):
        with pytest.raises(ValueError, match=r"\[ML474\]"):
            own.make(document(text, id=id))


def test_code_units_are_converted_unless_they_are_inside_a_character():
    text = "a😀𠮷b"
    assert utf16_positions(text) == [0, 1, 3, 5, 6]
    assert from_utf16(text, 1, 5) == (1, 3)
    assert from_utf16(text, 2, 5) is None and from_utf16(text, 1, 7) is None


def test_texts_with_other_words_do_not_match():
    assert match_texts("Tokyo", "Kyoto") is None


@pytest.mark.parametrize(("changed", "expected"), [("  x\x07", (2, 4)), ("  x", (2, 3))], ids=["kept", "removed"])
def test_a_control_character_at_the_end_of_an_entity_stays_if_the_tool_kept_it(changed, expected):
    convert = match_texts(changed, "\r\nx\x07")
    assert convert(2, len(changed)) == expected


def test_ids_are_unique():
    docs = [make(["a"], [False]) for _ in range(3)]
    for doc in docs[:2]:
        doc.user_data["id"] = "x"
    assert ids_of(docs) == ["x", "x-1", "2"]


def test_entities_without_a_probability_are_certain_if_others_have_one():
    found = document("Tokyo Tower", (0, 5), (6, 11))
    found.entities[0].score = 0.5
    doc = maker().make(found)
    assert doc.spans["mluke_ner"].attrs["scores"].tolist() == [0.5, 1.0]
    assert "mluke_ner" not in maker().make(document("Tokyo Tower", (0, 5))).spans
