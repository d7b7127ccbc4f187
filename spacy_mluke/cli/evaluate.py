"""`evaluate`: the scores of every component of a pipeline on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import typer

MODEL = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
DATA = typer.Argument(..., help="A .spacy file, or a directory of them", exists=True)
OUTPUT = typer.Option(None, "--output", "-o", help="JSON file for all scores", dir_okay=False)
GIVEN = typer.Option(
    None,
    "--gold-entities/--own-entities",
    help="Whether documents come with the gold entities. By default, if a component needs entities and none before it "
    "sets them",
)
BATCH_SIZE = typer.Option(None, "--batch-size", "-b", help="Documents of a batch; by default, what the pipeline says")
LIMIT = typer.Option(0, "--limit", "-n", help="Documents at most; 0 for all")


def evaluate(
    model: str = MODEL,
    data: Path = DATA,
    output: Optional[Path] = OUTPUT,
    gold_entities: Optional[bool] = GIVEN,
    batch_size: Optional[int] = BATCH_SIZE,
    limit: int = LIMIT,
) -> None:
    """Show the scores of every component of a pipeline on a corpus.

    `spacy evaluate` shows those of spaCy's own tasks, and lets documents come without entities.
    """
    import spacy
    import srsly
    from wasabi import msg

    from ..report.predict import lacks_entities, read_examples
    from ..storage.files import writing

    nlp = spacy.load(model)
    given = lacks_entities(nlp) if gold_entities is None else gold_entities
    examples = list(read_examples(nlp, data, limit=limit, given=given))
    scores: Dict[str, Any] = nlp.evaluate(examples, batch_size=batch_size, per_component=True)
    msg.info(f"{len(examples)} documents, {'with the gold' if given else 'without gold'} entities")
    speed = scores.pop("speed", None)
    for name, found in scores.items():
        show(name, found)
    if speed is not None:
        msg.text(f"{speed:,.0f} words per second")
    if output is not None:
        with writing(output) as aside:
            srsly.write_json(aside, {**scores, "speed": speed})
        msg.good(f"Wrote {output}")


def show(name: str, scores: Dict[str, Any]) -> None:
    """Print a component's scores.

    name (str): The component's name.
    scores (Dict[str, Any]): Numbers, and dictionaries of precision, recall and F score by label.
    """
    from wasabi import msg

    rows: List[Tuple[str, str]] = []
    tables: Dict[str, Dict[str, Any]] = {}
    for key, value in scores.items():
        if isinstance(value, dict):
            tables[key] = value
        elif isinstance(value, (int, float)):
            rows.append((key, _percent(value)))
    if not rows and not tables:
        return
    msg.divider(name)
    msg.table(rows, aligns=("l", "r"))
    for key, by_label in tables.items():
        lines = [
            (label, *[_percent(numbers.get(letter)) for letter in "prf"])
            for label, numbers in sorted(by_label.items())
            if isinstance(numbers, dict)
        ]
        if lines:
            msg.table(lines, header=(key, "P", "R", "F"), aligns=("l", "r", "r", "r"), divider=True)


def _percent(value: Any) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
