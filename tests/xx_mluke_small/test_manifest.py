"""The manifest lists every file that enters the weights, and none that must not."""

from __future__ import annotations

import json
import re

import pytest

from scripts.xx_mluke_small import manifest
from scripts.xx_mluke_small.evaluation_sets import CALIBRATION_SETS, EVALUATION_FILES
from scripts.xx_mluke_small.training_files import QUESTIONS_TO_TRAIN_ON, TRAINING_FILES
from tests.conftest import REPO

PATH = REPO / "projects" / "xx_mluke_small" / "manifest.json"
# Not for commercial use, for research only, or made from an evaluation set.
FORBIDDEN = ("wikineural", "kbp37", "relx", "xquad", "mlama", "pattern")


@pytest.fixture(scope="module")
def committed():
    return json.loads(PATH.read_text(encoding="utf8"))


def test_the_manifest_lists_the_training_files(committed):
    assert sorted(file["path"] for file in committed["files"]) == sorted(TRAINING_FILES)


def test_no_file_of_a_set_that_may_not_be_redistributed_enters_the_weights(committed):
    for part in manifest.PARTS:
        text = json.dumps(committed[part]).lower()
        assert [name for name in FORBIDDEN if name in text] == []


def test_no_evaluation_file_enters_the_weights(committed):
    assert not {file["path"] for file in committed["files"]} & set(EVALUATION_FILES)


def test_probabilities_are_calibrated_on_development_sets_only(committed):
    assert {file["path"] for file in committed["calibration"]} == {f"ner/{name}" for name in CALIBRATION_SETS}
    assert all(".dev." in file["path"] for file in committed["calibration"])


def test_every_file_has_a_checksum_a_licence_and_a_source(committed):
    for file in [*committed["files"], *committed["calibration"]]:
        assert re.fullmatch(r"[0-9a-f]{64}", file["sha256"]) and file["bytes"] > 0
        assert file["authors"] and file["url"].startswith("https://")
        assert re.match(r"(CC BY(-SA)? [34]\.0|CC0 1\.0|MIT)", file["licence"])


def test_the_manifest_has_the_checksums_of_the_bundled_checkpoint(committed):
    found = [{"path": name, **manifest.measure(manifest.CHECKPOINT / name)} for name in manifest.CHECKPOINT_FILES]
    assert committed["checkpoint"] == found


def test_the_local_data_is_as_in_the_manifest(committed, data_dir):
    for file in committed["files"]:
        path = data_dir / file["path"]
        assert not path.exists() or manifest.measure(path)["sha256"] == file["sha256"]


def test_the_files_of_the_manifest_are_those_that_are_read(tiny_root):
    assert manifest.files_read(tiny_root) == sorted(TRAINING_FILES)


def test_a_changed_file_is_reported(tiny_root):
    found = manifest.make_manifest(tiny_root)
    manifest.check(found, found)
    other = json.loads(json.dumps(found))
    other["files"][3]["sha256"] = "0"
    with pytest.raises(ValueError, match=re.escape(found["files"][3]["path"])):
        manifest.check(found, other)


def test_only_parts_of_files_are_held_out_of_training():
    assert {f"qa/{file}" for file in QUESTIONS_TO_TRAIN_ON} <= set(TRAINING_FILES)
    assert not set(TRAINING_FILES) & set(EVALUATION_FILES)
