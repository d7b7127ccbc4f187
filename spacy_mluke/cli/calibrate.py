"""`calibrate`: make the probabilities of a pipeline's components as high as they are often right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

import typer

if TYPE_CHECKING:
    from ..report.calibrate import CalibratedComponent
    from ..report.reliability import Bin, Reliability

PIPELINE = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
DEV = typer.Argument(..., help="Annotated texts that it was not trained on: a .spacy file or a directory", exists=True)
OUTPUT = typer.Argument(..., help="Directory for the calibrated pipeline", file_okay=False)
COMPONENTS = typer.Option([], "--component", help="Component to calibrate; may be repeated. Default: all")
TABLES = typer.Option(None, "--tables", help="JSON file for all tables", dir_okay=False)
GOLD_ENTITIES = typer.Option(
    None,
    "--gold-entities/--predicted-entities",
    help="Entities in the input: the gold entities, or those that the pipeline predicts. Default: as for evaluate",
)
LIMIT = typer.Option(0, "--limit", "-n", min=0, help="Maximum number of documents; 0: all")


def calibrate(
    pipeline: str = PIPELINE,
    dev: Path = DEV,
    out: Path = OUTPUT,
    components: List[str] = COMPONENTS,
    tables: Optional[Path] = TABLES,
    gold_entities: Optional[bool] = GOLD_ENTITIES,
    limit: int = LIMIT,
) -> None:
    """Calibrate the probabilities of a pipeline: fit one temperature for each component.

    Predictions stay the same. Prints how often predictions are right, by their probability, before and after; and the
    precision and recall that thresholds give.
    """
    import srsly
    from wasabi import msg

    from ..pipeline.ready_made import load_saved
    from ..report.calibrate import calibratable
    from ..report.calibrate import calibrate as calibrate_pipeline
    from ..report.predict import read_examples
    from ..storage.files import writing
    from ..storage.pipelines import save

    nlp = load_saved(pipeline)
    examples = list(read_examples(nlp, dev, limit=limit, gold_entities=gold_entities))
    found = calibrate_pipeline(nlp, examples, components=components or None)
    for calibrated in found:
        show(calibrated)
    if not components:
        without = [name for name in calibratable(nlp) if name not in {calibrated.name for calibrated in found}]
        if without:
            msg.warn(f"Not calibrated, for lack of annotation or of predictions: {', '.join(without)}")
    save(nlp, out)
    if tables is not None:
        from dataclasses import asdict

        with writing(tables) as aside:
            srsly.write_json(aside, [asdict(calibrated) for calibrated in found])
    temperatures = ", ".join(f"{calibrated.name} {calibrated.temperature:.2f}" for calibrated in found)
    msg.good(f"Wrote {out}. Temperatures: {temperatures}")


def show(calibrated: CalibratedComponent) -> None:
    """Print the tables of a component.

    calibrated (CalibratedComponent): Its calibration.
    """
    from wasabi import msg

    before, after = calibrated.before, calibrated.after
    msg.divider(calibrated.name)
    bias = f", bias {calibrated.bias:.3f}" if calibrated.bias else ""
    msg.text(
        f"Temperature {calibrated.temperature:.3f}{bias}, fitted to {calibrated.n_items:,} items. "
        f"Loss {before.loss:.4f} before, {after.loss:.4f} after"
    )
    _show_reliability("predictions", before.predicted, after.predicted)
    if before.classified.n != before.predicted.n:
        _show_reliability("classified", before.classified, after.classified)
    rows = [
        (f"{own.threshold:.1f}", f"{own.predicted:,}", *map(_percent, (own.precision, own.recall, own.f)))
        for own in calibrated.thresholds
    ]
    if rows:
        msg.table(rows, header=("threshold", "n", "P", "R", "F"), aligns=tuple("rrrrr"), divider=True)


def _show_reliability(what: str, before: Reliability, after: Reliability) -> None:
    from wasabi import msg

    rows = [
        (f"{old.low:.1f} to {old.high:.1f}", *_cells(old), *_cells(new))
        for old, new in zip(before.bins, after.bins, strict=True)
        if old.n or new.n
    ]
    errors = [(f"{table.n:,}", "", _percent(table.error)) for table in (before, after)]
    rows.append(("calibration error", *errors[0], *errors[1]))
    header = (what, "n before", "probability", "right", "n after", "probability", "right")
    msg.table(rows, header=header, aligns=tuple("lrrrrrr"), divider=True)


def _cells(part: Bin) -> List[str]:
    return [f"{part.n:,}", _percent(part.probability), _percent(part.right)]


def _percent(value: Optional[float]) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
