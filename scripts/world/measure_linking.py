"""Measure how well an encoder links ambiguous names: accuracy on linking_exam.jsonl, and that of the best prior.

python scripts/world/measure_linking.py WORLD CHECKPOINT
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List

import spacy
import typer
from wasabi import msg

EXAM = Path(__file__).parent / "linking_exam.jsonl"
WORLD = typer.Argument(..., help="Folder of entities.sqlite", exists=True, file_okay=False)
CHECKPOINT = typer.Argument(..., help="Checkpoint with an entity prediction head")
OUTPUT = typer.Option(Path("out/linking.json"), help="Where to write the figures")
PRIOR_WEIGHT = typer.Option(1.0, help="Weight of the logarithm of a prior, added to the logit")


def main(
    world: Path = WORLD, checkpoint: str = CHECKPOINT, output: Path = OUTPUT, prior_weight: float = PRIOR_WEIGHT
) -> None:
    """Measure accuracy by language."""
    store = world / "entities.sqlite"
    right: Dict[str, List[List[bool]]] = defaultdict(list)
    questions = [json.loads(line) for line in EXAM.read_text(encoding="utf8").splitlines()]
    by_language: Dict[str, List[Dict[str, Any]]] = defaultdict(list)
    for question in questions:
        by_language[question["lang"]].append(question)
    nlp = spacy.blank("xx")
    linker: Any = nlp.add_pipe(
        "mluke_linker",
        config={
            "model": {"encoder": {"name": checkpoint}},
            "candidates": {"path": str(store)},
            "prior_weight": prior_weight,
        },
    )
    for language, own in by_language.items():
        # Names in the language are preferred, as in a pipeline of the language.
        linker.candidates.lang = language
        docs = [make_doc(nlp, question) for question in own]
        for question, doc in zip(own, linker.pipe(docs), strict=True):
            (ent,) = doc.ents
            likeliest = max(ent._.mluke_candidates, key=_prior).entity
            right[language].append([likeliest == question["id"], ent.kb_id_ == question["id"]])
    figures = {
        language: {"n": len(own), "prior": _share(own, 0), "linker": _share(own, 1)} for language, own in right.items()
    }
    everything = [row for own in right.values() for row in own]
    figures["all"] = {"n": len(everything), "prior": _share(everything, 0), "linker": _share(everything, 1)}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1), encoding="utf8")
    rows = [(name, f["n"], f"{100 * f['prior']:.1f}", f"{100 * f['linker']:.1f}") for name, f in figures.items()]
    msg.table(rows, header=("", "n", "prior only", "linker"), aligns=("l", "r", "r", "r"), divider=True)
    msg.good(f"Figures: {output}")


def make_doc(nlp: Any, question: Dict[str, Any]) -> Any:
    """Return a document with the mention as its entity."""
    doc = nlp.make_doc(question["text"])
    span = doc.char_span(question["start"], question["end"], label="PLACE")
    if span is None:
        from spacy_mluke.annotate.mentions import split_tokens

        split_tokens(doc, [question["start"], question["end"]])
        span = doc.char_span(question["start"], question["end"], label="PLACE")
    doc.ents = [span]
    return doc


def _prior(candidate: Any) -> float:
    return candidate.prior


def _share(rows: List[List[bool]], column: int) -> float:
    return sum(row[column] for row in rows) / len(rows)


if __name__ == "__main__":
    typer.run(main)
