"""The Typer application. Each command is a function in a module with its name, imported when the command is used.

To add a command, write `cli/my_command.py` with a function `my_command`, and add it to COMMANDS. A group of commands
lists the functions of its commands as SUBCOMMANDS.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict, List

import typer
from typer.core import TyperCommand, TyperGroup

from .. import __version__
from ._errors import reported_errors

COMMANDS: Dict[str, str] = {
    "info": "Show the sizes, files, vocabularies, special ids and heads of a checkpoint.",
    "convert": "Convert a checkpoint to this package's format, or to the format of transformers.",
    "convert-conll": "Convert a CoNLL-2003 or WikiNEuRal file to a corpus with named entities.",
    "convert-jsonl": "Convert JSON lines to a corpus, or a corpus to JSON lines.",
    "convert-kbp37": "Convert a KBP37 or RELX file to a corpus with relations.",
    "convert-mlama": "Convert mLAMA to a corpus for mluke_cloze.",
    "convert-squad": "Convert a file in SQuAD's format to a corpus with questions and answers.",
    "export-annotations": "Write predicted entities, links and relations as tasks of an annotation tool.",
    "import-annotations": "Convert corrections made with an annotation tool to a corpus for training.",
    "train": "Train a pipeline as `spacy train` does; an interrupted training can be resumed.",
    "evaluate": "Show the scores of every component of a pipeline on a corpus.",
    "annotate": "Annotate a corpus of any size, and write the results as Parquet or DocBins.",
    "search": "Find an entity in an annotated corpus, in any language.",
    "graph": "Merge the entities and relations of annotated documents into a graph.",
    "score": "Score a pipeline on a corpus, with bootstrap confidence intervals, for `report`.",
    "report": "Write an HTML page that compares the scores of several systems.",
    "calibrate": "Calibrate the probabilities of a pipeline: fit one temperature for each component.",
    "prune": "Make mluke_ner faster: learn where entities begin and end, and classify fewer candidate spans.",
    "compact": "Make a trained pipeline small: save rounded differences between its encoders and their checkpoint.",
    "card": "Write the model card of a saved pipeline, for the Hugging Face hub.",
    "push": "Upload a saved pipeline to the Hugging Face hub.",
    "export": "Export a trained component as a model for transformers.",
    "export-onnx": "Export a pipeline as ONNX graphs, which run without PyTorch and spaCy.",
    "entities": "Build an entity store, look up names in it, or write it as JSON lines.",
    "pretrain": "Pretrain an encoder on entities: predict masked entities in texts with linked entities.",
    "debug-align": "Show tokens, wordpieces, offsets, entities and windows of a text.",
    "serve": "Run a pipeline as a server with a JSON API and a page.",
    "demo": "Find entities, relations and answers, complete facts, and compare entity vectors, in many languages.",
}


class LazyCommands(TyperGroup):
    """A group that has the names of its commands, and imports a command when it is used."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        # Enough for --help, and for hints on misspelled names.
        self.commands = {name: TyperCommand(name, help=text) for name, text in COMMANDS.items()}

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        with reported_errors(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)

    def resolve_command(self, ctx: typer.Context, args: List[str]) -> Any:  # type: ignore[override]
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_command(str(name)), rest


def load_command(name: str) -> Any:
    """Import a command.

    name (str): The command's name.
    RETURNS (Any): The click command; recent versions of Typer contain their own click.
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


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"spacy_mluke {__version__}")
        raise typer.Exit


app = typer.Typer(name="mluke", cls=LazyCommands, no_args_is_help=True, add_completion=False)


@app.callback()
def main(
    debug: bool = typer.Option(False, "--debug", envvar="SPACY_MLUKE_DEBUG", help="Show the traceback of every error"),
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit"
    ),
) -> None:
    """mLUKE for spaCy: checkpoints, corpora, training, evaluation, entity stores."""
