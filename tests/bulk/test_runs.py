"""A run annotates every document once, lists bad records, and can be resumed."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pyarrow.parquet
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from spacy_mluke.bulk.job import METADATA_FOLDER, Job
from spacy_mluke.bulk.local import Processes
from spacy_mluke.bulk.run import Run
from spacy_mluke.bulk.worker import Worker
from tests.bulk.corpora import TEXTS, bad_records, records, rows_of, run, save_pipeline, write_corpus


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Path:
    return save_pipeline(tmp_path_factory.mktemp("pipeline"))


def job_of(pipeline: Path, folder: Path, n: int = 20, **options) -> Job:
    source = folder / "in.jsonl"
    if not source.exists():
        write_corpus(source, records(n))
    return Job(str(pipeline), str(source), str(folder / "out"), **{"shard_size": 3, **options})


@Language.component("fails_on_paris")
def fails_on_paris(doc):
    if "Paris" in doc.text:
        raise ValueError("Paris is too much")
    return doc


def test_documents_are_annotated_as_by_the_pipeline(pipeline, tmp_path):
    results = run(job_of(pipeline, tmp_path))
    rows = rows_of(tmp_path / "out")
    nlp = spacy.load(pipeline)
    assert [row["id"] for row in rows] == [f"d{i}" for i in range(20)]
    for row in rows:
        doc = nlp(row["text"])
        assert row["n_tokens"] == len(doc)
        found = [(ent["start"], ent["end"], ent["text"], ent["label"]) for ent in row["entities"]]
        assert found == [(ent.start_char, ent.end_char, ent.text, ent.label_) for ent in doc.ents]
    assert sum(result.n_docs for result in results) == 20
    assert sum(result.n_words for result in results) == sum(row["n_tokens"] for row in rows)


def test_the_folder_can_be_read_as_one_table_also_with_bad_records(tmp_path):
    run(job_of(save_pipeline(tmp_path / "pipeline", "fails_on_paris"), tmp_path))
    assert bad_records(tmp_path / "out")
    table = pyarrow.parquet.read_table(tmp_path / "out")
    assert table.num_rows == len(rows_of(tmp_path / "out"))


@pytest.mark.parametrize("format", ["parquet", "docbin"])
def test_words_of_a_shard_do_not_stay_in_the_vocabulary(pipeline, tmp_path, format):
    job = job_of(pipeline, tmp_path, format=format)
    started = Run.begin(job)
    worker = Worker(job)
    known = set(worker.nlp.vocab.strings)
    results = list(started.follow(map(worker.annotate, started.todo)))
    started.finish()
    assert len(results) > 1 and sum(result.n_docs for result in results) == 20
    assert set(worker.nlp.vocab.strings) == known


def test_docbins_are_written_with_ids(pipeline, tmp_path):
    run(job_of(pipeline, tmp_path, format="docbin"))
    vocab = spacy.blank("xx").vocab
    paths = sorted((tmp_path / "out").glob("part-*.spacy"))
    docs = [doc for path in paths for doc in DocBin().from_disk(path).get_docs(vocab)]
    assert [doc.user_data["id"] for doc in docs] == [f"d{i}" for i in range(20)]
    assert docs[0].ents[0].text == "Tokyo"


def test_only_a_document_that_fails_is_a_bad_record_with_its_error(tmp_path):
    pipeline = save_pipeline(tmp_path / "pipeline", "fails_on_paris")
    run(job_of(pipeline, tmp_path, shard_size=10))
    bad = bad_records(tmp_path / "out")
    assert [one["place"] for one in bad] == [i for i in range(20) if "Paris" in TEXTS[i % 7]]
    assert {one["error"] for one in bad} == {"ValueError: Paris is too much"}
    assert json.loads(bad[0]["record"])["text"] == records(20)[bad[0]["place"]]["text"]
    rows = rows_of(tmp_path / "out")
    assert [row["id"] for row in rows] == [f"d{i}" for i in range(20) if "Paris" not in TEXTS[i % 7]]


def test_a_finished_shard_is_not_annotated_again(pipeline, tmp_path):
    job = job_of(pipeline, tmp_path)
    run(job)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("part-*")}
    (job.metadata_folder / "part-000002.done.json").unlink()
    assert [result.number for result in run(job)] == [2]
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("part-*")}
    assert {name for name in before if before[name] != after[name]} == {"part-000002.parquet", "part-000002.done.json"}


@pytest.mark.parametrize("change", [{"shard_size": 4}, {"format": "docbin"}, {"with_vectors": False}])
def test_a_run_with_other_settings_is_not_resumed(pipeline, tmp_path, change):
    run(job_of(pipeline, tmp_path))
    with pytest.raises(ValueError, match=rf"\[ML281\].*{next(iter(change))}"):
        run(job_of(pipeline, tmp_path, **change))


def test_a_run_whose_input_or_pipeline_changed_is_not_resumed(tmp_path):
    pipeline = save_pipeline(tmp_path / "pipeline")
    run(job_of(pipeline, tmp_path))
    save_pipeline(tmp_path / "pipeline", "sentencizer")
    with pytest.raises(ValueError, match=r"\[ML281\].*pipeline_files"):
        run(job_of(pipeline, tmp_path))
    save_pipeline(tmp_path / "pipeline")
    write_corpus(tmp_path / "in.jsonl", records(21))
    with pytest.raises(ValueError, match=r"\[ML281\].*1 files differ.*in.jsonl"):
        run(job_of(pipeline, tmp_path))


def test_a_folder_with_other_files_is_not_written_to(pipeline, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"\[ML281\].*other files"):
        run(job_of(pipeline, tmp_path))


def test_several_processes_write_the_same_as_one(pipeline, tmp_path):
    one, two = job_of(pipeline, tmp_path / "one"), job_of(pipeline, tmp_path / "two", threads=1)
    run(one)
    crashing: list = []
    with Processes(two, 2) as processes:
        shards = Run.begin(two).todo
        numbers = [result.number for result in processes.annotate(shards, crashing)]
    assert sorted(numbers) == list(range(len(shards)))
    assert rows_of(Path(two.output)) == rows_of(Path(one.output))
    assert not crashing


def annotate_as_a_command(pipeline: Path, folder: Path) -> None:
    from spacy_mluke.bulk import worker_process
    from spacy_mluke.cli.annotate import annotate

    # This process has already imported all modules.
    worker_process._context = lambda job: multiprocessing.get_context("fork")  # type: ignore[assignment]
    annotate(
        str(pipeline), folder / "in.jsonl", folder / "out", format="parquet", processes=1, shard_size=5, batch_size=64,
        vectors=True, text_key="text", id_key="id", gpu_id=-1, quantize=None, engine="local",
    )  # fmt: skip


def test_a_killed_run_loses_and_repeats_nothing(pipeline, tmp_path):
    write_corpus(tmp_path / "in.jsonl", records(600))
    context = multiprocessing.get_context("forkserver")
    rng = random.Random(0)
    n_killed = 0
    seen = []
    while n_killed < 20:
        process = context.Process(target=annotate_as_a_command, args=(pipeline, tmp_path))
        process.start()
        started = len(list((tmp_path / "out" / METADATA_FOLDER).glob("*.done.json")))
        # Kill it sometimes during the start, mostly between two shards or during one.
        deadline = time.monotonic() + 60
        wait_for_more = rng.random() < 0.8
        while wait_for_more and process.is_alive() and time.monotonic() < deadline:
            if len(list((tmp_path / "out" / METADATA_FOLDER).glob("*.done.json"))) > started:
                break
            time.sleep(0.001)
        time.sleep(rng.random() * 0.01)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        n_killed += 1
        seen.append(len(list((tmp_path / "out" / METADATA_FOLDER).glob("*.done.json"))))
    assert 0 < seen[-1] < 120, "killed before it was done"
    process = context.Process(target=annotate_as_a_command, args=(pipeline, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [f"d{i}" for i in range(600)]
    assert json.loads((tmp_path / "out" / METADATA_FOLDER / "run.json").read_text())["documents"] == 600
    assert not list((tmp_path / "out").rglob(".*"))
