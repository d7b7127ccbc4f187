"""Score a pipeline on every evaluation set: named entities, relations, answers.

    python -m scripts.xx_mluke_small.evaluate PIPELINE ../shared/data metrics/xx_mluke_small.json --table scores.md
    python -m scripts.xx_mluke_small.evaluate PIPELINE ../shared/data quick.json --limit 50 --task names

A task is skipped if the pipeline lacks its component.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import spacy
import torch
from spacy.language import Language

from scripts.xx_mluke_small import score_names, score_questions, score_relations
from scripts.xx_mluke_small.evaluation_sets import EVALUATION_FILES
from scripts.xx_mluke_small.score_citizenship import score_citizenship
from scripts.xx_mluke_small.tables import render_scores
from scripts.xx_mluke_small.training_files import DataFolder
from spacy_mluke.report.predict import describe
from spacy_mluke.storage.files import writing

TASKS = {"names": "mluke_ner", "relations": score_relations.NAME, "questions": score_questions.NAME}
WIKINEURAL_LIMIT, N_SAMPLES = 1000, 1000


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, score, and write the results."""
    parser = argparse.ArgumentParser(description="Score a pipeline on every evaluation set.")
    parser.add_argument("pipeline", help="folder of the pipeline, or the name of its package")
    parser.add_argument("data", type=Path, help="folder with ner, relations, qa, wikineural and xquad")
    parser.add_argument("output", type=Path, help="JSON file to write; scores of other tasks in it are kept")
    parser.add_argument("--table", type=Path, help="Markdown file to write")
    parser.add_argument("--task", action="append", choices=TASKS, help="names, relations or questions; default: all")
    parser.add_argument("--limit", type=int, default=0, help="items of each set; 0: all (default: %(default)s)")
    parser.add_argument(
        "--wikineural-limit", type=int, default=WIKINEURAL_LIMIT, help="sentences of a language (default: %(default)s)"
    )
    parser.add_argument("--samples", type=int, default=N_SAMPLES, help="bootstrap samples (default: %(default)s)")
    given = parser.parse_args(args)
    torch.set_num_threads(1)
    nlp = spacy.load(given.pipeline)
    found = json.loads(given.output.read_text(encoding="utf8")) if given.output.exists() else {}
    found["about"] = {"pipeline": nlp.meta["name"], "version": nlp.meta["version"], **describe(nlp)}
    for task in given.task or TASKS:
        if TASKS[task] not in nlp.pipe_names:
            print(f"{task}: skipped, the pipeline has no {TASKS[task]}")
            continue
        started = time.monotonic()
        found[task] = SCORERS[task](nlp, given)
        found[task]["limit"] = given.limit
        print(f"{task}: {time.monotonic() - started:.0f} s", flush=True)
    write(given.output, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    if given.table is not None:
        write(given.table, render_scores(found))


def write(path: Path, text: str) -> None:
    """Write a text file in one step.

    path (Path): The file.
    text (str): Its content.
    """
    with writing(path) as aside:
        aside.write_text(text, encoding="utf8")


def _names(nlp: Language, given: argparse.Namespace) -> Dict[str, Any]:
    data = DataFolder(given.data, EVALUATION_FILES)
    limit = min(given.wikineural_limit, given.limit) if given.limit else given.wikineural_limit
    return score_names.score_names(nlp, data, limit=given.limit, wikineural_limit=limit, n_samples=given.samples)


def _relations(nlp: Language, given: argparse.Namespace) -> Dict[str, Any]:
    folders = DataFolder(given.data), DataFolder(given.data, EVALUATION_FILES)
    sets = score_relations.score_relations(nlp, *folders, limit=given.limit, n_samples=given.samples)
    has_names = TASKS["names"] in nlp.pipe_names
    exam = {"citizenship": score_citizenship(nlp, n_samples=given.samples)} if has_names else {}
    return {"sets": sets, **exam}


def _questions(nlp: Language, given: argparse.Namespace) -> Dict[str, Any]:
    folders = DataFolder(given.data), DataFolder(given.data, EVALUATION_FILES)
    return score_questions.score_questions(nlp, *folders, limit=given.limit, n_samples=given.samples)


SCORERS: Dict[str, Callable[[Language, argparse.Namespace], Dict[str, Any]]] = {
    "names": _names,
    "relations": _relations,
    "questions": _questions,
}

if __name__ == "__main__":
    main()
