"""`demo` with the bundled checkpoint."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy
import pytest
import spacy
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.cli.demo_texts import Mention, make_doc, read_texts
from spacy_mluke.cli.demo_vectors import compare


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    output = tmp_path_factory.mktemp("demo") / "page.html"
    result = CliRunner().invoke(app, ["demo", "--output", str(output)])
    assert result.exit_code == 0, result.output
    return result.output, output.read_text(encoding="utf8")


def test_the_demo_prints_similarities_and_a_comparison(page):
    printed, _ = page
    assert "across 12 languages" in printed
    assert "Entity vectors" in printed
    assert "Mean token vectors" in printed


def test_what_the_ready_made_pipeline_finds_is_printed_first(page):
    printed, _ = page
    titles = ["Entities and relations", "Entities linked in running text", "Facts completed", "Entity vectors"]
    assert sorted(titles, key=printed.index) == titles


def test_mentions_of_the_same_entity_are_more_similar_than_of_different_ones(page):
    row = next(line for line in page[0].splitlines() if line.startswith("Entity vectors"))
    same, different = (float(value) for value in row.split()[2:4])
    assert same > different + 0.2


def test_the_page_is_complete_html_with_every_text_and_no_external_files(page):
    class Checker(HTMLParser):
        depth = 0
        marks = 0

        def handle_starttag(self, tag, attributes):
            self.depth += tag not in ("meta", "br")
            self.marks += tag == "mark"
            found = dict(attributes)
            # Links to entities, which load nothing.
            assert "src" not in found and found.get("href", "https://").startswith("https://")

        def handle_endtag(self, tag):
            self.depth -= 1

    checker = Checker()
    checker.feed(page[1])
    assert checker.depth == 0
    before, after = page[1].split("<h2>Texts</h2>")
    assert after.count("<mark") == 120
    assert checker.marks == 120 + before.count("<mark")


def test_the_demo_links_places_and_completes_facts(page):
    printed, html = page
    assert "東京 = Tokyo (geonames:1850147)" in printed
    assert "✔ Japon" in printed
    completed = html.split("<h2>Completed facts</h2>")[1].split("<h2>")[0]
    assert completed.count('<mark class="right">') > completed.count('<mark class="wrong">')


def test_mentions_in_text_without_spaces_are_tokenized_separately():
    doc = make_doc(spacy.blank("xx"), "東京は2021年に", [(0, 2)])
    assert doc.text == "東京は2021年に"
    assert doc[0].text == "東京"


def test_tokenizing_around_mentions_keeps_every_mention_and_adds_no_spaces():
    docs, mentions = read_texts(spacy.blank("xx"))
    assert sum(len(doc.ents) for doc in docs) == len(mentions) == 120
    assert not any(token.is_space for doc in docs for token in doc)


def test_comparison_counts_nearest_mentions_of_the_same_entity():
    mentions = [Mention(lang, entity, entity) for lang in ("en", "de") for entity in ("a", "b")]
    vectors = numpy.asarray([[1.0, 0.1], [-1.0, 0.1], [1.0, -0.1], [-1.0, -0.1]])
    result = compare("vectors", vectors, mentions, ["a", "b"])
    assert result.nearest == 4
    assert result.same > 0.9
    assert result.different < -0.9
