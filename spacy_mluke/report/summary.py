"""Summaries of runs of several systems, languages and seeds: the content of a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

import numpy

from ..errors import Errors
from ..training.curve import curve_points
from ..types import Floats1d
from .bootstrap import Interval, interval, resampled_totals
from .metrics import METRICS, TASKS
from .run import N_SAMPLES, Run, read_run

CURVE = "curve.jsonl"
Key = Tuple[str, str]  # system, language


@dataclass
class Curve:
    """A learning curve: the score on the development corpus."""

    task: str
    system: str
    seed: int
    points: List[Tuple[int, float]]  # step and score


@dataclass
class Summary:
    """The systems of a task, side by side. Scores are the task's main score, averaged over seeds."""

    task: str
    metric: str
    source: str  # the training language
    systems: List[str]
    langs: List[str]  # the training language first, then other corpora in it
    runs: Dict[Key, List[Run]]
    scores: Dict[Key, Interval] = field(default_factory=dict)
    # Score of the first system minus that of another system on the same documents, by other system and language.
    differences: Dict[Key, Interval] = field(default_factory=dict)
    gaps: Dict[Key, Interval] = field(default_factory=dict)  # score in the training language minus that in another one
    curves: List[Curve] = field(default_factory=list)

    @property
    def first(self) -> str:
        return self.systems[0]

    @property
    def seeds(self) -> Dict[str, List[int]]:
        """Return the seeds of each system."""
        found: Dict[str, Set[int]] = {}
        for (system, _), runs in self.runs.items():
            found.setdefault(system, set()).update(run.seed for run in runs)
        return {system: sorted(found[system]) for system in self.systems}

    def to_dict(self) -> Dict[str, Any]:
        """Return all figures, JSON-serializable."""
        return {
            "task": self.task,
            "metric": self.metric,
            "source": self.source,
            "seeds": self.seeds,
            "scores": _listed(self.scores),
            "differences": [{"first": self.first, **entry} for entry in _listed(self.differences)],
            "gaps": _listed(self.gaps),
        }


def read_runs(folders: Sequence[Path]) -> Tuple[List[Run], List[Curve]]:
    """Read the runs and learning curves in folders.

    folders (Sequence[Path]): Folders with the runs of one system and seed, and its curve.
    RETURNS (Tuple[List[Run], List[Curve]]): Runs in the order of the folders, and curves.
    RAISES (ValueError): ML270 for a file that is not a run, ML361 for a file that is not a curve, ML272 without a run.
    """
    runs: List[Run] = []
    curves: List[Curve] = []
    for folder in folders:
        own = [read_run(path) for path in sorted(folder.glob("*.json")) if path.is_file()]
        runs += own
        if own and (folder / CURVE).is_file():
            curves.append(Curve(own[0].task, own[0].system, own[0].seed, curve_points(folder / CURVE)))
    if not runs:
        raise ValueError(Errors.ML272.format(folders=", ".join(map(str, folders))))
    return runs, curves


def summarize(
    runs: Sequence[Run], curves: Sequence[Curve] = (), *, source: str = "en", n_samples: int = N_SAMPLES
) -> List[Summary]:
    """Summarize runs by task.

    runs (Sequence[Run]): The runs. The system of the first run is compared with the others.
    curves (Sequence[Curve]): Learning curves.
    source (str): The training language.
    n_samples (int): Number of bootstrap samples.
    RETURNS (List[Summary]): A summary of each task.
    """
    found = []
    for task in TASKS:
        own = [run for run in runs if run.task == task]
        if own:
            found.append(_summarize_task(task, own, source, n_samples))
            found[-1].curves = [curve for curve in curves if curve.task == task]
    return found


def _summarize_task(task: str, runs: List[Run], source: str, n_samples: int) -> Summary:
    by_key: Dict[Key, List[Run]] = {}
    for run in runs:
        by_key.setdefault((run.system, run.lang), []).append(run)
    langs = {run.lang for run in runs}
    summary = Summary(
        task=task,
        metric=next(iter(METRICS[task])),
        source=source,
        systems=list(dict.fromkeys(run.system for run in runs)),
        langs=sorted(langs, key=partial(_order, source=source)),
        runs=by_key,
    )
    drawn: Dict[Key, Tuple[float, Floats1d, str]] = {}
    for lang in summary.langs:
        drawn.update(_draw(summary, lang, n_samples))
    for key, (value, samples, _) in drawn.items():
        summary.scores[key] = interval(value, samples)
    for (system, lang), (value, samples, md5) in drawn.items():
        best = drawn.get((summary.first, lang))
        if system != summary.first and best is not None and best[2] == md5:
            summary.differences[system, lang] = interval(best[0] - value, best[1] - samples)
        in_source = drawn.get((system, source))
        if not _is_of(lang, source) and in_source is not None:
            summary.gaps[system, lang] = interval(in_source[0] - value, in_source[1] - samples)
    return summary


def _draw(summary: Summary, lang: str, n_samples: int) -> Dict[Key, Tuple[float, Floats1d, str]]:
    """Return by system, for one language: score, scores of bootstrap samples, and checksum of the documents.

    Systems that were run on the same documents have the same samples.
    """
    keys = [(system, lang) for system in summary.systems if (system, lang) in summary.runs]
    runs = [run for key in keys for run in summary.runs[key]]
    scores: Dict[int, Tuple[float, Floats1d]] = {}
    for md5 in dict.fromkeys(run.data["md5"] for run in runs):
        own = [run for run in runs if run.data["md5"] == md5]
        for run, totals in zip(
            own, resampled_totals([run.matrix for run in own], n_samples=n_samples, seed=0), strict=True
        ):
            whole = run.matrix.sum(axis=0, keepdims=True)
            scores[id(run)] = float(run.score(summary.metric, whole)[0]), run.score(summary.metric, totals)
    found = {}
    for key in keys:
        parts = [scores[id(run)] for run in summary.runs[key]]
        mean = float(numpy.mean([value for value, _ in parts]))
        # If the seeds were run on different documents by mistake, the system is not compared with others.
        documents = " ".join(sorted({run.data["md5"] for run in summary.runs[key]}))
        found[key] = mean, numpy.mean([samples for _, samples in parts], axis=0), documents
    return found


def _is_of(lang: str, source: str) -> bool:
    """Return whether a corpus is in the training language: "en-kbp37" is in "en"."""
    return source in (lang, lang.partition("-")[0])


def _order(lang: str, source: str) -> Tuple[bool, bool, str]:
    return lang != source, not _is_of(lang, source), lang


def _listed(entries: Dict[Key, Interval]) -> List[Dict[str, Any]]:
    return [{"system": system, "lang": lang, **found._asdict()} for (system, lang), found in entries.items()]


def pooled_confusion(runs: Iterable[Run]) -> Optional[Dict[Tuple[str, str], int]]:
    """Add up the confusions of several runs.

    runs (Iterable[Run]): The runs.
    RETURNS (Optional[Dict[Tuple[str, str], int]]): By gold and predicted label; None for tasks without labels.
    """
    found: Dict[Tuple[str, str], int] = {}
    for run in runs:
        for gold, predicted, n in run.confusion:
            found[gold, predicted] = found.get((gold, predicted), 0) + n
    return found or None
