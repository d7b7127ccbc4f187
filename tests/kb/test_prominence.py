"""How well-known entities of the bundled knowledge base are."""

from __future__ import annotations

import lzma

import pytest

from scripts.knowledge.sources import read_prominence

# Languages of entities all of whose names are known.
EVERYWHERE = ["de", "it", "pl", "sv", "en", "fr", "es", "ru", "ja"]
LISTED = ["en", "fr", "es", "ru", "ja"]  # those of the others


@pytest.fixture
def prominence(tmp_path):
    names = {
        "Q1": EVERYWHERE,
        "Q2": LISTED,
        "Q3": ["en"],
        "Q4": ["en"],
        "Q5": ["de", "en"],
    }
    rows = [f"{qid}\t{lang}\tname\tlabel\n" for qid, langs in names.items() for lang in langs]
    popularity = ["qid\tn\tviews\thpi\tlevel\n", "Q4\t1\t\t\t5\n", "Q1\t9\t\t\t5\n"]
    popularity += [f"{qid}\t{len(names[qid])}\t\t\t\n" for qid in ("Q2", "Q3", "Q5")]
    for name, own in (("names", rows), ("popularity", popularity)):
        (tmp_path / f"{name}.tsv.xz").write_bytes(lzma.compress("".join(own).encode()))
    return read_prominence(tmp_path / "popularity.tsv.xz", tmp_path / "names.tsv.xz")


def test_names_in_some_languages_count_as_those_of_entities_with_all_names(prominence):
    assert prominence["Q2"] == len(EVERYWHERE)


def test_an_entity_of_a_list_counts_as_the_others_of_it(prominence):
    assert prominence["Q4"] == prominence["Q1"] == len(EVERYWHERE) + 20.0
    assert prominence["Q3"] == 2.0  # as Q5, with a name in one of these languages
