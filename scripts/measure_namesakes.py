"""Measure how well `mluke_linker` tells entities of one name apart, with the bundled knowledge base.

python scripts/measure_namesakes.py reads the exams in scripts/world, and prints accuracy by prior only, with the linker
without its re-ranker, and with it; and words per second of the linker.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List

import spacy
import typer
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.linking.pipelines import add_linker
from spacy_mluke.annotate.mentions import split_tokens

EXAMS = Path(__file__).resolve().parent / "world"
N = typer.Option(0, help="Maximum number of questions of each exam; 0 for all")
OUTPUT = typer.Option(Path("out/namesakes.json"), help="Where to write the figures")
# Name of a run, its exam, the option `reranker`, and whether mentions have the labels of the exam.
_RUNS = (
    ("re-ranked", "namesakes_exam", "auto", False),
    ("re-ranked, labels", "namesakes_exam", "auto", True),
    ("re-ranked", "linking_exam", "auto", False),
    ("not re-ranked", "linking_exam", None, False),
    ("not re-ranked", "namesakes_exam", None, False),
    ("not re-ranked, labels", "namesakes_exam", None, True),
)


def main(n: int = N, output: Path = OUTPUT) -> None:
    """Measure it."""
    nlp = spacy.blank("xx")
    linker = add_linker(nlp, reranker="auto")
    linker.load()
    figures: Dict[str, Dict[str, Any]] = defaultdict(dict)
    for name, exam, reranker, with_labels in _RUNS:
        linker.cfg["reranker"] = reranker
        own = figures[exam]
        own[name] = measure(nlp, linker, read(exam, n), with_labels)
        msg.info(f"{exam}, {name}", json.dumps(own[name]))
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(figures, indent=1), encoding="utf8")


def read(exam: str, n: int) -> Dict[str, List[Dict[str, Any]]]:
    """Return the first questions of an exam by language."""
    found: Dict[str, List[Dict[str, Any]]] = defaultdict(list)
    for line in (EXAMS / f"{exam}.jsonl").read_text(encoding="utf8").splitlines()[: n or None]:
        question = json.loads(line)
        found[question["lang"]].append(question)
    return found


def measure(nlp: Any, linker: Any, exam: Dict[str, List[Dict[str, Any]]], with_labels: bool) -> Dict[str, float]:
    """Return the accuracy of the linker, and that of the candidate with the highest prior."""
    counts = dict.fromkeys(("n", "prior", "linked", "best", "nil", "words"), 0)
    seconds = 0.0
    for lang, questions in exam.items():
        linker.candidates.lang = lang
        docs = [make_doc(nlp, question, with_labels) for question in questions]
        golds = [linker.candidates.store.get(question["id"]).id for question in questions]
        matches = linker.candidates([doc.ents[0] for doc in docs])
        start = time.process_time()
        docs = list(linker.pipe(docs))
        seconds += time.process_time() - start
        for doc, gold, own in zip(docs, golds, matches, strict=True):
            counts["n"] += 1
            counts["words"] += len(doc)
            counts["prior"] += bool(own) and own[0].id == gold
            counts["linked"] += doc.ents[0].kb_id_ == gold
            ranked = doc.ents[0]._.mluke_candidates
            counts["best"] += bool(ranked) and ranked[0].entity == gold
            counts["nil"] += doc.ents[0].kb_id_ == "NIL"
    return {
        "n": counts["n"],
        "prior": round(counts["prior"] / counts["n"], 4),
        "linker": round(counts["linked"] / counts["n"], 4),
        "best candidate": round(counts["best"] / counts["n"], 4),  # right if no mention were NIL
        "NIL": round(counts["nil"] / counts["n"], 4),
        "words per CPU second": round(counts["words"] / seconds),
    }


def make_doc(nlp: Any, question: Dict[str, Any], with_labels: bool) -> Any:
    """Return a document with the mention as its entity."""
    doc = nlp.make_doc(question["text"])
    label = question.get("label", "X") if with_labels else "X"
    bounds = (question["start"], question["end"])
    if doc.char_span(*bounds) is None:
        split_tokens(doc, list(bounds))
    doc.ents = [doc.char_span(*bounds, label=label)]
    return doc


if __name__ == "__main__":
    typer.run(main)
