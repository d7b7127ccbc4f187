"""`graph`: annotated documents to a graph."""

from __future__ import annotations

from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from tests.graph.documents import corpus, make_doc, write_parquet


def invoke(*arguments):
    return CliRunner().invoke(app, ["graph", *map(str, arguments)])


def test_the_command_writes_a_graph_and_says_what_was_left_out(tmp_path):
    docs = [*corpus(), make_doc("d", "Bo saw .", [("Bo", "PER", "", 0.9), (".", "DATE", "", 0.9)])]
    write_parquet(tmp_path / "in" / "part-000000.parquet", docs)
    result = invoke(tmp_path / "in", tmp_path / "g.ttl", "--min-support", "2", "--relation", "P17", "--type", "LOC")
    assert result.exit_code == 0, result.output
    output = " ".join(result.output.split())
    assert "2 entities (2 linked) from 4 mentions, 1 relation from 2 predictions, in 4 documents" in output
    assert "Skipped: 3 mentions of other types" in output
    assert "wd:Q1490 wdt:P17" in (tmp_path / "g.ttl").read_text(encoding="utf8")


def test_without_a_format_the_suffix_must_be_known(tmp_path):
    write_parquet(tmp_path / "a.parquet", corpus())
    result = invoke(tmp_path / "a.parquet", tmp_path / "out")
    assert result.exit_code == 1
    assert "[ML460]" in result.output
