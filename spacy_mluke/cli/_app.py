"""The Typer application. A command is a function in a file of its own, imported when it is called for.

To add one, write `cli/my_command.py` with a function `my_command`, and name it in COMMANDS. One that is a group lists
the functions of its own commands as SUBCOMMANDS.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict, List

import typer
from typer.core import TyperCommand, TyperGroup

from ._errors import reported_errors

COMMANDS: Dict[str, str] = {
    "info": "Show what a checkpoint holds: sizes, files, vocabularies, special ids, heads.",
    "convert": "Write a checkpoint as a directory of this package, or in Hugging Face form.",
    "convert-conll": "Write a corpus for named entities from a file of CoNLL-2003 or WikiNEuRal.",
    "convert-jsonl": "Write a corpus from JSON lines, or JSON lines from a corpus.",
    "convert-kbp37": "Write a corpus for relation extraction from a file of KBP37 or RELX.",
    "convert-mlama": "Write a corpus for mluke_cloze from mLAMA.",
    "convert-squad": "Write a corpus for question answering from a file in SQuAD's format.",
    "train": "Train a pipeline as spacy train does, and go on after an interruption.",
    "evaluate": "Show the scores of every component of a pipeline on a corpus.",
    "annotate": "Annotate a corpus of any size: Parquet or DocBins of entities, links, relations and vectors.",
    "score": "Score a pipeline on a corpus, with bootstrap confidence intervals, for `report`.",
    "report": "Make one self-contained HTML page of the scores of several systems.",
    "prune": "Teach mluke_ner which candidates are worth a look: those that begin and end where names do.",
    "export": "Write a trained component as a model that transformers opens.",
    "entities": "Build a store of entities with their names, look names up in it, or write it as JSON lines.",
    "pretrain": "Teach an encoder entities, by masking them in text that names them.",
    "debug-align": "Show tokens, wordpieces, offsets, entities and windows of a text.",
    "demo": "Link entities and complete facts in many languages, and show how alike the same entities are across them.",
}


class LazyCommands(TyperGroup):
    """A group that knows its commands by name, and imports the one that is called."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        # Enough for --help and for the hint on a name with a typo.
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        with reported_errors(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)

    def resolve_command(self, ctx: typer.Context, args: List[str]) -> Any:  # type: ignore[override]
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(str(name)), rest


def load_command(name: str) -> Any:
    """Import a command.

    name (str): Its name.
    RETURNS (Any): The command, of the click that this Typer uses: newer ones have their own.
    """
    attribute = name.replace("-", "_")
    module = importlib.import_module(f"{__package__}.{attribute}")
    function = getattr(module, attribute)
    parts = getattr(module, "SUBCOMMANDS", ())
    single = typer.Typer(name=name, add_completion=False, no_args_is_help=bool(parts))
    settings = getattr(module, "CONTEXT_SETTINGS", None)
    (single.callback() if parts else single.command(name, context_settings=settings))(function)
    for part in parts:
        single.command(part.__name__)(part)
    return typer.main.get_command(single)


app = typer.Typer(name="mluke", cls=LazyCommands, no_args_is_help=True, add_completion=False)


@app.callback()
def main(
    debug: bool = typer.Option(False, "--debug", envvar="SPACY_MLUKE_DEBUG", help="Show tracebacks of all errors"),
) -> None:
    """mLUKE for spaCy: checkpoints, corpora, training, entities."""
