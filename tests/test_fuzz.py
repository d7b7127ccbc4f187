"""Some cases of every fuzz target, and tests that the fuzzer detects failures."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import numpy
import pytest

from scripts.faulting import kinds
from scripts.faulting.tasks import make_cache, make_store
from scripts.fuzzing import alignment
from scripts.fuzzing.cases import Case, Summary, Target
from scripts.fuzzing.running import report, run_case, run_forked, run_here, summarize
from scripts.fuzzing.targets import TARGETS

SEED = 16
# As many as take some seconds together. A case of alignment is a batch of documents.
N_CASES = {"alignment": 45, "checkpoints": 6, "inputs": 8, "pipelines": 3, "settings": 10, "stores": 150}


@pytest.fixture(autouse=True)
def no_threads_of_tokenizers(monkeypatch):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture(scope="module")
def alignment_shared(tmp_path_factory):
    return alignment.prepare(tmp_path_factory.mktemp("alignment"))


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_case_fails(name, tmp_path, request):
    target = TARGETS[name]
    # Folders for temporary files of earlier tests are removed now, not in the middle of a case that watches removals.
    gc.collect()
    if name == "alignment":
        shared = request.getfixturevalue("alignment_shared")
        target = replace(target, prepare=lambda folder: shared)
    summary = summarize(target, run_here(target, iter(range(N_CASES[name])), seed=SEED, folder=tmp_path), SEED)
    assert summary.n_cases == N_CASES[name]
    assert not summary.failures, "\n".join(report(summary))


def target_of(run, **options) -> Target:
    return Target("tests", lambda folder: None, run, **options)


def fuzz_one(run, tmp_path, **options):
    return run_case(target_of(run, **options), None, Case("tests", 0, 0, tmp_path / "case-0"))


def write_outside(shared, case):
    (case.folder.parent / "outside").write_text("x")


def swallow(shared, case):
    try:
        (case.folder.parent / "outside").write_text("x")
    except Exception:
        return "fine", 0


def connect(shared, case):
    socket.create_connection(("127.0.0.1", 9))


def unpickle(shared, case):
    pickle.loads(b"cos\ngetcwd\n(tR.")


def remove_outside(shared, case):
    os.remove(case.folder.parent / "there")  # noqa: PTH107


def fail(shared, case):
    raise RuntimeError("no code")


def never_end(shared, case):
    while True:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("run", "place"),
    [
        (write_outside, "Broken"), (swallow, "Broken"), (connect, "Broken"), (unpickle, "Broken"),
        (remove_outside, "Broken"), (fail, "RuntimeError"), (never_end, "Hang"),
    ],
)  # fmt: skip
def test_forbidden_actions_of_a_case_are_failures(run, place, tmp_path):
    (tmp_path / "there").touch()
    result = fuzz_one(run, tmp_path, seconds=0.2)
    assert result.is_failure and result.place.startswith(place)
    assert (tmp_path / "there").exists() and not (tmp_path / "outside").exists()


def test_an_error_with_a_code_is_a_refusal_and_cases_may_write_to_their_folder(tmp_path):
    def run(shared, case):
        (case.folder / "inside").write_text("x")
        raise ValueError("[ML001] Spans do not fit.")

    result = fuzz_one(run, tmp_path)
    assert not result.is_failure and result.category == "refused ML001"


def test_a_case_can_be_repeated(tmp_path):
    def draw(number):
        return Case("alignment", 7, number, tmp_path).rng.random()

    assert draw(3) == draw(3) != draw(4)


def test_a_crashing_process_fails_only_its_case(tmp_path):
    def run(shared, case):
        if case.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return "fine", 1

    results = run_forked(target_of(run), n_cases=5, seed=0, processes=2, folder=tmp_path, until=time.monotonic() + 60)
    summary = Summary("tests", 0)
    for result in results:
        summary.add(result)
    assert summary.n_cases == 5 and summary.n_failures == 1 and summary.failures[0].number == 2
    assert "--replay 2" in "\n".join(report(summary))


def test_the_oracle_detects_a_missing_span(tmp_path, monkeypatch, alignment_shared):
    def forget_one(*arguments, **options):
        batch = aligned(*arguments, **options)
        for doc in batch.docs:
            if len(doc.span_rows):
                doc.span_rows = numpy.full_like(doc.span_rows, -1)
        return batch

    aligned = alignment.align

    def failures():
        cases = [Case("alignment", SEED, i, tmp_path / "case") for i in range(4)]
        return [case.number for case in cases if run_case(alignment.TARGET, alignment_shared, case).is_failure]

    assert not failures()
    monkeypatch.setattr(alignment, "align", forget_one)
    assert failures()


@pytest.mark.parametrize("make", [make_store, make_cache])
@pytest.mark.parametrize("fault", [kinds.kill, kinds.fill_disk, kinds.race])
def test_written_files_are_complete_or_absent_after_any_fault(make, fault, tmp_path: Path):
    n = 1 if fault is kinds.kill else 2
    found = fault(make(tmp_path, n=200), tmp_path, n, SEED)
    assert found.n_faults == n
    assert not found.failures, "\n".join(found.lines())
