"""`evaluate`: show the scores of every component of a pipeline on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import typer

MODEL = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
DATA = typer.Argument(..., help="A .spacy file, or a directory of them", exists=True)
OUTPUT = typer.Option(None, "--output", "-o", help="JSON file for all scores", dir_okay=False)
GOLD_ENTITIES = typer.Option(
    None,
    "--gold-entities/--predicted-entities",
    help="Entities in the input: the gold entities, or those that the pipeline predicts. Default: gold, if a component "
    "needs entities and no earlier component sets them",
)
OWN_ENTITIES = typer.Option(None, "--own-entities", hidden=True)
BATCH_SIZE = typer.Option(None, "--batch-size", "-b", help="Number of documents in a batch. Default: the pipeline's")
LIMIT = typer.Option(0, "--limit", "-n", help="Maximum number of documents; 0: all")


def evaluate(
    model: str = MODEL,
    data: Path = DATA,
    output: Optional[Path] = OUTPUT,
    gold_entities: Optional[bool] = GOLD_ENTITIES,
    own_entities: Optional[bool] = OWN_ENTITIES,
    batch_size: Optional[int] = BATCH_SIZE,
    limit: int = LIMIT,
) -> None:
    """Show the scores of every component of a pipeline on a corpus.

    `spacy evaluate` shows only the scores of spaCy's tasks, and its input has no entities.
    """
    import srsly
    from wasabi import msg

    from ..errors.renamed import take_renamed
    from ..pipeline.ready_made import load_saved
    from ..report.predict import lacks_entities, read_examples
    from ..storage.files import writing

    if own_entities:
        gold_entities = take_renamed("evaluate", "--own-entities", "--predicted-entities", False, gold_entities)
    nlp = load_saved(model)
    is_gold = lacks_entities(nlp) if gold_entities is None else gold_entities
    examples = list(read_examples(nlp, data, limit=limit, gold_entities=is_gold))
    scores: Dict[str, Any] = nlp.evaluate(examples, batch_size=batch_size, per_component=True)
    msg.info(f"{len(examples)} documents, {'with' if is_gold else 'without'} gold entities")
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

    name (str): Name of the component.
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
