"""Adjectives of countries in the bundled knowledge base."""

from __future__ import annotations

import pytest

from scripts.build_knowledge import entity_line
from scripts.knowledge.cleaning import Cleaner
from scripts.knowledge.demonyms import add_demonyms, forms_of
from scripts.knowledge.sources import Item
from spacy_mluke.kb.packed_cells import names_in


@pytest.mark.parametrize(
    ("word", "lang", "found"),
    [
        ("German", "en", ["German"]),
        ("deutsch", "de", ["deutsch", "deutsche", "deutschem", "deutschen", "deutscher", "deutsches"]),
        ("Schweizer", "de", ["Schweizer"]),
        ("finlandés", "es", ["finlandés", "finlandesa", "finlandeses", "finlandesas"]),
        ("iraní", "es", ["iraní", "iraníes", "iranís"]),
        ("iranien", "fr", ["iranien", "iranienne", "iraniens", "iraniennes"]),
        ("turc", "fr", ["turc", "turque", "turcs", "turques"]),
        ("belge", "fr", ["belge", "belges"]),
    ],
)
def test_an_adjective_has_forms(word, lang, found):
    assert forms_of(word, lang) == found


def test_an_adjective_means_its_country_as_often_as_the_name_does_and_is_not_searched(tmp_path):
    table = tmp_path / "demonyms.tsv"
    table.write_text("country\ten\tfr\nDE\tGerman\tallemand\nXX\tXish\txien\n", encoding="utf8")
    germany = Item("Q183", "LOC", [], 20.0, names=[("en", "Germany", True), ("fr", "Allemagne", True)])
    assert add_demonyms({"Q183": germany}, table, {"iso3166:DE": "Q183"}) == 1
    line = entity_line(germany, Cleaner({}).clean(germany), {})
    _, _, _, references, _, *cells = line.split("\t")
    names = {(own.name, own.lang, own.kind): own.prior for own in names_in("\t".join([references, *cells]), 400.0)}
    assert names["German", "en", "alias"] == names["Germany", "en", "name"] == 400.0
    assert ("allemandes", "", "weak") in names
