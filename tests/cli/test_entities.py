"""`entities` builds stores from every kind of source, looks names up, and writes them as JSON lines."""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.kb import store_sources
from spacy_mluke.kb.store import EntityStore

TABLE = 'Q90\ten\tParis\tcity\t0.9\nQ167646\ten\tParis\thero\t0.1\nQ90\tja\tパリ\n\nQ5\ten\t"Quoted\n'
WIKIDATA = {
    "id": "Q90",
    "labels": {"en": {"language": "en", "value": "Paris"}, "mul": {"language": "mul", "value": "PARIS"}},
    "aliases": {"en": [{"language": "en", "value": "City of Light"}], "fr": []},
    "sitelinks": {
        "enwiki": {"title": "Paris"},
        "zh_yuewiki": {"title": "巴黎"},
        "commonswiki": {"title": "Paris"},
        "frwikiquote": {"title": "Paris"},
    },
    "claims": {
        "P31": [
            {"rank": "normal", "mainsnak": {"datavalue": {"value": {"id": "Q5"}}}},
            {"rank": "preferred", "mainsnak": {"datavalue": {"value": {"id": "Q515"}}}},
        ]
    },
}


def entities(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["entities", *map(str, arguments)])


def build(folder: Path, name: str, content: Any, *options: str) -> EntityStore:
    source = folder / name
    source.write_bytes(content if isinstance(content, bytes) else content.encode("utf8"))
    result = entities("build", source, folder / "store.sqlite", "--force", *options)
    assert result.exit_code == 0, result.output
    assert "Wrote" in result.output
    return EntityStore(folder / "store.sqlite")


def test_a_table_is_read_with_and_without_a_header(tmp_path):
    store = build(tmp_path, "names.tsv", TABLE)
    assert [entity.id for entity in store] == ["Q167646", "Q5", "Q90"]
    assert store["Q90"].name("ja") == "パリ" and store["Q5"].name() == '"Quoted'
    head = "id,name,language,kind\n"
    store = build(tmp_path, "names.csv", head + 'Q1,"Washington, D.C.",en,title\n')
    assert store["Q1"].names[0][:3] == ("Washington, D.C.", "en", "title")


def test_compressed_files_are_read(tmp_path):
    for name, pack in (("names.tsv.gz", gzip.compress), ("names.tsv.bz2", bz2.compress)):
        assert len(build(tmp_path, name, pack(TABLE.encode("utf8")))) == 3


def test_a_wikidata_dump_is_read(tmp_path):
    dump = "[\n" + json.dumps(WIKIDATA) + ",\n" + json.dumps({"id": "Q1", "labels": [], "claims": []}) + "\n]\n"
    store = build(tmp_path, "latest-all.json.gz", gzip.compress(dump.encode("utf8")))
    (paris,) = store
    assert (paris.type, paris.prior) == ("Q515", 2.0)
    assert [name[:3] for name in paris.names] == [
        ("Paris", "en", "name"),
        ("PARIS", "", "name"),
        ("City of Light", "en", "alias"),
        ("Paris", "en", "title"),
        ("巴黎", "zh-yue", "title"),
    ]


def test_json_lines_of_names_and_of_entities_are_read(tmp_path):
    lines = [
        {"id": "a", "language": "en", "name": "X", "type": "t", "prior": 2},
        {"id": "a", "type": "t", "prior": 5, "names": [{"name": "Y", "lang": "de", "kind": "alias", "prior": 0.5}]},
    ]
    store = build(tmp_path, "mixed.jsonl", "\n".join(map(json.dumps, lines)))
    assert store["a"].prior == 5.0
    assert [tuple(name) for name in store["a"].names] == [("X", "en", "name", 2.0), ("Y", "de", "alias", 0.5)]


def test_the_vocabulary_of_a_checkpoint_is_read(tmp_path):
    special = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 6}
    names = {**special, "ja:東京": 3, "en:Tokyo": 3, "en:Georgia (country)": 4, "de:Georgien": 4, "fr:Paris": 5}
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "entity_vocab.json").write_text(json.dumps(names), encoding="utf8")
    assert entities("build", tmp_path / "checkpoint", tmp_path / "store.sqlite").exit_code == 0
    store = EntityStore(tmp_path / "store.sqlite")
    assert list(store.ids()) == ["en:Georgia (country)", "en:Tokyo", "fr:Paris"]
    assert [match.id for match in store.candidates("Georgia", "en")] == ["en:Georgia (country)"]
    assert store["en:Tokyo"].name("ja") == "東京"


def test_languages_can_be_selected(tmp_path):
    assert build(tmp_path, "names.tsv", TABLE, "--lang", "ja").languages == {"ja": 1}


def test_several_sources_make_one_store(tmp_path):
    for name, text in (("a.tsv", TABLE), ("b.tsv", "Q7\tde\tBern\n")):
        (tmp_path / name).write_text(text, encoding="utf8")
    result = entities("build", tmp_path / "a.tsv", tmp_path / "b.tsv", tmp_path / "store.sqlite")
    assert "4 entities, 5 names in 3 languages" in " ".join(result.output.split())


def test_an_exported_store_builds_the_same_one(tmp_path):
    store = list(build(tmp_path, "dump.json", json.dumps(WIKIDATA)))
    assert entities("export", tmp_path / "store.sqlite", tmp_path / "store.jsonl").exit_code == 0
    lines = (tmp_path / "store.jsonl").read_text(encoding="utf8")
    assert list(build(tmp_path, "again.jsonl", lines)) == store
    build(tmp_path, "again.jsonl", lines)
    entities("export", tmp_path / "store.sqlite", tmp_path / "again.jsonl", "--force")
    assert (tmp_path / "again.jsonl").read_text(encoding="utf8") == lines


def test_find_shows_candidates_and_entities(tmp_path):
    build(tmp_path, "names.tsv", TABLE)
    output = entities("find", tmp_path / "store.sqlite", "paris", "Rome").output
    assert "Q90" in output and "0.900" in output and "No entity found" in output
    assert "パリ" in entities("find", tmp_path / "store.sqlite", "--id", "Q90").output


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.tsv", "Q1\ten\n", 1),
        ("a.tsv", "id\tlanguage\tnames\n", 1),
        ("a.tsv", "Q1\ten\tX\nQ2\ten\tX\tt\tmany\n", 2),
        ("a.csv", 'Q1,en,X\n"Q2,en\n', 2),
        ("a.jsonl", '{"id": "a", "name": "X"}\nnothing\n', 2),
        ("a.jsonl", '{"name": "X"}\n', 1),
        ("a.jsonl", '["a"]\n', 1),
        ("a.jsonl", '{"id": "a", "name": 5}\n', 1),
        ("a.jsonl.gz", gzip.compress(b'{"id": "a", "name": "X"}\n' * 2)[:-12], 2),
        ("a.tsv.gz", b"no archive", 1),
        ("a.tsv", b"Q1\ten\t\xff\n", 1),
        ("a.jsonl", b'{"id": "a", "name": "\xff"}\n', 1),
        ("a.jsonl", "[" * 100_000 + "\n", 1),
        ("a.jsonl", '{"id": "a", "name": "X", "prior": NaN}\n', 1),
        ("a.jsonl", '{"id": "a", "name": "X", "prior": -1}\n', 1),
        ("a.jsonl", '{"id": "a", "name": "X", "prior": 1e999}\n', 1),
        ("a.jsonl", '{"id": "a", "name": "X", "prior": 1' + "0" * 400 + "}\n", 1),
        ("a.jsonl", '{"id": "a", "name": "X", "prior": 1' + "0" * 5000 + "}\n", 1),
        ("a.jsonl", '{"id": "a", "name": "\\ud800"}\n', 1),
        ("a.jsonl", '{"id": "a", "name": "X", "lang": ["en"]}\n', 1),
        ("a.jsonl", '{"id": "a", "name": "X", "type": {"en": 1}}\n', 1),
        ("a.jsonl", '{"id": "a", "names": [1]}\n', 1),
        ("a.jsonl", '{"id": "a", "names": {"en": "X"}}\n', 1),
        ("a.jsonl", '{"id": "a", "names": [{"lang": "en"}]}\n', 1),
        ("a.jsonl", '{"id": "a", "labels": ["en"]}\n', 1),
        ("a.jsonl", '{"id": "a", "labels": {"en": {"value": 5}}}\n', 1),
        ("a.jsonl", '{"labels": {"en": {"value": "X"}}, "claims": {"P31": 5}}\n', 1),
        ("a.jsonl", "5\n", 1),
        ("a.csv", "Q1,en,X\0\n" + "Q" * 200_000 + ",en,X\n", 2),
    ],
    ids=[
        "short",
        "column",
        "prior",
        "quote",
        "json",
        "no_id",
        "list",
        "no_text",
        "cut",
        "no_gz",
        "latin1",
        "json_latin1",
        "deep",
        "nan",
        "negative",
        "inf",
        "huge",
        "digits",
        "surrogate",
        "lang_of_list",
        "type_of_dict",
        "name_of_number",
        "names_of_dict",
        "name_without_text",
        "labels_of_list",
        "label_of_number",
        "claims_of_number",
        "number",
        "cell",
    ],
)
def test_the_error_names_a_line_that_cannot_be_read(tmp_path, name, content, line):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf8"))
    result = entities("build", tmp_path / name, tmp_path / "store.sqlite")
    assert result.exit_code == 1
    assert f"line {line}:" in " ".join(result.output.split()) and "[ML231]" in result.output
    assert not (tmp_path / "store.sqlite").exists()


def test_an_overlong_line_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(store_sources, "_LONGEST_LINE", 1000)
    for name in ("a.jsonl.gz", "a.tsv.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b" " * 10_000))
        output = entities("build", tmp_path / name, tmp_path / "store.sqlite").output
        assert "[ML231]" in output and "more than 1,000" in " ".join(output.split())


def test_an_entity_that_occurs_twice_is_stored_once(tmp_path):
    lines = ['{"id": "a", "name": "X"}', '{"id": "b", "name": "X"}', '{"id": "a", "name": "Y", "type": "city"}']
    store = build(tmp_path, "a.jsonl", "\n".join(lines))
    assert [(entity.id, entity.type, len(entity.names)) for entity in store] == [("a", "city", 2), ("b", "", 1)]


@pytest.mark.parametrize("command", ["build", "export"])
def test_a_path_that_cannot_be_written_is_an_error_with_a_code(tmp_path, command):
    build(tmp_path, "names.tsv", TABLE)
    source = tmp_path / ("names.tsv" if command == "build" else "store.sqlite")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "file" / "x.jsonl", tmp_path / "folder"):
        result = entities(command, source, target, "--force")
        assert result.exit_code == 1 and ("[ML232]" in result.output or "[ML360]" in result.output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "names.tsv", "store.sqlite"]


def test_control_characters_of_names_are_not_printed(tmp_path):
    build(tmp_path, "names.tsv", "Q1\ten\tTokyo\tcity\x1b[2J\nQ1\tja\t\x1b]0;owned\x07\n")
    for options in (["Tokyo"], ["--id", "Q1"], ["\x1b[2J"]):
        output = entities("find", tmp_path / "store.sqlite", *options).output
        assert "[2J" in output or "owned" in output
        assert "\x1b[2J" not in output and "\x1b]0" not in output


def test_unknown_sources_and_existing_files_are_refused(tmp_path):
    (tmp_path / "a.txt.zip").touch()
    assert "[ML234]" in entities("build", tmp_path / "a.txt.zip", tmp_path / "store.sqlite").output
    assert "[ML234]" in entities("build", tmp_path / "nowhere.tsv", tmp_path / "store.sqlite").output
    (tmp_path / "store.sqlite").touch()
    assert "[ML235]" in entities("build", tmp_path / "a.txt.zip", tmp_path / "store.sqlite").output
    assert "[ML230]" in entities("find", tmp_path / "store.sqlite", "Paris").output
