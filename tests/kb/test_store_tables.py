"""Tables with an entity on each line, and the errors of lines that cannot be read."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.kb.entities import Fact
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.kb.store_build import build_store
from spacy_mluke.kb.store_rows import StoreDescription, StoreFact, StoreRow
from spacy_mluke.kb.store_sources import read_rows

HEADER = "id,type,prior,name:en,name:de,alias:en,description:en,types,xref,fact:maker"
LINES = [
    'p:1,PHONE,2,Nova,Nova,"Nova One | N1",a phone with a large battery,phone|5G phone,Q1,m:1',
    "m:1,ORG,,Acme,,,,,,",
]


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
    return path


def built(path, tmp_path, **options):
    return build_store(read_rows(path, **options), tmp_path / "built.sqlite", source=path, is_checked=True)


def check_products(store):
    assert [(name.name, name.lang, name.kind) for name in store["Q1"].names] == [
        ("Nova", "en", "name"),
        ("Nova", "de", "name"),
        ("Nova One", "en", "alias"),
        ("N1", "en", "alias"),
        ("Q1", "", "xref"),
    ]
    assert (store["p:1"].type, store["p:1"].prior) == ("PHONE", 2.0)
    assert store.descriptions("p:1") == {"en": "a phone with a large battery"}
    assert store.classes("p:1") == ["phone", "5G phone"]
    assert store.facts("p:1") == [Fact("maker", "m:1")]
    assert store["m:1"].name("en") == "Acme" and store.descriptions("m:1") == {}


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_table_may_have_an_entity_on_each_line(tmp_path, suffix):
    lines = [HEADER, *LINES]
    if suffix == ".tsv":
        lines = [line.replace('"', "").replace(",", "\t") for line in lines]
    check_products(built(write(tmp_path / f"products{suffix}", *lines), tmp_path))


def test_a_parquet_file_has_the_same_columns(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow (pip install -e '.[parquet]')")
    from pyarrow import parquet

    records = [
        {
            "id": "p:1",
            "type": "PHONE",
            "prior": 2.0,
            "name:en": ["Nova"],
            "name:de": ["Nova"],
            "alias:en": ["Nova One", "N1"],
            "description:en": "a phone with a large battery",
            "types": ["phone", "5G phone"],
            "xref": ["Q1"],
            "fact:maker": ["m:1"],
        },
        {"id": "m:1", "type": "ORG", "name:en": ["Acme"]},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(records), tmp_path / "products.parquet")
    check_products(built(tmp_path / "products.parquet", tmp_path))


def test_an_exported_store_is_built_again_with_descriptions_types_and_facts(tmp_path):
    write(tmp_path / "products.csv", HEADER, *LINES)
    runner = CliRunner()
    for command in (["build", "products.csv", "one.sqlite"], ["export", "one.sqlite", "all.jsonl"]):
        paths = [str(tmp_path / name) for name in command[1:]]
        assert runner.invoke(app, ["entities", command[0], *paths]).exit_code == 0
    check_products(built(tmp_path / "all.jsonl", tmp_path))


def test_columns_of_a_table_without_a_header_are_named_and_may_have_prefixes(tmp_path):
    path = write(tmp_path / "ror.tsv", "01\tQ5\tUS\tx\t\tlabel\tAcme", "01\tQ5\tUS\tx\t\tacronym\tACM")
    columns = ["id=ror:", "xref", "fact:country=iso3166:", "-", "language", "kind", "name"]
    store = built(path, tmp_path, columns=columns)
    assert store["Q5"].id == "ror:01" and store.facts("Q5") == [Fact("country", "iso3166:US")]
    assert [(name.name, name.kind) for name in store["Q5"].names if name.kind != "xref"] == [
        ("Acme", "name"),
        ("ACM", "alias"),
        ("ACM", "weak"),
    ]


def test_the_command_gives_a_type_to_entities_without_one(tmp_path):
    write(tmp_path / "names.tsv", "a\ten\tAcme", "b\ten\tNova\tPHONE")
    paths = [str(tmp_path / "names.tsv"), str(tmp_path / "built.sqlite")]
    assert CliRunner().invoke(app, ["entities", "build", *paths, "--type", "ORG"]).exit_code == 0
    store = EntityStore(tmp_path / "built.sqlite")
    assert (store["a"].type, store["b"].type) == ("ORG", "PHONE")


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        (["id,name:en,colour", "a,b,c"], 1, "no column 'colour'"),
        (["id,name:en,name:en", "a,b,c"], 1, "'name:en' is there twice"),
        (["sku,name:en,name:de", "a,b,c"], 1, "first column of a header is 'id', not 'sku'"),
        (["id,name:en", "a,Nova", "b,Acme,x"], 3, "it has 3 cells, not 1 to 2"),
        (["id,name:en", "a,Nova", ",Acme"], 3, "no id"),
        (["id,name:en,type", "a,,PHONE"], 2, "no name for 'a'"),
        (["id,name:en,prior", "a,Nova,many"], 2, "a prior of 'a'"),
        (["a;en;Nova"], 1, "perhaps yours has semicolons"),
        (["id,name:en", '"a\nb",Nova', ",Acme"], 4, "no id"),
    ],
    ids=["column", "twice", "header", "cells", "id", "name", "prior", "semicolons", "line_in_a_cell"],
)
def test_a_malformed_line_is_a_coded_error_with_its_number(tmp_path, lines, line, reason):
    path = write(tmp_path / "bad.csv", *lines)
    with pytest.raises(ValueError, match=rf"ML231.*bad.csv', line {line}: .*{reason}"):
        list(read_rows(path))


def test_keys_that_are_not_read_are_counted_in_one_warning(tmp_path):
    records = [{"id": i, "names": [{"name": "X"}], "desciption": "y"} for i in "ab"]
    path = write(tmp_path / "bad.jsonl", *map(json.dumps, records))
    with pytest.warns(UserWarning, match=r"ML189.*'desciption' \(2\)"):
        list(read_rows(path))


def test_what_is_not_in_the_store_is_counted_in_one_warning(tmp_path):
    rows = [
        StoreRow("a", "en", "Nova", "PHONE"),
        StoreRow("a", "de", "Nova", "STAR"),
        StoreDescription("a", "en", "one"),
        StoreDescription("a", "en", "two"),
        StoreFact("b", "maker", "a"),
    ]
    with pytest.warns(UserWarning, match="ML188") as found:
        store = build_store(rows, tmp_path / "a.sqlite", source="mine")
    (message,) = [str(warning.message) for warning in found if "ML188" in str(warning.message)]
    assert "'mine'" in message
    for part in (
        "1 entities have rows with different types",
        "1 descriptions are the second",
        "1 facts are about entities without a name",
    ):
        assert part in message
    assert store["a"].type == "PHONE" and store.descriptions("a") == {"en": "one"}
