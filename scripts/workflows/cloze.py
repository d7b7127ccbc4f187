"""Measure what an encoder knows of the capitals of a few countries, to test that the script works.

    python -m scripts.workflows.cloze out/cloze

The facts are written in the format of mLAMA.
"""

from __future__ import annotations

import json
from pathlib import Path

import typer
from wasabi import msg

from scripts.workflows.links import best_known, run
from scripts.workflows.sample import CAPITALS
from spacy_mluke.storage.folders import remove_folder

TARGET = typer.Argument(Path("out/cloze"), help="Folder to work in; its content is deleted first")
N_QUESTIONS = 3  # in each language
# Not among the sentences that the bundled encoder was trained with, which the exam skips.
PATTERNS = {"en": "[X], whose capital is [Y], is a country.", "de": "[X] hat eine Hauptstadt, und sie heißt [Y]."}


def main(target: Path = TARGET) -> None:
    """Write the facts, and run the script."""
    remove_folder(target)
    write_mlama(target / "mlama")
    languages = ",".join(PATTERNS)
    output = target / "cloze.json"
    run("measure_cloze.py", target / "mlama", "--n", N_QUESTIONS, "--languages", languages, "--output", output)
    figures = json.loads(output.read_text(encoding="utf8"))["relations"]
    found, expected = sum(own["n"] for own in figures.values()), N_QUESTIONS * len(PATTERNS)
    if found != expected:
        msg.fail(f"{found} of {expected} questions were asked", exits=1)


def write_mlama(folder: Path) -> None:
    """Write facts about capitals, the names of their entities, and patterns.

    folder (Path): The folder, made if missing.
    """
    folder.mkdir(parents=True)
    ids = {name: best_known(name) for pair in CAPITALS for name in pair}
    triples = [f"P36\t{ids[country]}\t{ids[city]}\n" for city, country in CAPITALS]
    (folder / "triples.tsv").write_text("".join(triples), encoding="utf8")
    for lang, pattern in PATTERNS.items():
        labels = [f"{qid}\t{name}\n" for name, qid in ids.items()]
        (folder / f"labels.{lang}.tsv").write_text("".join(labels), encoding="utf8")
        line = json.dumps({"relation": "P36", "pattern": pattern}, ensure_ascii=False)
        (folder / f"patterns.{lang}.jsonl").write_text(f"{line}\n", encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
