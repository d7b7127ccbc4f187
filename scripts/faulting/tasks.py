"""The tasks for fault injection, with checks of their results."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy
import pyarrow.parquet
import spacy
import torch
from safetensors.numpy import load_file
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model

from scripts.fuzzing.models import annotate as annotate_doc
from scripts.fuzzing.models import build_tiny_store, make_doc, make_pipeline
from scripts.fuzzing.texts import WORDS
from scripts.fuzzing.tiny import ENTITIES, save_checkpoint
from spacy_mluke.bulk.job import Job
from spacy_mluke.bulk.local import run_here
from spacy_mluke.bulk.run import Run
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.training.resumable import train
from spacy_mluke.training.resume_settings import changed_settings
from spacy_mluke.training.state import FOLDER, find_state, pipeline_path
from spacy_mluke.vocabulary.database_cache import open_database

CONFIG = Path(__file__).parents[2] / "configs" / "relations_kbp37.cfg"
N_RECORDS = 60


@dataclass
class Task:
    """A task, and the checks after an interruption."""

    name: str
    work: Callable[[], Any]
    check: Callable[[], str]  # checks the files after an interruption; raises if a guarantee is violated
    reset: Callable[[], Any]  # restores the state before the work
    is_done: Callable[[], bool]  # whether the work is complete
    after: Callable[[], str] = field(default=lambda: "right")  # checks the result of complete work


def make_annotate(folder: Path) -> Task:
    """Make the task `annotate`, which continues after an interruption."""
    nlp = spacy.blank("xx")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "LOC", "pattern": "Tokyo"}])
    nlp.to_disk(folder / "nlp")
    source = folder / "in.jsonl"
    records = [{"id": f"d{i}", "text": f"{i} Tokyo {WORDS[1 + i % 40]}"} for i in range(N_RECORDS)]
    source.write_text("".join(json.dumps(one) + "\n" for one in records) + '{"id": "bad"}\n', encoding="utf8")
    out = folder / "out"
    job = Job(str(folder / "nlp"), str(source), str(out), shard_size=3)

    def work() -> None:
        run = Run.begin(job)
        for _ in run.follow(run_here(job, run.todo)):
            pass
        run.finish()

    def rows() -> List[Dict[str, Any]]:
        return [
            row for path in sorted(out.glob("part-*.parquet")) for row in pyarrow.parquet.read_table(path).to_pylist()
        ]

    def is_done() -> bool:
        return len(list(job.metadata_folder.glob("part-*.done.json"))) == len(range(0, N_RECORDS + 1, 3))

    def check() -> str:
        ids = [row["id"] for row in rows()]
        if len(ids) != len(set(ids)):
            raise AssertionError(f"documents are twice in the output: {ids}")
        for path in job.metadata_folder.glob("part-*.done.json"):
            n_docs = json.loads(path.read_text(encoding="utf8"))["n_docs"]
            part = out / f"{path.name.split('.')[0]}.parquet"
            if pyarrow.parquet.read_table(part).num_rows != n_docs:
                raise AssertionError(f"{part} is marked as done, but is not")
        return "all parts whole"

    def after() -> str:
        found = rows()
        expected = [(one["id"], one["text"], [[0, 0, "LOC"]]) for one in records]
        got = [(row["id"], row["text"], [[0, 0, ent["label"]] for ent in row["entities"]]) for row in found]
        if got != expected:
            raise AssertionError(f"{len(got)} documents instead of {len(expected)}, or others")
        bad = [
            json.loads(line)
            for path in job.metadata_folder.glob("part-*.bad.jsonl")
            for line in path.open(encoding="utf8")
        ]
        if [one["id"] for one in bad] != ["bad"]:
            raise AssertionError(f"set aside: {bad}")
        if left := [path.name for path in out.rglob("*") if path.suffix == ".tmp"]:
            raise AssertionError(f"temporary files are left: {left}")
        return "every document once"

    return Task("annotate", work, check, lambda: shutil.rmtree(out, ignore_errors=True), is_done, after)


def make_train(folder: Path) -> Task:
    """Make the task `train --resume`, which must reach the weights of an uninterrupted training."""
    checkpoint = save_checkpoint(folder / "checkpoint")
    nlp = spacy.blank("xx")
    docs = [make_doc(nlp, gold=True) for _ in range(6)]
    DocBin(docs=docs, store_user_data=True).to_disk(folder / "corpus.spacy")
    overrides = {
        "paths.checkpoint": str(checkpoint), "paths.train": str(folder / "corpus.spacy"),
        "paths.dev": str(folder / "corpus.spacy"), "training.max_steps": 12, "training.eval_frequency": 4,
        "training.batcher.size": 2, "training.optimizer.learn_rate.warmup_steps": 2,
        "training.optimizer.learn_rate.initial_rate": 0.01,
    }  # fmt: skip

    def run(output: Path) -> None:
        output.mkdir(exist_ok=True)
        loaded = load_config(CONFIG, overrides=overrides, interpolate=False)
        found = find_state(output / FOLDER)
        log = io.StringIO()
        if found is None:
            train(init_nlp(loaded), output, every=3, stdout=log, stderr=log)
        else:
            saved = load_config(pipeline_path(found) / "config.cfg")
            nlp = load_model(pipeline_path(found), config=changed_settings(loaded, saved, found))
            train(nlp, output, resume=True, stdout=log, stderr=log)

    whole, out = folder / "whole", folder / "out"
    from .processes import finish

    finish(lambda: run(whole), folder)
    expected = {name: weights(whole / name) for name in ("model-last", "model-best")}

    def check() -> str:
        seen = []
        for name in ("model-last", "model-best"):
            if (out / name).exists():
                load_model(out / name)
                seen.append(name)
        return f"{' and '.join(seen) or 'no model yet'}, whole"

    def after() -> str:
        for name, tensors in expected.items():
            found = weights(out / name)
            if found.keys() != tensors.keys() or any(
                not numpy.array_equal(found[key], tensors[key]) for key in tensors
            ):
                raise AssertionError(f"{name} has other weights than without interruption")
        return "weights of a training without interruption"

    def is_done() -> bool:
        return (out / "model-last").exists() and not (out / FOLDER).exists()

    return Task(
        "train --resume", lambda: run(out), check, lambda: shutil.rmtree(out, ignore_errors=True), is_done, after
    )


def weights(folder: Path) -> Dict[str, Any]:
    """Return all tensors of a saved pipeline."""
    files = sorted(folder.rglob("*.safetensors"))
    return {f"{file.relative_to(folder)}/{key}": value for file in files for key, value in load_file(file).items()}


def make_saving(folder: Path, *, way: str) -> Task:
    """Make the task of saving a pipeline over another one.

    way (str): "save" for `spacy_mluke.save`, "to_disk" for spaCy's method.
    """
    torch.set_num_threads(1)
    store = build_tiny_store(folder / "store.sqlite")
    old = make_pipeline(save_checkpoint(folder / "old"), store)
    new = make_pipeline(save_checkpoint(folder / "new", seed=1), store)
    results = {"the old one": annotate_doc(old), "the new one": annotate_doc(new)}
    old.to_disk(folder / "good")
    out = folder / "nlp"

    def reset() -> None:
        shutil.rmtree(out, ignore_errors=True)
        for path in folder.glob(".nlp*"):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(folder / "good", out)

    def work() -> None:
        save(new, out, way)

    def check() -> str:
        try:
            found = annotate_doc(spacy.load(out))
        except Exception as error:
            if way == "save":
                raise
            # spaCy does not check its files; a mixture of two pipelines must not load silently.
            return "refused as a mixture" if "[ML" in str(error) else "refused by spaCy"
        for name, result in results.items():
            if found == result:
                return name
        raise AssertionError("a mixture of the old and the new pipeline loads")

    def after() -> str:
        save(new, out, way)
        if annotate_doc(spacy.load(out)) != results["the new one"]:
            raise AssertionError("the pipeline that was saved is not the new one")
        if left := [str(path) for path in (*out.rglob(".*"), *folder.glob(".nlp*")) if "tmp" in path.name]:
            raise AssertionError(f"temporary files are left: {left}")
        return "saved again"

    name = "spacy_mluke.save over a pipeline" if way == "save" else "nlp.to_disk over a pipeline"
    return Task(name, work, check, reset, lambda: False, after)


def save(nlp: Language, path: Path, way: str) -> None:
    """Save a pipeline."""
    if way == "to_disk":
        nlp.to_disk(path)
        return
    import spacy_mluke

    spacy_mluke.save(nlp, path)


def make_store(folder: Path, *, n: int = 2000) -> Task:
    """Make the task of building an entity store over another one."""
    out = folder / "store.sqlite"
    old_rows = [StoreRow("Q1", "en", "Tokyo", "CITY")]
    new_rows = [StoreRow(f"Q{i}", "en", f"{WORDS[i % len(WORDS)]} {i}") for i in range(n)]

    def check() -> str:
        store = EntityStore(out)
        found = len(list(store.entities()))
        if found not in (1, n) or found != len(store):
            raise AssertionError(f"the store has {found} entities")
        return "the old one" if found == 1 else "the new one"

    def reset() -> None:
        for path in folder.glob(".store*"):
            path.unlink()
        build_store(old_rows, out)

    return Task("building a store", lambda: build_store(new_rows, out), check, reset, lambda: False)


def make_cache(folder: Path, *, n: int = 20_000) -> Task:
    """Make the task of building the database of an entity vocabulary at the first look-up."""
    source = folder / "entity_vocab.json"
    names = {**ENTITIES, **{f"en:{WORDS[i % len(WORDS)]} {i}": 6 + i for i in range(n)}}
    source.write_text(json.dumps(names), encoding="utf8")
    place = folder / "entity_vocab.sqlite"

    def check() -> str:
        if not place.exists():
            return "not built"
        database = open_database(source)
        if database.n_names != len(names) or database.get("en:Tokyo") != 3 or len(list(database.items())) != len(names):
            raise AssertionError("the database is incomplete")
        return "built"

    def work() -> None:
        database = open_database(source)
        if database.n_names != len(names):
            raise AssertionError("the database is incomplete")

    def reset() -> None:
        place.unlink(missing_ok=True)

    def after() -> str:
        check()
        if left := [path.name for path in folder.iterdir() if path.suffix == ".tmp"]:
            raise AssertionError(f"temporary files are left: {left}")
        return "built again"

    return Task("building a vocabulary's database", work, check, reset, place.exists, after)
