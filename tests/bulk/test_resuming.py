"""A run is resumed only with the settings and files that it was started with."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pyarrow.parquet
import pytest

from spacy_mluke.bulk import output_folder
from spacy_mluke.bulk.job import METADATA_FOLDER, Job
from spacy_mluke.bulk.run import Run
from spacy_mluke.bulk.worker import Worker
from tests.bulk.corpora import records, rows_of, run, save_pipeline, write_corpus
from tests.bulk.test_runs import job_of


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Path:
    return save_pipeline(tmp_path_factory.mktemp("pipeline"))


def test_input_edited_without_changing_its_size_is_detected(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path)
    run(job)
    source = tmp_path / "in.jsonl"
    before = source.stat()
    source.write_text(source.read_text(encoding="utf8").replace("Tokyo", "Kyoto"), encoding="utf8")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source.stat().st_size == before.st_size
    with pytest.raises(ValueError, match=r"\[ML281\].*1 files differ.*in.jsonl"):
        run(job)


def test_a_run_is_resumed_if_only_the_time_of_its_input_changed(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path)
    run(job)
    (tmp_path / "in.jsonl").touch()
    assert run(job) == []


@pytest.mark.parametrize("place", [0, 2 << 20, -1])
def test_large_files_are_compared_by_blocks_and_time(tmp_path, monkeypatch, place):
    monkeypatch.setattr(output_folder, "MAX_HASHED_SIZE", 3 << 20)
    path = tmp_path / "large"
    data = bytearray(5 << 20)
    path.write_bytes(data)
    known, stamp = output_folder.fingerprint(path), path.stat()
    data[place] = 1
    path.write_bytes(data)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert output_folder.fingerprint(path) != known
    path.write_bytes(bytes(5 << 20))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert output_folder.fingerprint(path) != known


def test_a_pipeline_with_changed_files_is_another_pipeline(tmp_path):
    pipeline = save_pipeline(tmp_path / "pipeline")
    job = job_of(pipeline, tmp_path)
    run(job)
    patterns = pipeline / "entity_ruler" / "patterns.jsonl"
    patterns.write_text(patterns.read_text(encoding="utf8").replace("LOC", "LOK"), encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML281\].*pipeline_files"):
        run(job)


def damage_part(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


RESULT = f"{METADATA_FOLDER}/part-000002.done.json"
DAMAGE = {
    "a_part_that_is_missing": ("part-000002.parquet", Path.unlink),
    "a_part_that_changed": ("part-000002.parquet", damage_part),
    "bad_records_that_are_missing": (f"{METADATA_FOLDER}/part-000002.bad.jsonl", Path.unlink),
    "no_result": (RESULT, lambda path: path.write_bytes(b"")),
    "half_a_result": (
        RESULT,
        lambda path: path.write_bytes(path.read_bytes()[:30]),
    ),
    "another_result": (RESULT, lambda path: path.write_text('{"number": "2"}')),
    "a_list_as_result": (RESULT, lambda path: path.write_text("[]")),
    "a_deep_result": (RESULT, lambda path: path.write_text("[" * 100_000)),
    "counts_that_are_none": (
        RESULT,
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "n_docs": "3"})),
    ),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGE.values(), ids=list(DAMAGE))
def test_a_shard_with_damaged_files_is_annotated_again(pipeline, tmp_path, name, damage):
    write_corpus(
        tmp_path / "in.jsonl", [{**one, "text": one["text"] if i != 7 else None} for i, one in enumerate(records(12))]
    )
    job = job_of(pipeline, tmp_path)
    run(job)
    expected = rows_of(tmp_path / "out")
    damage(tmp_path / "out" / name)
    with pytest.warns(UserWarning, match=r"\[ML121\] 1 of 4 finished shards"):
        assert [result.number for result in run(job)] == [2]
    assert rows_of(tmp_path / "out") == expected
    assert run(job) == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"settings": 1}', '{"settings": {"files": []}}', "[" * 100_000]
)
def test_a_damaged_manifest_is_a_coded_error(pipeline, tmp_path, text):
    job = job_of(pipeline, tmp_path)
    run(job)
    (job.metadata_folder / output_folder.MANIFEST).write_text(text)
    with pytest.raises(ValueError, match=r"\[ML281\].*run.json cannot be read"):
        run(job)


def test_a_folder_of_an_earlier_version_is_recognised(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_annotate.json").write_text("{}")
    with pytest.raises(ValueError, match=r"\[ML356\].*_annotate.json"):
        run(job)


def test_a_run_interrupted_before_its_manifest_is_resumed(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path, n=3)
    job.metadata_folder.mkdir(parents=True)
    (job.metadata_folder / "lock").touch()
    (job.metadata_folder / ".run.json.1.tmp").touch()
    assert len(run(job)) == 1
    assert not list((tmp_path / "out").rglob(".*"))


def test_nothing_is_written_until_the_pipeline_is_loaded(tmp_path):
    job = job_of(tmp_path / "typo", tmp_path)

    def fail() -> None:
        raise ValueError("no pipeline")

    with pytest.raises(ValueError, match=r"\[ML350\].*no such directory or package"):
        Run.begin(job)
    with pytest.raises(ValueError, match="no pipeline"):
        Run.begin(job_of(save_pipeline(tmp_path / "pipeline"), tmp_path), fail)
    assert not (tmp_path / "out").exists()


def test_two_runs_cannot_write_to_one_folder(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path)
    first = Run.begin(job)
    with pytest.raises(ValueError, match=r"\[ML354\]"):
        Run.begin(job)
    first.finish()
    assert Run.begin(job).todo


def test_a_full_disk_is_a_coded_error_and_the_run_can_be_resumed(pipeline, tmp_path, monkeypatch):
    job = job_of(pipeline, tmp_path, n=3)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pyarrow.parquet, "write_table", full)
        with pytest.raises(ValueError, match=r"\[ML351\].*part-000000.parquet.*No space left"):
            run(job)
    assert not list((tmp_path / "out").rglob("*.tmp"))
    assert len(run(job)) == 1


def test_an_output_folder_that_cannot_be_created_is_a_coded_error(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path)
    (tmp_path / "file").touch()
    for output in (tmp_path / "file" / "out", Path("/proc/nothing/out")):
        with pytest.raises(ValueError, match=r"\[ML351\]"):
            run(Job(job.pipeline, job.input, str(output)))


def test_input_that_changes_during_the_run_is_a_coded_error(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path)
    shards = Run.begin(job).todo
    worker = Worker(job)
    worker.annotate(shards[0])
    write_corpus(tmp_path / "in.jsonl", records(19))
    with pytest.raises(ValueError, match=r"\[ML352\].*in.jsonl"):
        worker.annotate(shards[1])


def test_a_file_that_could_not_be_read_is_annotated_when_it_can(pipeline, tmp_path):
    write_corpus(tmp_path / "in" / "b.jsonl", records(4))
    (tmp_path / "in" / "a.parquet").write_bytes(b"damaged")
    job = Job(str(pipeline), str(tmp_path / "in"), str(tmp_path / "out"), shard_size=3)
    assert [result.number for result in run(job)] == [0, 1]
    write_corpus(tmp_path / "in" / "a.parquet", [{"text": "mended"}])
    assert [result.number for result in run(job)] == [2]
    assert [row["text"] for row in rows_of(tmp_path / "out")] == [*(one["text"] for one in records(4)), "mended"]
    assert run(job) == []
