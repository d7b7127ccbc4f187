"""`spacy_mluke.render`: what it shows of a document, and how it escapes it."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span, SpanGroup

import spacy_mluke
from spacy_mluke.annotate.records import put_record
from spacy_mluke.annotate.relations import Relation, set_relations
from spacy_mluke.rendering.annotated import AnnotatedText, Fact, Mention
from spacy_mluke.rendering.entity_links import entity_url
from spacy_mluke.rendering.json_input import read_json
from spacy_mluke.rendering.render import STYLES, draw

NLP = spacy.blank("xx")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)> &amp; {0} \ue0001\ue001 \x00\u202e'


class Elements(HTMLParser):
    """Collects the elements of a page with their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text, self.open = [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "br", "rect", "path", "polygon"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def named(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def make_doc(words=("Ada", "Lovelace", "lived", "in", "London", "."), kb_ids=("Q7259", "geonames:2643743")):
    """Return a document with two linked entities, a relation, types, scores and vectors."""
    doc = Doc(NLP.vocab, words=list(words), spaces=[True] * 4 + [False, False])
    doc.ents = [Span(doc, 0, 2, label="PER", kb_id=kb_ids[0]), Span(doc, 4, 5, label="LOC", kb_id=kb_ids[1])]
    set_relations(doc, [Relation(doc.ents[0], doc.ents[1], "residence", 0.75)])
    doc.spans["ner"] = SpanGroup(doc, spans=list(doc.ents), attrs={"scores": [0.91, 0.82]})
    chars = [[ent.start_char, ent.end_char] for ent in doc.ents]
    put_record(
        doc,
        "mluke_types_record",
        {
            "spans": numpy.asarray(chars, dtype="int32"),
            "scores": numpy.asarray([[0.9, 0.1], [0.2, 0.7]], dtype="float32"),
            "labels": ["writer", "city"],
        },
    )
    vectors = numpy.asarray([[1.0, 0.0], [0.6, 0.8]], dtype="float32")
    put_record(doc, "mluke_states", {"spans": numpy.asarray(chars, dtype="int32"), "left_out": [], "vectors": vectors})
    return doc


def test_entities_have_labels_and_links_to_their_registers():
    elements = Elements(spacy_mluke.render(make_doc()))
    assert [mark["data-mention"] for mark in elements.named("mark")] == ["0", "1"]
    addresses = {link["href"] for link in elements.named("a")}
    assert addresses == {"https://www.wikidata.org/wiki/Q7259", "https://www.geonames.org/2643743"}
    assert "Ada LovelacePER Q7259 lived in LondonLOC geonames:2643743." in elements.text


def test_the_table_of_entities_has_types_and_probabilities():
    text = Elements(spacy_mluke.render(make_doc())).text
    assert "writer 0.90" in text and "city 0.70" in text and "city 0.10" not in text
    assert "0.91" in text and "0.82" in text


def test_names_of_entities_are_shown_if_a_function_gives_them():
    page = spacy_mluke.render(make_doc(), names={"geonames:2643743": "Greater London"}.get)
    assert "Greater London" in Elements(page).text


def test_links_use_the_template_and_quote_the_id():
    doc = make_doc(kb_ids=('a"b/c?', "x y"))
    page = spacy_mluke.render(doc, kb_url_template="https://example.org/{}#x")
    assert [link["href"] for link in Elements(page).named("a")][:2] == [
        "https://example.org/a%22b%2Fc%3F#x",
        "https://example.org/x%20y#x",
    ]


@pytest.mark.parametrize("template", ["javascript:alert({})", "https://example.org/", "{}", "https://{}/{}", 5])
def test_a_template_that_is_no_address_is_an_error(template):
    with pytest.raises(ValueError, match="ML450"):
        spacy_mluke.render(make_doc(), kb_url_template=template)


@pytest.mark.parametrize(
    ("kb_id", "address"),
    [
        ("Q42", "https://www.wikidata.org/wiki/Q42"),
        ("geonames:1850147", "https://www.geonames.org/1850147"),
        ("iso3166:JP", "https://www.iso.org/obp/ui/#iso:code:3166:JP"),
        ("iso639:ja", "https://www.loc.gov/standards/iso639-2/php/langcodes_name.php?iso_639_1=ja"),
        ("iso639:haw", "https://iso639-3.sil.org/code/haw"),
        ("en:New York City", "https://en.wikipedia.org/wiki/New_York_City"),
        ("javascript:alert(1)", ""),
        ("Q42\nx", ""),
        ("metal", ""),
    ],
)
def test_an_id_has_the_address_of_its_register(kb_id, address):
    assert entity_url(kb_id) == address


def test_relations_are_drawn_as_arcs_and_listed_in_a_table():
    elements = Elements(spacy_mluke.render(make_doc(), "relations"))
    drawings = elements.named("svg")
    assert [one["class"].split()[1] for one in drawings] == ["mluke-wide", "mluke-narrow"]
    assert all(one["role"] == "img" and "1 relations" in one["aria-label"] for one in drawings)
    assert sum(path["class"] == "mluke-arc" for path in elements.named("path")) == 2
    assert re.search(r"Ada Lovelace Q7259\s*residence\s*London geonames:2643743\s*0.75", elements.text)


def test_a_document_without_relations_says_so():
    doc = make_doc()
    set_relations(doc, [])
    assert "No relations." in spacy_mluke.render(doc, "relations")


def test_the_graph_merges_mentions_of_one_entity():
    text = "Rome, Roma, Oslo"
    mentions = [Mention(0, 4, "LOC", "Q220"), Mention(6, 10, "LOC", "Q220"), Mention(12, 16, "LOC")]
    content = AnnotatedText(text, mentions, [Fact(0, 2, "twin"), Fact(1, 2, "twin"), Fact(0, 1, "same")])
    page = draw(content, "graph", width=400)
    assert page.count('class="mluke-box"') == 2 and page.count('class="mluke-arc"') == 1
    assert "Rome, LOC, Q220, 2 mentions" in page


def test_the_similarity_is_the_cosine_of_the_vectors():
    page = spacy_mluke.render(make_doc(), "similarity")
    elements = Elements(page)
    assert re.findall(r"(\d+)</td>", page) == ["100", "60", "60", "100"]
    levels = [cell.get("class") for cell in elements.named("td")]
    assert levels == [None, "mluke-h10", "mluke-h0", "mluke-h0", "mluke-h10"]


def test_the_similarity_of_a_document_without_vectors_is_an_error():
    doc = NLP("Ada")
    doc.ents = [Span(doc, 0, 1, label="PER")]
    with pytest.raises(ValueError, match="ML451"):
        spacy_mluke.render(doc, "similarity")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", ["", "nothing here", "\n\n"])
def test_a_document_without_annotation_can_be_rendered(style, text):
    assert Elements(spacy_mluke.render(NLP(text), style)).open == []


@pytest.mark.parametrize("style", STYLES)
def test_no_text_of_a_document_becomes_markup(style):
    def content(text):
        mentions = [
            Mention(0, len(text), text, text, text, 0.5, ((text, 0.5),)),
            Mention(len(text) + 1, 2 * len(text) + 1, text, "Q1", text),
        ]
        facts = [Fact(0, 1, text, 0.5, text), Fact(1, 0, text)]
        return AnnotatedText(f"{text} {text}", mentions, facts, text, {0: [1.0, 0.0], 1: [0.5, 0.5]})

    hostile, plain = Elements(draw(content(HOSTILE), style)), Elements(draw(content("y" * len(HOSTILE)), style))
    kinds = {(tag, tuple(attributes)) for tag, attributes in hostile.found}
    assert kinds <= {(tag, tuple(attributes)) for tag, attributes in plain.found} | {("br", ())}
    assert "<script>alert(1)</script>" in hostile.text or style == "graph"
    assert all(link["href"].startswith("https://") for link in hostile.named("a"))


def test_rendered_parts_have_no_style_attributes_so_that_strict_policies_allow_them():
    for style in STYLES:
        elements = Elements(draw(read_json(document_json()), style))
        assert not [tag for tag, attributes in elements.found if "style" in attributes]


def test_a_page_is_complete_and_forbids_scripts_and_requests():
    page = spacy_mluke.render([make_doc(), make_doc()], page=True, title="<x>")
    elements = Elements(page)
    assert page.startswith("<!DOCTYPE html>") and elements.open == [] and elements.text.count("Ada") == 4
    (policy,) = [meta["content"] for meta in elements.named("meta") if meta.get("http-equiv")]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "<title>&lt;x&gt;</title>" in page


def test_notebooks_show_the_result():
    part = spacy_mluke.render(make_doc())
    assert part._repr_html_() == part and "<style>" in part


def test_a_span_is_rendered_with_its_own_annotation():
    doc = Doc.from_docs([make_doc(), make_doc(("Bob", "Smith", "left", "for", "Oslo", "."))])
    assert "Bob Smith" in unescape(spacy_mluke.render(doc[6:], "relations"))
    assert "Ada" not in spacy_mluke.render(doc[6:], "relations")


def test_what_is_not_a_document_is_an_error():
    with pytest.raises(ValueError, match="ML452"):
        spacy_mluke.render(["text"])
    with pytest.raises(ValueError, match="ML452"):
        spacy_mluke.render(None)
    with pytest.raises(ValueError, match="ML070"):
        spacy_mluke.render(make_doc(), "tree")


def document_json():
    return {
        "text": "Ada met Bob",
        "entities": [
            {"id": 0, "start": 0, "end": 3, "label": "PER", "kb_id": None, "types": ["writer"], "vector": [1.0, 0.0]},
            {"id": 1, "start": 8, "end": 11, "label": "PER", "kb_id": "Q1", "name": "Bob", "score": 0.5},
        ],
        "relations": [{"head": 1, "tail": 0, "label": "met", "property": "P1", "score": 0.5}],
    }


def test_a_document_of_the_server_gives_the_same_content():
    content = read_json(document_json())
    assert content.facts == [Fact(1, 0, "met", 0.5, "P1")]
    assert content.mentions[0] == Mention(0, 3, "PER", types=(("writer", None),)) and list(content.vectors) == [0]


def test_cosines_of_the_server_are_drawn_without_vectors():
    values = {**document_json(), "similarity": [[1.0, 0.25], [0.25, 1.0]]}
    assert re.findall(r"(\d+)</td>", draw(read_json(values), "similarity")) == ["100", "25", "25", "100"]
    missing = {**document_json(), "similarity": [[1.0, None], [None, None]]}
    assert "Mentions without a vector: 1." in draw(read_json(missing), "similarity")


@pytest.mark.parametrize(
    "change",
    [
        {"text": None},
        {"entities": 5},
        {"entities": [{"start": 0, "end": 99}]},
        {"entities": [{"start": True, "end": 3}]},
        {"entities": [{"end": 3}]},
        {"relations": [{"head": 0, "tail": 9, "label": "x"}]},
        {"relations": [{"head": 0, "tail": 1}]},
        {"relations": [{"head": [], "tail": 1, "label": "x"}]},
        {"entities": [{"start": 0, "end": 1, "vector": [[1.0]]}], "relations": []},
        {"entities": [{"start": 0, "end": 1, "vector": ["x"]}], "relations": []},
        {"entities": [{"start": 0, "end": 1, "score": "high"}], "relations": []},
        {"relations": [{"head": 0, "tail": 1, "label": "x"}] * 1001},
        {"similarity": [[1.0]]},
        {"similarity": [[1.0, None], [None, 1.0]]},
        {"similarity": [[1.0, 7.0], [7.0, 1.0]]},
    ],
)
def test_json_that_is_no_document_is_an_error(change):
    with pytest.raises(ValueError, match="ML453"):
        read_json({**document_json(), **change})
