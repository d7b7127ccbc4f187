"""`python -m spacy mluke COMMAND`: spaCy imports this file at the start of its own command line."""

from __future__ import annotations

from spacy.cli import app as spacy_app

from . import app

spacy_app.add_typer(app, name="mluke", help="mLUKE: checkpoints, corpora, training, entities")


def add_to_spacy() -> None:
    """The entry point's name; importing this module has done the work."""
