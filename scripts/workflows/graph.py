"""Make a graph of an annotated corpus in every format, to test that the command works.

    python -m scripts.workflows.graph out/search/corpus out/graph

The corpus is that of scripts.workflows.search: its city must become one node with a mention in every language.
"""

from __future__ import annotations

import json
from pathlib import Path

import typer
from wasabi import msg

from scripts.workflows.sample import SENTENCES
from scripts.workflows.search import CITY_ID, run
from spacy_mluke.graph.build import FORMATS
from spacy_mluke.storage.folders import remove_folder

CORPUS = typer.Argument(Path("out/search/corpus"), help="Folder that `annotate` wrote")
TARGET = typer.Argument(Path("out/graph"), help="Folder to work in; its content is deleted first")


def main(corpus: Path = CORPUS, target: Path = TARGET) -> None:
    """Write the graphs."""
    remove_folder(target)
    for format in FORMATS:
        run("graph", corpus, target / format, "--format", format)
    nodes = json.loads((target / "jsonld").read_text(encoding="utf8"))["@graph"]
    (city,) = (node for node in nodes if node.get("schema:identifier") == CITY_ID)
    if city["mluke:documents"] != len(SENTENCES):
        msg.fail(f"'{CITY_ID}' is in {city['mluke:documents']} of {len(SENTENCES)} documents", exits=1)
    msg.good(f"{len(FORMATS)} graphs; '{CITY_ID}' has {city['mluke:mentions']} mentions: {target}")


if __name__ == "__main__":
    typer.run(main)
