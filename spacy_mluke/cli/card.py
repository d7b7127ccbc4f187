"""`card`: write the model card of a saved pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import typer

PIPELINE = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
OUTPUT = typer.Option(None, "--output", "-o", help="The file to write. Default: README.md in the pipeline's directory")
LANGS = typer.Option([], "--lang", "-l", help="Language of the pipeline. Can be repeated. Default: as in meta.json")
DATASET = typer.Option(None, "--dataset", help="Name of the data that the scores in meta.json were measured on")
REPO = typer.Option(None, "--repo", help="Name on the hub, OWNER/NAME, for the example in the card")
FORCE = typer.Option(False, "--force", "-F", help="Replace an existing file")


def card(
    pipeline: str = PIPELINE,
    output: Optional[Path] = OUTPUT,
    lang: List[str] = LANGS,
    dataset: Optional[str] = DATASET,
    repo: Optional[str] = REPO,
    force: bool = FORCE,
) -> None:
    """Write the model card of a saved pipeline, for the Hugging Face hub.

    The card is README.md, with a header that the hub reads. It is made from meta.json: description, components, labels,
    scores, licence and sources. With --dataset, the scores are also in the header, and the hub shows them.
    """
    from wasabi import msg

    from ..errors import Errors
    from ..publishing.card import render_card
    from ..publishing.saved_pipeline import CARD, read_pipeline
    from ..storage.files import writing

    saved = read_pipeline(pipeline)
    target = saved.path / CARD if output is None else output
    if target.exists() and not force:
        raise ValueError(Errors.ML405.format(path=target))
    text = render_card(saved, langs=lang, dataset=dataset, repo=repo)
    with writing(target) as aside:
        aside.write_text(text, encoding="utf8")
    missing = [key for key in ("description", "license", "author") if not saved.meta.get(key)]
    if missing:
        msg.warn(f"meta.json does not say: {', '.join(missing)}. Set nlp.meta, save the pipeline, write the card again")
    msg.good(f"Wrote {target}")
