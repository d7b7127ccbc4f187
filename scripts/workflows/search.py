"""Annotate sentences in many languages, and search them for an entity, to test that the commands work.

    python -m scripts.workflows.search out/search

The sentences say in each language which country's capital a city is. Every search must find the city in most languages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import typer
from wasabi import msg

import spacy_mluke
from scripts.workflows.sample import CAPITALS, SENTENCES
from spacy_mluke.storage.folders import remove_folder

TARGET = typer.Argument(Path("out/search"), help="Folder to work in; its content is deleted first")
# City names are in English in all sentences, so that one name is in all of them.
CITY, CITY_ID = "Tokyo", "geonames:1850147"
N_PAIRS = 3
MIN_LANGUAGES = 10


def main(target: Path = TARGET) -> None:
    """Annotate and search."""
    remove_folder(target)
    target.mkdir(parents=True)
    with (target / "texts.jsonl").open("w", encoding="utf8") as file:
        for lang, pattern in SENTENCES.items():
            for city, country in CAPITALS[:N_PAIRS]:
                record = {"text": pattern.replace("[Y]", city).replace("[X]", country), "lang": lang}
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    spacy_mluke.save(spacy_mluke.load("mluke-small"), target / "pipeline")
    run("annotate", target / "pipeline", target / "texts.jsonl", target / "corpus")
    run("search", target / "corpus", "--save", target / "index")
    example = ["[Tokyo] is a large city.", "--pipeline", target / "pipeline"]
    for query in ([CITY_ID], [CITY], example):
        output = run("search", target / "index", *query, "--per-lang", 1, "--limit", len(SENTENCES), "--format", "json")
        langs = {hit["lang"] for hit in json.loads(output)["hits"] if hit["text"] == CITY}
        if len(langs) < MIN_LANGUAGES:
            msg.fail(f"'{query[0]}' was found in {len(langs)} of {len(SENTENCES)} languages", exits=1)
        msg.good(f"'{query[0]}' was found in {len(langs)} of {len(SENTENCES)} languages")


def run(*arguments: Any) -> str:
    """Run a command of this package.

    *arguments (Any): The command and its arguments.
    RETURNS (str): What it printed.
    """
    line: List[str] = [sys.executable, "-m", "spacy_mluke", *map(str, arguments)]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, encoding="utf8").stdout


if __name__ == "__main__":
    typer.run(main)
