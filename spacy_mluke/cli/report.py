"""`report`: write an HTML page that compares the scores of several systems."""

from __future__ import annotations

from pathlib import Path
from typing import List

import typer

RUNS = typer.Argument(..., help="Folders with results of `score`, one for each system and seed", exists=True)
OUTPUT = typer.Argument(
    ..., help="HTML file to write; the figures are also written to a JSON file with the same name", dir_okay=False
)
SOURCE = typer.Option("en", "--source", help="Training language")
TITLE = typer.Option("mLUKE across languages", "--title", help="Title of the page")
SAMPLES = typer.Option(1000, "--samples", min=0, help="Number of bootstrap samples for confidence intervals")


def report(
    runs: List[Path] = RUNS, output: Path = OUTPUT, source: str = SOURCE, title: str = TITLE, samples: int = SAMPLES
) -> None:
    """Write an HTML page that compares the scores of several systems.

    The page needs no other files. The first system is compared with the others. A folder may also contain a learning
    curve: curve.jsonl, written by spacy-mluke.CurveLogger.v1.
    """
    import srsly
    from wasabi import msg

    from ..report.metrics import METRIC_NAMES
    from ..report.page import render_report
    from ..report.summary import read_runs, summarize
    from ..storage.files import writing
    from ._common import shown

    summaries = summarize(*read_runs(runs), source=source, n_samples=samples)
    page = render_report(summaries, title)
    figures = srsly.json_dumps([summary.to_dict() for summary in summaries], indent=2)
    for path, text in ((output, page), (output.with_suffix(".json"), figures)):
        with writing(path) as aside:
            aside.write_text(text, encoding="utf8")
    for summary in summaries:
        msg.divider(f"{summary.task}: {METRIC_NAMES[summary.metric]}")
        rows = []
        for system in summary.systems:
            found = [summary.scores.get((system, lang)) for lang in summary.langs]
            rows.append((shown(system), *("-" if own is None else f"{100 * own.value:.1f}" for own in found)))
        msg.table(
            rows, header=("", *map(shown, summary.langs)), aligns=("l", *("r" for _ in summary.langs)), divider=True
        )
    msg.good(f"Wrote {output} and {output.with_suffix('.json')}")
