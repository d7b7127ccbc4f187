"""Finding special entities in a file of any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_mluke.vocabulary import special_entities as special
from spacy_mluke.vocabulary.special_entities import find_special_entities

IDS = {"[MASK]": 11, "[UNK]": 12, "[PAD]": 13, "[MASK2]": 14}
FOUND = (11, 12, 13, 14)


def write(path: Path, names: Dict[str, int], **options) -> Path:
    path.write_text(json.dumps(names, **options), encoding="utf8")
    return path


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("separators", [None, (",", ":"), (" ,", " : ")])
def test_special_entities_are_found_in_any_layout(tmp_path, indent, separators):
    path = write(tmp_path / "v.json", {"en:A": 1, **IDS, "en:B": 2}, indent=indent, separators=separators)
    assert find_special_entities(path) == FOUND


@pytest.mark.parametrize(
    "fake",
    [
        '[MASK]": 5, "',
        '"[MASK]": 5, ',
        'x"[MASK]',
        '"[MASK]"',
        "\\",
        '\\"[MASK]": 5,',
        '{"[MASK]": 5}',
        "[MASK]s",
    ],
)
def test_a_name_is_not_read_as_a_special_entity(tmp_path, fake):
    path = write(tmp_path / "v.json", {fake: 1, **IDS, fake + "x": 2})
    assert find_special_entities(path) == FOUND


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_special_entities_are_found_across_the_ends_of_blocks(tmp_path, monkeypatch, data):
    monkeypatch.setattr(special, "_BLOCK", data.draw(st.integers(64, 200)))
    monkeypatch.setattr(special, "_OVERLAP", 48)
    others = data.draw(st.lists(st.text('"[MASK]: 5,\\', max_size=20), max_size=30, unique=True))
    entries = [(name, 1) for name in others if name not in IDS] + list(IDS.items())
    path = write(tmp_path / "v.json", dict(data.draw(st.permutations(entries))))
    assert find_special_entities(path) == FOUND


def test_missing_special_entities_are_named(tmp_path):
    path = write(tmp_path / "v.json", {"[MASK]": 0, "[PAD]": 1})
    with pytest.raises(ValueError, match=r"ML060.*lacks \[UNK\], \[MASK2\]"):
        find_special_entities(path)
