"""`search` finds entities in annotated corpora, and prints a table or JSON."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.kb.store_build import StoreRow, build_store
from tests.search.corpora import write


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write(tmp_path_factory.mktemp("corpus") / "part-000000.parquet").parent


def search(*arguments):
    result = CliRunner().invoke(app, ["search", *map(str, arguments)])
    assert result.exit_code in (0, 1) and (result.exception is None or isinstance(result.exception, SystemExit))
    return result


def test_an_id_is_found_and_shown_with_its_context(corpus):
    result = search(corpus, "Q1490", "--context", 8)
    assert "id: Q1490, mentions: 3" in result.output
    assert "d0 0-5" in result.output and "[Tokyo] is far" in result.output and "[東京]" in result.output


def test_json_has_the_query_and_the_hits(corpus):
    found = json.loads(search(corpus, "Q1490", "--format", "json", "--lang", "ja").stdout)
    assert found["query"] == {"id": "Q1490", "mentions": 3}
    assert [(hit["lang"], hit["text"]) for hit in found["hits"]] == [("ja", "東京")]


def test_a_name_is_looked_up_in_a_store_and_other_entities_in_the_corpus_are_named(corpus, tmp_path):
    rows = [StoreRow("Q90", "en", "Big City", prior=0.3), StoreRow("Q1490", "en", "Big City", prior=0.2)]
    store = build_store([*rows, StoreRow("Q0", "en", "Big City", prior=0.5)], tmp_path / "store.sqlite")
    result = search(corpus, "big city", "--store", store.path)
    assert "id: Q90" in result.output and "Also in the corpus: Q1490 (Big City), 3 mentions" in result.output
    assert "ML434" in search(corpus, "Nowhere", "--store", store.path).output


def test_a_saved_index_is_searched_as_the_corpus(corpus, tmp_path):
    assert search(corpus, "--save", tmp_path / "index").exit_code == 0
    expected = search(corpus, "Q90", "--format", "json").stdout
    assert search(tmp_path / "index", "Q90", "--format", "json").stdout == expected


def test_without_a_query_the_content_is_shown(corpus):
    assert "7 mentions in 5 documents" in search(corpus).output
    assert json.loads(search(corpus, "--format", "json").stdout)["entities"]["Q1490"] == 3


def test_nothing_found_is_said(corpus):
    assert "No mention found" in search(corpus, "Q0", "--by", "id").output


def test_wrong_input_has_coded_errors(corpus, tmp_path):
    for arguments, code in (
        ((tmp_path, "Q1"), "ML430"),
        ((corpus, "Q1", "--by", "word"), "ML070"),
        ((corpus, "no brackets", "--by", "mention"), "ML434"),
        ((corpus, "Tokyo", "--mention", "Paris"), "ML090"),
    ):
        result = search(*arguments)
        assert result.exit_code == 1 and code in result.output
