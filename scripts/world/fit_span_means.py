"""Compute the mean states that `span_vectors = "centered"` subtracts for the bundled checkpoint.

python scripts/world/fit_span_means.py TEXTS OUT reads TEXTS (data/text/codex-types.jsonl.xz: introductions of Wikipedia
articles in six languages), finds names of the store "world" in the first N texts of each language, in random order, and
writes OUT, which is the package's spacy_mluke/assets/span_means/mluke-small.json.
"""

from __future__ import annotations

import json
import lzma
import random
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List

import spacy
import typer
from spacy.tokens import Doc
from wasabi import msg

TEXTS = typer.Argument(..., help="Texts with their languages (JSON lines in xz)", exists=True, dir_okay=False)
OUT = typer.Argument(..., help="File to write")
N = typer.Option(200, help="Texts of each language")
SEED = typer.Option(0, help="Seed of the sampling")
_MAX_LENGTH = 600  # characters of a text


def main(texts: Path = TEXTS, out: Path = OUT, n: int = N, seed: int = SEED) -> None:
    """Compute them. Each language has the same number of names."""
    found: Dict[str, List[Doc]] = {lang: find_names(lang, own) for lang, own in read(texts, n, seed).items()}
    for lang, docs in found.items():
        msg.info(f"{lang}: {sum(len(doc.ents) for doc in docs)} names")
    n_names = min(sum(len(doc.ents) for doc in docs) for docs in found.values())
    nlp = spacy.blank("xx")
    mluke: Any = nlp.add_pipe("mluke")
    mluke.fit_span_means([doc for docs in found.values() for doc in first_names(docs, n_names)])
    out.write_text(json.dumps(mluke.cfg["span_means"]) + "\n", encoding="utf8")
    msg.good(f"{out}: means of {n_names} names in each of {len(found)} languages")


def read(path: Path, n: int, seed: int) -> Dict[str, List[str]]:
    """Return texts by language."""
    found: Dict[str, List[str]] = defaultdict(list)
    with lzma.open(path, "rt", encoding="utf8") as lines:
        for record in map(json.loads, lines):
            found[record["lang"]].append(record["text"][:_MAX_LENGTH])
    return {lang: random.Random(seed).sample(own, min(n, len(own))) for lang, own in sorted(found.items())}


def find_names(lang: str, texts: List[str]) -> List[Doc]:
    """Return documents with the names of known places and languages as entities."""
    nlp = spacy.blank(lang)
    nlp.add_pipe("mluke_mentions", config={"candidates": {"path": "world"}})
    return [doc for doc in nlp.pipe(texts) if doc.ents]


def first_names(docs: List[Doc], n: int) -> List[Doc]:
    """Return the first documents, with `n` names together."""
    found = []
    for doc in docs:
        doc.ents = doc.ents[:n]
        n -= len(doc.ents)
        if doc.ents:
            found.append(doc)
    return found


if __name__ == "__main__":
    typer.run(main)
