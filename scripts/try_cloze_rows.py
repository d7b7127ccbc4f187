"""Try how much an encoder learns if only the rows of entities are trained, with states of the frozen encoder.

python scripts/try_cloze_rows.py DATA states facts of DATA/entities with templates (scripts/cloze/templates.tsv: en, de,
es, fr), and facts that `mluke-small` was trained with by its own templates. None of the new facts is one of mLAMA. It
trains the rows and biases of all candidates of mLAMA's relations, and prints P@1, before and after, of
- mLAMA's own facts, which training does not state, except those that `mluke-small` was trained with;
- stated facts, asked for by mLAMA's patterns, in languages of the templates and in others.
No weight is written: see docs/background/mluke-small.md for what came of it.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

import torch
import torch.nn.functional as F
import typer
from torch import Tensor
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.cloze.answers import Answerer, Rows, best
from scripts.cloze.questions import Exam, Question, bundled_training, read_exam
from scripts.cloze.statements import (
    bundled_facts,
    bundled_templates,
    make_statements,
    mlama_templates,
    own_templates,
    read_training_facts,
    sample_facts,
)
from scripts.measure_cloze import MAJORITY, majority_of, measure
from scripts.world.facts import read_facts
from spacy_mluke.kb.bundled import ASSETS, KNOWLEDGE, WORLD, open_store

DATA = typer.Argument(..., help="Folder of entities and mlama", exists=True, file_okay=False)
N_FACTS = typer.Option(100, help="Facts of each relation to state")
N_BUNDLED = typer.Option(150, help="Facts of each relation of mluke-small to state again")
N = typer.Option(6, help="Questions of each relation and language")
EPOCHS = typer.Option(5, help="Times that each sentence is seen")
LANGUAGES = typer.Option("en,de,es,fr,ja,ru", help="Languages of the questions")
OUTPUT = typer.Option(Path("out/cloze-rows.json"), help="Where to write the figures")

BEFORE, AFTER = "before", "after"
TAUGHT = ("en", "de", "es", "fr")
# Keeps rows near to where they start.
_DECAY = 1e-3
_BATCH = 128


def main(
    data: Path = DATA,
    n_facts: int = N_FACTS,
    n_bundled: int = N_BUNDLED,
    n: int = N,
    epochs: int = EPOCHS,
    languages: str = LANGUAGES,
    output: Path = OUTPUT,
) -> None:
    """Train and measure."""
    store = open_store(KNOWLEDGE)
    mlama = data / "mlama"
    bundled = read_facts(ASSETS / WORLD / "facts.tsv.xz")
    exam = read_exam(mlama, store, bundled_training(bundled, store), n, languages=languages.split(","))
    ids = sorted({entity_id for own in exam.objects.values() for entity_id in own})
    places = {entity_id: place for place, entity_id in enumerate(ids)}
    answerer = Answerer("mluke-small", [store[entity_id] for entity_id in ids])
    new = sample_facts(read_training_facts(data / "entities" / "facts.tsv.xz", mlama, exam.objects), n_facts)
    old = [fact for fact in sample_facts(bundled_facts(bundled, store), n_bundled) if fact.object in places]
    stated = make_statements(new, own_templates(), store) + make_statements(old, bundled_templates(), store)
    rows = answerer.mixed(answerer.trained_rows(), answerer.state_rows())
    queries = answerer.queries(answerer.states(stated, [-1] * len(stated)))
    trained = fit(queries, torch.tensor([places[own.right[0]] for own in stated]), rows, epochs)
    asked = sample_facts(new, max(1, n_facts // 5), seed=1)
    templates = own_templates()
    told = [
        question
        for lang in languages.split(",")
        for question in make_statements(asked, mlama_templates(mlama, [lang]), store)
        if question.relation in templates
    ]
    figures: Dict[str, Any] = {"stated": {"new facts": len(new), "facts of mluke-small": len(old)}}
    figures["mLAMA's facts"] = compare(exam, answerer, places, rows, trained)
    for name, is_taught in (("stated facts, languages of the templates", True), ("stated facts, others", False)):
        own = [question for question in told if (question.lang in TAUGHT) == is_taught]
        figures[name] = compare(Exam(own, exam.objects, exam.n_skipped), answerer, places, rows, trained)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1), encoding="utf8")
    msg.good(f"Figures: {output}", json.dumps({name: own.get("mean", own) for name, own in figures.items()}, indent=1))


def fit(queries: Tensor, gold: Tensor, rows: Rows, epochs: int, seed: int = 0) -> Rows:
    """Train rows and biases by the cross entropy over all entities.

    queries (Tensor): Shape: (n, entity_emb_size).
    gold (Tensor): Index of the right entity of each. Shape: (n,), int64.
    rows (Rows): Where they start.
    epochs (int): Times that each query is seen.
    seed (int): Start of the random numbers.
    RETURNS (Rows): The trained rows.
    """
    rng = random.Random(seed)
    own = Rows(rows.rows.clone().requires_grad_(), rows.bias.clone().requires_grad_())
    optimizer = torch.optim.Adam([{"params": [own.rows], "lr": 3e-3}, {"params": [own.bias], "lr": 1e-2}])
    order = list(range(len(gold)))
    for _ in range(epochs):
        rng.shuffle(order)
        for start in range(0, len(order), _BATCH):
            part = torch.tensor(order[start : start + _BATCH])
            loss = F.cross_entropy(queries[part] @ own.rows.T + own.bias, gold[part])
            loss = loss + _DECAY * (own.rows - rows.rows).square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return Rows(own.rows.detach(), own.bias.detach())


def compare(exam: Exam, answerer: Answerer, places: Dict[str, int], before: Rows, after: Rows) -> Dict[str, Any]:
    """Measure both rows on the same questions, beside the majority."""
    queries = answerer.queries(answerer.states(exam.questions, [-1] * len(exam.questions)))
    ids = list(places)
    found: Dict[str, List[str]] = {system: [""] * len(exam.questions) for system in (MAJORITY, BEFORE, AFTER)}
    for relation, objects in exam.objects.items():
        which = positions(exam.questions, relation)
        near = sorted(places[entity_id] for entity_id in objects)
        for system, rows in ((BEFORE, before), (AFTER, after)):
            for i, answer in zip(which, best(queries[which], rows, near), strict=True):
                found[system][i] = ids[answer]
                found[MAJORITY][i] = majority_of(objects)
    return measure(exam, found)


def positions(questions: Sequence[Question], relation: str) -> List[int]:
    """Return the indices of the questions of a relation."""
    return [i for i, question in enumerate(questions) if question.relation == relation]


if __name__ == "__main__":
    typer.run(main)
