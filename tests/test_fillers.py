"""The rows of entities that come with the package, for `mluke_cloze`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import spacy

from spacy_mluke.heads.entity_rows import EntityRows
from spacy_mluke.kb.bundled import KNOWLEDGE, open_store
from spacy_mluke.pipeline.cloze.further import BUNDLED, bundled_rows


@pytest.fixture(scope="module")
def manifest() -> dict:
    return json.loads((BUNDLED.parent / "manifest.json").read_text(encoding="utf8"))


def test_the_file_has_the_checksum_of_the_manifest_and_at_most_2_mb(manifest):
    data = BUNDLED.read_bytes()
    assert hashlib.sha256(data).hexdigest() == manifest["sha256"][BUNDLED.name]
    assert len(data) <= 2_000_000


def test_the_templates_are_those_that_the_rows_were_trained_with(manifest):
    templates = BUNDLED.parents[3] / "scripts" / "cloze" / "templates.tsv"
    assert hashlib.sha256(templates.read_bytes()).hexdigest() == manifest["sha256"]["templates.tsv"]


def test_each_entity_is_in_the_bundled_knowledge_base(manifest):
    rows = bundled_rows()
    store = open_store(KNOWLEDGE)
    assert isinstance(rows, EntityRows) and len(rows) == manifest["counts"]["entities"]
    assert [own for own in rows.ids if store.get(own) is None] == []


def test_they_fill_a_mask_with_what_they_were_told():
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": "knowledge"}
    config = {"candidates": source, "entity_rows": "knowledge"}
    pipe: Any = spacy.blank("en").add_pipe("mluke_cloze", config=config)
    (fillers,) = pipe.fill("David Bowie plays [MASK].")
    new_wave, pop_rock = "Q187760", "Q484641"
    assert {new_wave, pop_rock} <= {filler.kb_id for filler in fillers}


def test_the_readme_has_the_numbers_of_the_manifest(manifest):
    text = (BUNDLED.parent / "README.md").read_text(encoding="utf8")
    counts = manifest["counts"]
    assert f"{counts['entities']:,} entities" in text and f"{sum(counts['facts'].values()):,} facts" in text
