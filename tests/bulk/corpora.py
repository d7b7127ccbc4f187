"""A small pipeline, corpora in every format, and readers of output folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pyarrow
import pyarrow.parquet
import spacy
from spacy.tokens import DocBin

from spacy_mluke.bulk.job import METADATA_FOLDER, Job
from spacy_mluke.bulk.local import run_here
from spacy_mluke.bulk.run import Run

TEXTS = ["Tokyo is far.", "Москва и Tokyo", "東京", "", "Paris 🗼 e\u0301te\u0301", "القاهرة", "Tokyo, Tokyo"]


def save_pipeline(path: Path, *pipes: str, **configs: Any) -> Path:
    """Save a pipeline that finds two names, with further components."""
    nlp = spacy.blank("xx")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "LOC", "pattern": name, "id": name} for name in ("Tokyo", "Москва")])
    for pipe in pipes:
        nlp.add_pipe(pipe, config=configs.get(pipe, {}))
    nlp.to_disk(path)
    return path


def write_corpus(path: Path, records: List[Dict[str, Any]]) -> Path:
    """Write records in the format of the file's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf8")
    elif path.suffix == ".txt":
        path.write_text("".join(one["text"] + "\n" for one in records), encoding="utf8")
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path, row_group_size=3)
    else:
        nlp = spacy.blank("xx")
        docs = [nlp.make_doc(one["text"]) for one in records]
        for doc, one in zip(docs, records, strict=True):
            if "id" in one:
                doc.user_data["id"] = one["id"]
        DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def records(n: int) -> List[Dict[str, Any]]:
    return [{"id": f"d{i}", "text": f"{i} {TEXTS[i % len(TEXTS)]}"} for i in range(n)]


def run(job: Job) -> List[Any]:
    """Annotate in this process."""
    found = Run.begin(job)
    results = list(found.follow(run_here(job, found.todo)))
    found.finish()
    return results


def rows_of(folder: Path) -> List[Dict[str, Any]]:
    """Return all documents of an output folder, in the order of its shards."""
    return [
        row for path in sorted(folder.glob("part-*.parquet")) for row in pyarrow.parquet.read_table(path).to_pylist()
    ]


def bad_records(folder: Path) -> List[Dict[str, Any]]:
    """Return all bad records of an output folder."""
    paths = sorted((folder / METADATA_FOLDER).glob("part-*.bad.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf8").split("\n")[:-1]]
