"""Add the commands to spaCy's: `python -m spacy mluke COMMAND`. spaCy imports this module through an entry point."""

from __future__ import annotations

from spacy.cli import app as spacy_app

from . import app

spacy_app.add_typer(app, name="mluke", help="mLUKE: checkpoints, corpora, training, evaluation, entity stores")


def add_to_spacy() -> None:
    """Do nothing: the import of this module, which the entry point causes, adds the commands."""
