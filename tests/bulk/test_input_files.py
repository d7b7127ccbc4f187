"""Finding and reading the files of an input."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import pyarrow
import pytest
import spacy

from spacy_mluke.bulk import plan as plan_module
from spacy_mluke.bulk.input_files import find_files
from spacy_mluke.bulk.job import Job
from spacy_mluke.bulk.plan import plan
from spacy_mluke.bulk.records import Record, read
from tests.bulk.corpora import records, write_corpus
from tests.bulk.test_records import read_all

NLP = spacy.blank("xx")


def compressed(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".gz":
        path.write_bytes(gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :]))
    else:
        with pyarrow.CompressedOutputStream(str(path), "zstd") as file:
            file.write(data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.JSONL.GZ", "a.txt.gz", "a.ndjson.zst"])
def test_compressed_lines_are_read_like_uncompressed_ones(tmp_path, name):
    lines = "".join(
        f'{{"text": "{i} {"x" * (i % 100)}"}}\n' if "json" in name.lower() else f"{i}\n" for i in range(500)
    )
    path = compressed(tmp_path / name, lines.encode())
    for size in (7, 499, 1000):
        _, found = read_all(path, shard_size=size)
        assert [one.doc.text.split()[0] for one in found] == [str(i) for i in range(500)]


def test_shards_of_a_compressed_file_can_be_read_in_any_order(tmp_path):
    path = compressed(tmp_path / "a.txt.gz", b"".join(b"%d\n" % i for i in range(50)))
    job = Job("", str(path), "out", shard_size=10)
    shards = plan(job, find_files(path))
    for shard in (shards[3], shards[1], shards[4], shards[4], shards[0]):
        found = [one.doc.text for one in read(job, shard, NLP, Counter()) if isinstance(one, Record)]
        assert found == [str(i) for i in range(shard.first, shard.first + 10)]


def test_a_truncated_compressed_file_is_read_to_its_end_and_named(tmp_path):
    text = b"".join(b'{"text": "%d %s"}\n' % (i, os.urandom(40).hex().encode()) for i in range(30_000))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(text, 1)[:-500_000])
    found = find_files(path)
    shards = plan(Job("", str(path), "out", shard_size=5_000), found)
    assert 1 <= len(shards) < 6
    assert "lines can be read" in found.unread[str(path)]
    one = list(read(Job("", str(path), "out"), shards[-1], NLP, Counter()))[-1]
    assert isinstance(one, Record)


def test_suffixes_in_capital_letters_are_read(tmp_path):
    write_corpus(tmp_path / "a.jsonl", records(2)).rename(tmp_path / "a.JsonL")
    write_corpus(tmp_path / "b.parquet", records(2)).rename(tmp_path / "b.PARQUET")
    _, found = read_all(tmp_path)
    assert len(found) == 4


def test_files_that_are_skipped_are_named_in_one_warning(tmp_path):
    write_corpus(tmp_path / "a.jsonl", records(1))
    for name in ("b.json", "c.csv", "d.parquet.gz", ".hidden.jsonl"):
        (tmp_path / name).write_text("{}")
    os.mkfifo(tmp_path / "e.jsonl")
    (tmp_path / "f.txt").symlink_to(tmp_path / "nothing")
    (tmp_path / "g.txt").symlink_to(tmp_path)
    found = find_files(tmp_path)
    message = found.warning()
    assert [path.name for path in found.paths] == ["a.jsonl"]
    assert message is not None and "6 of 7 files were skipped" in message
    assert all(
        name in message for name in ("b.json", "c.csv", "d.parquet.gz", "e.jsonl (no regular file", "f.txt", "g.txt")
    )
    assert ".hidden" not in message


def test_many_skipped_files_are_counted_by_suffix(tmp_path):
    write_corpus(tmp_path / "a.jsonl", records(1))
    for i in range(30):
        (tmp_path / f"{i:02d}.csv").touch()
    assert "and more: 10 with .csv" in (find_files(tmp_path).warning() or "")


def test_output_inside_the_input_is_never_read(tmp_path):
    write_corpus(tmp_path / "a.jsonl", records(1))
    before = find_files(tmp_path, tmp_path / "out")
    write_corpus(tmp_path / "out" / "part-000000.parquet", records(1))
    write_corpus(tmp_path / "out" / "__annotate" / "part-000000.bad.jsonl", records(1))
    assert find_files(tmp_path, tmp_path / "out") == before
    write_corpus(tmp_path / "other" / "part-000000.parquet", records(1))
    write_corpus(tmp_path / "other" / "__annotate" / "part-000000.bad.jsonl", records(1))
    write_corpus(tmp_path / "other" / "_part-000000.bad.jsonl", records(1))
    assert [path.name for path in find_files(tmp_path, tmp_path / "out").paths] == ["a.jsonl", "part-000000.parquet"]


@pytest.mark.parametrize("name", ["b.parquet", "b.spacy"])
def test_a_damaged_file_is_named_and_others_are_read(tmp_path, name):
    write_corpus(tmp_path / "a.jsonl", records(3))
    (tmp_path / name).write_bytes(b"damaged")
    found = find_files(tmp_path)
    (shard,) = plan(Job("", str(tmp_path), "out"), found)
    assert (Path(shard.path).name, list(found.unread)) == ("a.jsonl", [str(tmp_path / name)])


def test_a_file_without_permission_is_named_and_others_are_read(tmp_path, monkeypatch):
    write_corpus(tmp_path / "a.jsonl", records(3))
    forbidden = write_corpus(tmp_path / "b.jsonl", records(3))
    allowed = plan_module.open_lines

    def open_lines(path, position):
        if path == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path, position)

    monkeypatch.setattr(plan_module, "open_lines", open_lines)
    found = find_files(tmp_path)
    assert [shard.path for shard in plan(Job("", str(tmp_path), "out"), found)] == [str(tmp_path / "a.jsonl")]
    assert "Permission denied" in found.unread[str(forbidden)]


def test_a_wrong_text_key_is_an_error_that_names_the_keys_found(tmp_path):
    path = write_corpus(tmp_path / "a.jsonl", [{"body": "one", "url": 1}, {"body": "two"}])
    with pytest.raises(ValueError, match=r"\[ML353\].*'text'.*first 2.*.body., .url..*--text-key"):
        read_all(path)
    (tmp_path / "b.jsonl").write_text("no json\n" * 5 + '{"text": "x"}\n')
    assert len(read_all(tmp_path)[1]) == 8


def test_a_column_that_does_not_contain_texts_is_named(tmp_path):
    write_corpus(tmp_path / "a.parquet", [{"text": 1}])
    with pytest.raises(ValueError, match=r"\[ML282\].*'text' does not contain texts, but int64"):
        read_all(tmp_path)
