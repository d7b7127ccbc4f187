"""A missing optional package is a coded error that says what to install."""

from __future__ import annotations

import sys

import pytest

from spacy_mluke.bulk import cluster
from spacy_mluke.bulk.input_files import LineFile
from spacy_mluke.bulk.parquet_files import parquet


@pytest.fixture(autouse=True)
def without_packages(monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet", "ray"):
        monkeypatch.setitem(sys.modules, name, None)


def test_parquet_needs_pyarrow():
    with pytest.raises(ValueError, match=r"\[ML283\].*pip install pyarrow"):
        parquet()


def test_files_compressed_with_zstd_need_pyarrow(tmp_path):
    (tmp_path / "a.jsonl.zst").touch()
    with pytest.raises(ValueError, match=r"\[ML357\].*a\.jsonl\.zst.*pip install pyarrow"):
        LineFile(tmp_path / "a.jsonl.zst")


def test_a_cluster_needs_ray():
    with pytest.raises(ValueError, match=r"\[ML284\].*pip install 'ray\[data\]' pyarrow"):
        cluster._start(None)
