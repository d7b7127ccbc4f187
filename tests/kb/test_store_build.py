"""Building an entity store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spacy_mluke.kb.store import STORE, EntityName, EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.store_sources import read_rows
from tests.kb.stores import ROWS, candidates


def test_a_name_given_twice_is_kept_once_with_the_greater_prior(tmp_path):
    rows = [StoreRow("a", "en", "X", prior=p, kind=kind) for p, kind in ((0.1, "alias"), (0.7, ""), (None, ""))]
    assert build_store(rows, tmp_path / STORE)["a"].names == (EntityName("X", "en", "name", 0.7),)


def test_a_title_is_kept_in_addition_to_an_equal_name(tmp_path):
    rows = [StoreRow("a", "en", "X"), StoreRow("a", "en", "X", kind="title")]
    store = build_store(rows, tmp_path / STORE)
    assert [name.kind for name in store["a"].names] == ["name", "title"]
    assert candidates(store, "X") == [("a", 1.0)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (StoreRow("", "en", "X"), "no id"),
        (StoreRow("a", "en", " \u3000"), "no name"),
        (StoreRow("a", "en", "X", prior=-1.0), "prior"),
        (StoreRow("a", "en", "X", prior=float("nan")), "prior"),
        (StoreRow("a", "en", "X", prior="much"), "prior"),
        (StoreRow("a", "en", "X", kind="nickname"), "nickname"),
        (StoreRow("a", "en", "\ud800"), "surrogate"),
        (StoreRow("a", "en", "X", prior=float("inf")), "prior"),
        (StoreRow("a", "en", "X", prior=True), "prior"),
        (StoreRow("a", "en", "X", entity_prior=10**400), "prior"),
        (StoreRow("a", "en", "X", prior=[1]), "prior"),
        (StoreRow("a", ["en"], "X"), "not text"),
        (StoreRow("a", "en", "X", {"city": 1}), "not text"),
        (StoreRow("a", "en", "X", kind=["alias"]), "not text"),
        (StoreRow(5, "en", "X"), "no id"),
        (StoreRow("a", "en", ["X"]), "no name"),
    ],
    ids=[
        "no_id",
        "no_name",
        "negative",
        "nan",
        "text",
        "kind",
        "surrogate",
        "inf",
        "bool",
        "huge",
        "prior_of_list",
        "lang_of_list",
        "type_of_dict",
        "kind_of_list",
        "id_of_number",
        "name_of_list",
    ],
)
def test_an_invalid_row_is_a_coded_error_and_keeps_the_existing_file(tmp_path, row, reason):
    before = build_store(ROWS, tmp_path / STORE)
    with pytest.raises(ValueError, match=rf"\[ML231\] 'mine', line 2: .*{reason}"):
        build_store([ROWS[0], row], tmp_path / STORE, source="mine")
    assert [path.name for path in tmp_path.iterdir()] == [STORE]
    assert len(EntityStore(tmp_path / STORE)) == len(before)


def test_a_killed_build_keeps_the_existing_file_and_leaves_nothing_that_opens_as_a_store(tmp_path):
    target = tmp_path / "store.sqlite"

    def rows(n):
        yield from ROWS * 500
        os._exit(n)

    for before in (None, ROWS[:1]):
        if before is not None:
            build_store(before, target)
        child = os.fork()
        if child == 0:
            try:
                build_store(rows(9), target)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert target.exists() == (before is not None)
        left = [path for path in tmp_path.iterdir() if path != target]
        assert left and all(path.suffix == ".tmp" and path.name.startswith(".") for path in left)
        for path in left:
            with pytest.raises(ValueError, match="ML230"):
                EntityStore(path)
            with pytest.raises(ValueError, match="ML234"):
                list(read_rows(path))
    assert len(EntityStore(target)) == 1
    assert len(build_store(ROWS, target)) > 1


def test_a_full_disk_is_a_coded_error_and_leaves_no_file(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(ValueError, match="ML232"):
            build_store((StoreRow(f"Q{n}", "en", f"Name {n}" * 10) for n in range(3000)), tmp_path / STORE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_a_coded_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"\[ML232\]"):
        build_store(ROWS, tmp_path / "file" / STORE)


def test_a_store_can_be_empty(tmp_path):
    store = build_store([], tmp_path / STORE)
    assert (len(store), list(store), store.candidates("Paris")) == (0, [], [])


def test_rows_of_an_entity_need_not_be_adjacent(tmp_path, store):
    mixed = build_store(ROWS[::2] + ROWS[1::2], tmp_path / "mixed.sqlite")
    assert [(e.id, e.type, set(e.names)) for e in mixed] == [(e.id, e.type, set(e.names)) for e in store]


GROWTH = """
import json, resource, sys
from spacy_mluke.kb import store_build
store_build._CACHE_KIB = 4096
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
name = "A name of quite some length, the {}th".format
def rows(n):
    return (store_build.StoreRow(f"Q{i * 7919 % 20_000}", "en", name(i)) for i in range(n))
store_build.build_store(rows(2_000), sys.argv[1])  # what is used once
before = peak()
store = store_build.build_store(rows(100_000), sys.argv[1])
assert (len(store), store.n_names) == (20_000, 100_000)
growth = peak() - before
print(json.dumps({"growth": growth, "heavy": [name for name in ("spacy", "thinc", "torch") if name in sys.modules]}))
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A process that builds a store: how its memory has grown, and what it has imported."""
    pytest.importorskip("resource")
    child = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path_factory.mktemp("grown") / STORE)],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    return json.loads(child.stdout)


def test_memory_does_not_grow_with_the_store(grown):
    # The names alone have 4 MB, the rows as Python objects 25.
    assert grown["growth"] < 16


def test_building_a_store_imports_neither_spacy_nor_torch(grown):
    assert grown["heavy"] == []
