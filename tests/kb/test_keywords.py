"""Keywords of entities, and the words of a text that are compared with them."""

from __future__ import annotations

from scripts.knowledge.frequencies import Word
from scripts.knowledge.keywords import read_keywords
from spacy_mluke.kb.keywords import name_words, words_around
from spacy_mluke.kb.packed import PackedEntity


def test_words_that_are_written_as_names_are_found_without_case_and_accents():
    assert name_words("El teleférico Mukumbarí") == ["mukumbari"]
    assert name_words("l'Alzette") == name_words("Alzette") == ["alzette"]
    assert name_words("Bad Ems, 1871, Rio") == []


def test_the_words_around_a_mention_are_those_of_a_hundred_tokens_on_each_side():
    words = [["far"], *([] for _ in range(99)), ["before"], ["toledo"], ["after"], *([] for _ in range(99)), ["away"]]
    assert words_around(words, 101, 102) == {"before", "after"}
    assert words_around(words[1:-1], 0, 1) == {"before", "toledo"}


def test_words_of_the_mention_are_not_around_it():
    assert words_around([["toledo"], ["maumee"], ["toledo"]], 0, 1) == {"maumee"}


def entity(entity_id, names):
    return PackedEntity(entity_id, "LOC", 1.0, "", "", names)


def keywords(tmp_path, rows, entities, frequencies=()):
    path = tmp_path / "keywords.tsv"
    path.write_text("\n".join(["id\tkeywords", *rows, ""]), encoding="utf8")
    return dict(read_keywords(path, entities, dict(frequencies)))


def test_the_words_of_names_are_keywords_but_those_of_the_entity_itself(tmp_path):
    rows = ["Q1\tMaumee River; Toledo Mud Hens", "Q2\tUniversity of Toledo"]
    found = keywords(tmp_path, rows, [entity("Q1", "=Toledo\t~en=Toledo, Ohio")])
    assert found == {"Q1": ["hens", "maumee", "river"]}


def test_words_of_many_entities_and_ordinary_words_are_no_keywords(tmp_path):
    rows = [f"Q{i}\tCathedral; Market{'' if i else '; Maumee'}" for i in range(13)]
    entities = [entity(f"Q{i}", f"=Bell{i}") for i in range(13)]
    frequencies = {("en", "market"): Word(9, 0, 1), ("en", "maumee"): Word(0, 0, 2)}
    assert keywords(tmp_path, rows, entities, frequencies) == {"Q0": ["maumee"]}
