"""A run: the scores of one system on one corpus, as a JSON file."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
import srsly
from spacy.training import Example

from ..errors import Errors, check_choice
from ..storage.files import writing
from ..types import Floats2d
from .bootstrap import Interval, interval, resampled_totals
from .checking import check_run
from .counting import Counted, count
from .metrics import LABELLED, METRICS, TASKS, Metric, column_labels
from .mistakes import Mistake, digest_of, find_mistakes

SCHEMA = 1
N_SAMPLES = 1000
N_MISTAKES = 12
_LABEL_SCORES = ("micro_precision", "micro_recall", "micro_f1")


@dataclass
class Run:
    """The scores of one system on one corpus. docs/guides/evaluation.md describes the file."""

    task: str
    system: str
    lang: str
    seed: int
    data: Dict[str, Any]  # "name", "documents", "md5" of texts and gold annotations
    metrics: Dict[str, Dict[str, float]]  # by name: "value", "low", "high"
    labels: Dict[str, Dict[str, float]]  # by label: "p", "r", "f", "gold"
    counts: Dict[str, Any]  # "columns"; "row", "column", "value" of the counts that are not zero
    confusion: List[Tuple[str, str, int]]  # gold label, predicted label ("" for none), how often
    mistakes: List[Mistake]
    about: Dict[str, Any] = field(default_factory=dict)  # checkpoints, versions, speed
    schema: int = SCHEMA

    @property
    def matrix(self) -> Floats2d:
        """Return the counts of each document. Shape: (n_docs, n_columns)."""
        found = numpy.zeros((self.data["documents"], len(self.counts["columns"])))
        found[self.counts["row"], self.counts["column"]] = self.counts["value"]
        return found

    def score(self, name: str, totals: Floats2d) -> Any:
        """Compute a score of the task.

        name (str): Name of the metric.
        totals (Floats2d): Sums of counts over documents. Shape: (n, n_columns).
        RETURNS (Floats1d): Shape: (n,).
        """
        return METRICS[self.task][name](totals, self.counts["columns"])

    def to_disk(self, path: Path) -> None:
        """Write the run.

        path (Path): The file.
        RAISES (ValueError): ML360 if it cannot be written.
        """
        text = srsly.json_dumps(asdict(self), indent=0 if self.counts["row"] else 2)
        with writing(path) as aside:
            aside.write_text(text, encoding="utf8")


def read_run(path: Path) -> Run:
    """Read a run.

    path (Path): The file.
    RETURNS (Run): The run.
    RAISES (ValueError): ML270 if the file is not a run, or a run of another version.
    """
    try:
        content = srsly.read_json(path)
        schema = content.get("schema", SCHEMA) if isinstance(content, dict) else SCHEMA
        if schema != SCHEMA:
            raise ValueError(f"its schema is {schema}, but this version reads schema {SCHEMA}")
        check_run(content)
        run = Run(**content)
    except (OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(Errors.ML270.format(path=path, reason=error)) from error
    return run


def score_run(
    task: str,
    examples: Sequence[Example],
    *,
    system: str,
    lang: str,
    seed: int = 0,
    name: str = "",
    n_samples: int = N_SAMPLES,
    n_mistakes: int = N_MISTAKES,
    about: Optional[Dict[str, Any]] = None,
) -> Run:
    """Score a system's predictions, with bootstrap confidence intervals over documents.

    task (str): One of `metrics.TASKS`.
    examples (Sequence[Example]): Predicted and reference documents.
    system (str): Name of the system.
    lang (str): Language of the documents.
    seed (int): Seed of the training.
    name (str): Name of the data.
    n_samples (int): Number of bootstrap samples.
    n_mistakes (int): Maximum number of mistakes to keep as examples.
    about (Optional[Dict[str, Any]]): More information about the run.
    RETURNS (Run): The run.
    RAISES (ValueError): ML070 for an unknown task, ML271 without annotation of the task.
    """
    check_choice("task", task, TASKS)
    counted = count(task, examples)
    # Without any label there are no columns.
    if not counted.counts.any():
        raise ValueError(Errors.ML271.format(task=task, name=name or "the corpus"))
    rows, columns = numpy.nonzero(counted.counts)
    gold = hashlib.md5(usedforsecurity=False)
    for eg in examples:
        gold.update(digest_of(eg.reference).encode("utf8", "surrogatepass"))
    return Run(
        task=task,
        system=system,
        lang=lang,
        seed=seed,
        data={"name": name, "documents": len(counted.counts), "md5": gold.hexdigest()},
        metrics={key: found._asdict() for key, found in intervals(task, counted, n_samples).items()},
        labels=label_scores(counted) if counted.confusion else {},
        counts={
            "columns": counted.columns,
            "row": rows.tolist(),
            "column": columns.tolist(),
            "value": [_plain(value) for value in counted.counts[rows, columns].tolist()],
        },
        confusion=[(*pair, n) for pair, n in sorted(counted.confusion.items())],
        mistakes=find_mistakes(task, examples, n=n_mistakes),
        about=about or {},
    )


def intervals(task: str, counted: Counted, n_samples: int) -> Dict[str, Interval]:
    """Compute every score of a task, with its interval.

    task (str): The task.
    counted (Counted): The counts.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Interval]): Scores by metric.
    """
    totals = counted.counts.sum(axis=0, keepdims=True)
    (samples,) = resampled_totals([counted.counts], n_samples=n_samples, seed=0)
    metrics: Dict[str, Metric] = METRICS[task]
    return {
        name: interval(float(metric(totals, counted.columns)[0]), metric(samples, counted.columns))
        for name, metric in metrics.items()
    }


def label_scores(counted: Counted) -> Dict[str, Dict[str, float]]:
    """Compute the scores of each label.

    counted (Counted): The counts.
    RETURNS (Dict[str, Dict[str, float]]): By label: "p", "r", "f", and "gold", the number of gold annotations.
    """
    found = {}
    sums = counted.counts.sum(axis=0).reshape((-1, 3))
    for label, row in zip(column_labels(counted.columns), sums, strict=True):
        scores = [float(LABELLED[name](row[None], counted.columns)[0]) for name in _LABEL_SCORES]
        found[label] = {**dict(zip("prf", scores, strict=True)), "gold": int(row[2])}
    return found


def _plain(value: float) -> float:
    """Return integers as int: they are shorter in a file."""
    return int(value) if value == int(value) else round(value, 6)
