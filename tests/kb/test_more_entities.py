"""Entities and names of the bundled knowledge base that the data lacks."""

from __future__ import annotations

import csv
import lzma
import re

import pytest

from scripts.build_knowledge import (
    CORRECTIONS_TABLE,
    ENTITIES_TABLE,
    FACTS_TABLE,
    KEYWORDS_TABLE,
    LANGUAGES,
    MERGED_TABLE,
    NAMES_TABLE,
    PLACES_TABLE,
)
from scripts.knowledge.more import read_more, read_more_facts
from scripts.knowledge.sources import TYPES, Item, read_prominence
from scripts.knowledge.surnames import add_surnames
from spacy_mluke.kb.bundled import ASSETS, KNOWLEDGE
from spacy_mluke.kb.packed import (
    CORRECTIONS,
    ENTITIES,
    MERGED,
    MORE_ENTITIES,
    packed_lines,
    read_corrections,
    read_merged,
    read_packed_entities,
    read_packed_facts,
    read_packed_keywords,
)

# Country, administrative entity, headquarters, born in, body of water, landform.
PLACE_RELATIONS = ("P17", "P131", "P159", "P19", "P206", "P706")

NAMES = """id\tlanguages\tname\tform
Q1\t\tPlutarch\tlabel
Q1\tfr\tPlutarque\tlabel
Q1\tru,uk\tПлутарх\tlabel
Q2\t\tOpenAI\tlabel
Q2\t\tOpenAI, Inc.\talias
Q3\t\tTour Eiffel\talias
"""
MORE = "id\ttype\tclasses\tlanguages\nQ2\tORG\tQ4830453\t85\n"


def rows(path):
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "names.tsv").write_text(NAMES, encoding="utf8")
    (tmp_path / "entities.tsv").write_text(MORE, encoding="utf8")
    return tmp_path / "names.tsv", tmp_path / "entities.tsv"


@pytest.fixture
def items(tables):
    known = {"Q3": Item("Q3", "LOC", ["Q12518"], 90.0, names=[("en", "Eiffel Tower", True)])}
    return read_more(*tables, known, {}, {"Q1": 76.0}, ["de", "fr"])


def test_someone_of_a_list_is_a_person(items):
    assert (items["Q1"].type, items["Q1"].classes, items["Q1"].prominence) == ("PER", ["Q5"], 76.0)


def test_a_name_without_languages_is_the_label_where_there_is_no_other(items):
    labels = {lang: name for lang, name, is_label in items["Q1"].names if is_label}
    assert labels == {"": "Plutarch", "de": "Plutarch", "fr": "Plutarque", "ru": "Плутарх", "uk": "Плутарх"}


def test_the_table_says_what_the_data_does_not_know(items):
    assert (items["Q2"].type, items["Q2"].classes, items["Q2"].prominence) == ("ORG", ["Q4830453"], 85.0)
    assert ("", "OpenAI, Inc.", False) in items["Q2"].names


def test_an_entity_of_the_data_gets_further_names(items):
    assert items["Q3"].names == [("", "Tour Eiffel", False)]
    assert (items["Q3"].type, items["Q3"].prominence) == ("LOC", 90.0)


def test_an_entity_of_which_nothing_says_how_well_known_it_is_is_an_error(tables):
    with pytest.raises(ValueError, match="Q1 has names"):
        read_more(*tables, {}, {}, {}, [])


def test_someone_of_a_list_without_names_is_as_well_known_as_the_others_of_it(tmp_path):
    popularity = "qid\tn\tviews\thpi\tlevel\nQ1\t3\t\t\t5\nQ2\t0\t\t\t5\n"
    names = "".join(f"Q1\t{lang}\tname\tlabel\n" for lang in ("de", "it", "pl"))
    paths = tmp_path / "popularity.tsv.xz", tmp_path / "names.tsv.xz"
    for path, text in zip(paths, (popularity, names), strict=True):
        path.write_bytes(lzma.compress(text.encode()))
    assert read_prominence(*paths, {"Q2"})["Q2"] == 23.0
    assert read_prominence(*paths)["Q2"] == 20.0


def test_people_of_the_data_compete_for_a_last_name_and_stay_as_they_are():
    known = {"Q1": Item("Q1", "PER", [], 60.0, names=[("en", "Laura Bush", True)])}
    new = {
        "Q2": Item("Q2", "PER", [], 60.0, names=[("en", "George Bush", True)]),
        "Q3": Item("Q3", "PER", [], 60.0, names=[("en", "Angela Merkel", True)]),
    }
    assert add_surnames(new, [], known) == 1
    assert [len(item.names) for item in (*known.values(), *new.values())] == [1, 1, 2]


def test_the_table_of_names_is_sound():
    found = rows(NAMES_TABLE)
    assert len({(row["id"], row["name"], row["form"]) for row in found}) == len(found)
    for row in found:
        assert re.fullmatch(r"Q[1-9]\d*", row["id"]) and row["form"] in ("label", "alias"), row
        assert row["name"] == " ".join(row["name"].split()) != "", row
        assert set(row["languages"].split(",")) - {""} <= LANGUAGES, row


def test_the_tables_of_entities_and_facts_are_sound():
    named = {row["id"] for row in rows(NAMES_TABLE)}
    found = rows(ENTITIES_TABLE)
    assert {row["id"] for row in found} <= named and len({row["id"] for row in found}) == len(found)
    assert {row["type"] for row in found} <= set(TYPES)
    assert all(0 < int(row["languages"]) <= 104 for row in found)
    for relation, subject, object_ in read_more_facts(FACTS_TABLE):
        assert re.fullmatch(r"P[1-9]\d*", relation) and subject in named and re.fullmatch(r"Q[1-9]\d*", object_)


def test_the_tables_of_places_are_sound():
    folder = ASSETS / KNOWLEDGE
    known = {entity.id for entity in read_packed_entities(folder)}
    facts = list(read_more_facts(PLACES_TABLE))
    assert len(set(facts)) == len(facts)
    assert all(relation in PLACE_RELATIONS and {subject, own} <= known for relation, subject, own in facts)
    assert set(facts) <= {(relation, subject, own) for subject, relation, own in read_packed_facts(folder)}
    found = rows(KEYWORDS_TABLE)
    assert {row["id"] for row in found} <= known and len({row["id"] for row in found}) == len(found)
    assert read_packed_keywords(folder).keys() <= {row["id"] for row in found}


def test_the_package_has_them():
    folder = ASSETS / KNOWLEDGE
    more = {cells[0]: cells for cells in packed_lines(folder / MORE_ENTITIES)}
    known = {cells[0] for cells in packed_lines(folder / ENTITIES)}
    assert {row["id"] for row in rows(NAMES_TABLE)} - known - set(more) == set()
    assert "=René Descartes" in more["Q9191"]


def test_the_package_merges_places_into_their_entities():
    folder = ASSETS / KNOWLEDGE
    assert (folder / MERGED).read_bytes() == MERGED_TABLE.read_bytes()
    merged = read_merged(folder)
    assert len(merged) == len(rows(MERGED_TABLE))
    assert all(re.fullmatch(r"geonames:\d+", own) and re.fullmatch(r"Q\d+", qid) for own, qid in merged.items())
    entities = {entity.id: entity for entity in read_packed_entities(folder)}
    assert not merged.keys() & entities.keys()
    assert all(own in entities[qid].references.split() for own, qid in merged.items())


def test_the_package_corrects_names():
    folder = ASSETS / KNOWLEDGE
    assert (folder / CORRECTIONS).read_bytes() == CORRECTIONS_TABLE.read_bytes()
    entities = {entity.id: entity.names.split("\t") for entity in read_packed_entities(folder)}
    for entity_id, before, after in read_corrections(folder):
        assert before not in entities[entity_id] and (not after or after in entities[entity_id])
