"""Make the report of a task, of all seeds that were run.

python -m scripts.workflows.report relations metrics/relations reports/relations.html
"""

from __future__ import annotations

from pathlib import Path

import typer

from scripts.workflows.tasks import SOURCE, TASKS, find_runs
from spacy_mluke.cli.report import report
from spacy_mluke.errors import check_choice

NAMES = {
    "relations": "Relations, from KBP37 to RELX",
    "ner": "Names, from English to other languages (WikiNEuRal)",
    "qa": "Questions, from English to other languages (XQuAD)",
    "cloze": "Facts, from English to other languages (mLAMA)",
    "linking": "Namesakes, from English to other languages (mLAMA)",
}
TASK = typer.Argument(..., help="relations, ner, qa, cloze or linking")
METRICS = typer.Argument(..., help="Folder of the systems' scores", exists=True)
OUTPUT = typer.Argument(..., help="HTML file to write")
SAMPLES = typer.Option(1000, help="How often documents are drawn again for the intervals")


def main(task: str = TASK, metrics: Path = METRICS, output: Path = OUTPUT, samples: int = SAMPLES) -> None:
    """Make the report of a task."""
    check_choice("task", task, tuple(TASKS))
    folders = find_runs(TASKS[task], metrics)
    report(folders or [metrics], output, source=SOURCE, title=NAMES[task], samples=samples)


if __name__ == "__main__":
    typer.run(main)
