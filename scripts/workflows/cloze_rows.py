"""Train rows of entities on a few facts, and fill a mask with them, to test that the script works.

python -m scripts.workflows.cloze_rows out/cloze_rows
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import spacy
import typer
from wasabi import msg

from scripts.workflows.links import run
from spacy_mluke.storage.folders import remove_folder

TARGET = typer.Argument(Path("out/cloze_rows"), help="Folder to work in; its content is deleted first")
# A religion, and places of death, by Wikidata's ids.
FACTS = [("P140", "Q1001", "Q9089"), ("P20", "Q9312", "Q1829"), ("P20", "Q5592", "Q220"), ("P20", "Q1067", "Q13364")]
ASKED = [("P20", "Q7186", "Q90", "Marie Curie", "Paris"), ("P20", "Q937", "Q138518", "Albert Einstein", "Princeton")]
PATTERN = "[X] died in [Y] ."


def main(target: Path = TARGET) -> None:
    """Write the facts, run the script, and fill a mask."""
    remove_folder(target)
    for name in ("entities", "mlama"):
        (target / "data" / name).mkdir(parents=True)
    lines = [f"{relation}\t{subject}\t{object_}\tcodex" for relation, subject, object_ in FACTS]
    (target / "data/entities/facts.tsv.xz").write_bytes(lzma.compress(("\n".join(lines) + "\n").encode("utf8")))
    mlama = target / "data" / "mlama"
    triples = [f"{relation}\t{subject}\t{object_}\n" for relation, subject, object_, _, _ in ASKED]
    labels = [f"{own[1]}\t{own[3]}\n{own[2]}\t{own[4]}\n" for own in ASKED]
    patterns = [{"relation": relation, "pattern": PATTERN, "checked_by_human": True} for relation in ("P20", "P140")]
    (mlama / "triples.tsv").write_text("".join(triples), encoding="utf8")
    (mlama / "labels.en.tsv").write_text("".join(labels), encoding="utf8")
    (mlama / "patterns.en.jsonl").write_text("\n".join(map(json.dumps, patterns)), encoding="utf8")
    options = ("--n-bundled", 3, "--n-sentences", 1, "--epochs", 2, "--languages", "en")
    run("train_cloze_rows.py", target / "data", target / "rows", *options)
    nlp = spacy.blank("en")
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": "knowledge"}
    rows = str(target / "rows" / "rows.safetensors")
    cloze: Any = nlp.add_pipe("mluke_cloze", config={"candidates": source, "entity_rows": rows})
    (fillers,) = cloze.fill("Dante died in [MASK].", [object_ for _, _, object_ in FACTS])
    if not fillers:
        msg.fail("No entity of the facts is a filler", exits=1)
    msg.good(", ".join(filler.text for filler in fillers))


if __name__ == "__main__":
    typer.run(main)
