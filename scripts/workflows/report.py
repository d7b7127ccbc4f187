"""Write the report of a task, with every system and seed that was run.

python -m scripts.workflows.report relations metrics/relations reports/relations.html
"""

from __future__ import annotations

from pathlib import Path

import typer

from scripts.workflows.tasks import SOURCE, TASKS, find_runs
from spacy_mluke.cli.report import report
from spacy_mluke.errors import check_choice

TITLES = {
    "relations": "Relation classification: trained on KBP37, tested on RELX",
    "ner": "Named entities: from English to other languages (WikiNEuRal)",
    "qa": "Question answering: from English to other languages (XQuAD)",
    "cloze": "Masked entities: from English to other languages (mLAMA)",
    "linking": "Entity linking: from English to other languages (mLAMA)",
}
TASK = typer.Argument(..., help="relations, ner, qa, cloze or linking")
METRICS = typer.Argument(..., help="Folder with the systems' scores", exists=True)
OUTPUT = typer.Argument(..., help="HTML file to write")
SAMPLES = typer.Option(1000, help="Number of bootstrap samples for confidence intervals")


def main(task: str = TASK, metrics: Path = METRICS, output: Path = OUTPUT, samples: int = SAMPLES) -> None:
    """Write the report of a task."""
    check_choice("task", task, tuple(TASKS))
    folders = find_runs(TASKS[task], metrics)
    report(folders or [metrics], output, source=SOURCE, title=TITLES[task], samples=samples)


if __name__ == "__main__":
    typer.run(main)
