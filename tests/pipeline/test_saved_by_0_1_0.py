"""A pipeline and documents that version 0.1.0 saved. `tests/saved/v0_1_0` holds one pipeline with every component."""

from __future__ import annotations

import json
from typing import Any

import pytest
import spacy
from spacy.tokens import DocBin

from tests.conftest import REPO
from tests.pipeline.saved_by_0_1_0 import annotate_docs, predictions

SAVED = REPO / "tests" / "saved" / "v0_1_0"


def assert_close(found: Any, expected: Any) -> None:
    """Compare JSON values; numbers may differ by rounding on other processors."""
    if isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-3)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_close(found[key], expected[key])
    else:
        assert found == expected


@pytest.fixture(scope="module")
def expected():
    return json.loads((SAVED / "predictions.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def nlp(tmp_path_factory):
    import shutil

    # A copy, because loading may write a vocabulary's database to the folder.
    return spacy.load(shutil.copytree(SAVED / "pipeline", tmp_path_factory.mktemp("saved") / "pipeline"))


def test_a_pipeline_of_0_1_0_predicts_the_same(nlp, expected):
    assert_close([predictions(doc) for doc in annotate_docs(nlp)], expected)


def test_a_pipeline_of_0_1_0_survives_saving(nlp, expected, tmp_path):
    nlp.to_disk(tmp_path / "again")
    again = spacy.load(tmp_path / "again")
    assert_close([predictions(doc) for doc in annotate_docs(again)], expected)


def test_documents_of_0_1_0_keep_their_annotations(nlp, expected):
    docs = DocBin().from_disk(SAVED / "docs.spacy").get_docs(nlp.vocab)
    assert_close([predictions(doc) for doc in docs], expected)
