"""Command-line options of several benchmarks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typer

CACHE = typer.Option(Path(tempfile.gettempdir()) / "spacy_mluke_bench", help="Folder for checkpoints")
SIZE = typer.Option("base", help='"base" or "small"')
ROUNDS = typer.Option(3, help="Number of rounds")
