"""Measure what an encoder knows of the entities of "knowledge": mLAMA's relations in twelve languages (P@1).

python scripts/measure_cloze.py MLAMA asks for the objects of all relations, where the knowledge base has subject and
object. Candidates are the relation's objects, as in mLAMA. The encoder has rows for a part of them. Others get a row
from the words of their names, as `mluke_cloze` and `mluke_linker` make it, or from the encoder's states at their names.
"Trained rows" are those of the package (scripts/train_cloze_rows.py), which were told none of mLAMA's facts.
mLAMA is for evaluation only: its patterns are CC BY-NC-SA, and no weight is trained with them.

Prints, in per cent, how often the right object is first, by relation, by language, and separately for facts that the
bundled encoder was trained with, that were held out from its training, and all others; beside always answering the
relation's most frequent object. FILE gets all figures as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
import typer
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.cloze.answers import Answerer, Rows, best
from scripts.cloze.fitting import combined
from scripts.cloze.questions import KINDS, Exam, Question, bundled_training, read_exam
from scripts.world.facts import read_facts
from spacy_mluke.kb.bundled import ASSETS, KNOWLEDGE, WORLD, open_store
from spacy_mluke.pipeline.cloze.further import bundled_rows

MLAMA = typer.Argument(..., help="Folder of mLAMA", exists=True, file_okay=False)
CHECKPOINT = typer.Option("mluke-small", help="Checkpoint with an entity prediction head")
N = typer.Option(12, help="Questions of each relation and language")
LANGUAGES = typer.Option("en,de,es,fr,ru,ja,zh-hans,ar,it,ko,nl,pt", help="Languages")
SUBJECTS = typer.Option("words", help="What the encoder reads of a subject: words, or entities (its row, too, if any)")
OUTPUT = typer.Option(Path("out/cloze.json"), help="Where to write the figures")

MAJORITY, NAMES, STATES, TRAINED = "majority", "rows of names", "rows of states", "trained rows"
ALL = "rows of names, of all entities"
SYSTEMS = (MAJORITY, NAMES, STATES, TRAINED, ALL)
Figures = Dict[str, Any]


def main(
    mlama: Path = MLAMA,
    checkpoint: str = CHECKPOINT,
    n: int = N,
    languages: str = LANGUAGES,
    subjects: str = SUBJECTS,
    output: Path = OUTPUT,
) -> None:
    """Measure P@1."""
    if subjects not in ("words", "entities"):
        raise typer.BadParameter(f"words or entities, not {subjects!r}", param_hint="--subjects")
    store = open_store(KNOWLEDGE)
    training = bundled_training(read_facts(ASSETS / WORLD / "facts.tsv.xz"), store)
    exam = read_exam(mlama, store, training, n, languages=languages.split(","))
    ids = sorted({entity_id for own in exam.objects.values() for entity_id in own})
    answerer = Answerer(checkpoint, [store[entity_id] for entity_id in ids])
    found = find_answers(
        exam, answerer, ids, [store.get(q.subject) if subjects == "entities" else None for q in exam.questions]
    )
    figures = measure(exam, found)
    for relation, own in figures["relations"].items():
        own["rows"] = sum(answerer.known[ids.index(entity_id)] >= 0 for entity_id in exam.objects[relation])
        own["rows"] = int(own["rows"])
    figures["settings"] = {"n": n, "checkpoint": checkpoint, "subjects": subjects}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1), encoding="utf8")
    show(figures)
    msg.good(f"Figures: {output}")


def find_answers(exam: Exam, answerer: Answerer, ids: Sequence[str], subjects: Sequence[Any]) -> Dict[str, List[str]]:
    """Return each system's answer to each question.

    exam (Exam): The questions.
    answerer (Answerer): The encoder, for the entities `ids`.
    ids (Sequence[str]): All candidates.
    subjects (Sequence[Optional[Entity]]): Entities of the subjects that are read beside their words; None for words.
    RETURNS (Dict[str, List[str]]): System -> ids.
    """
    shown = [-1 if entity is None else answerer.row_of(entity.id, entity) for entity in subjects]
    queries = answerer.queries(answerer.states(exam.questions, shown))
    trained = answerer.trained_rows()
    names = answerer.mixed(trained, answerer.name_rows())
    rows = {NAMES: names, STATES: answerer.mixed(trained, answerer.state_rows()), ALL: names}
    places = {entity_id: place for place, entity_id in enumerate(ids)}
    further = bundled_rows()
    found = {system: [""] * len(exam.questions) for system in SYSTEMS}
    relations = numpy.asarray([question.relation for question in exam.questions])
    for relation, objects in exam.objects.items():
        asked = numpy.flatnonzero(relations == relation)
        near = sorted(places[entity_id] for entity_id in objects)
        answers = {
            system: best(queries[asked], own, range(len(ids)) if system == ALL else near)
            for system, own in rows.items()
        }
        logits = combined(
            queries[asked],
            answerer.table(),
            Rows(further.rows, further.bias),
            answerer.known[near].tolist(),
            [further.places.get(ids[place], -1) for place in near],
        )
        answers[TRAINED] = [near[place] for place in logits.argmax(axis=1).tolist()]
        for position, question in enumerate(asked.tolist()):
            found[MAJORITY][question] = majority_of(objects)
            for system, own_answers in answers.items():
                found[system][question] = ids[own_answers[position]]
    return found


def majority_of(objects: Dict[str, int]) -> str:
    """Return the most frequent object of a relation; of several, the one whose id is last."""
    return max(objects, key=lambda entity_id: (objects[entity_id], entity_id))


def measure(exam: Exam, found: Dict[str, List[str]]) -> Figures:
    """Compute P@1 of each system: by relation, by relation and language, and by kind of fact.

    exam (Exam): The questions.
    found (Dict[str, List[str]]): System -> answers.
    RETURNS (Figures): Fractions.
    """
    relations = list(dict.fromkeys(question.relation for question in exam.questions))
    languages = list(dict.fromkeys(question.lang for question in exam.questions))
    by_relation: Dict[str, Figures] = {}
    for relation in relations:
        own = [i for i, question in enumerate(exam.questions) if question.relation == relation]
        parts = {kind: [i for i in own if exam.questions[i].kind == kind] for kind in KINDS}
        by_language = {lang: [i for i in own if exam.questions[i].lang == lang] for lang in languages}
        by_relation[relation] = {
            **p1(exam.questions, found, own),
            "candidates": len(exam.objects[relation]),
            "skipped subjects": exam.n_skipped[relation],
            "kinds": {kind: p1(exam.questions, found, part) for kind, part in parts.items() if part},
            "languages": {lang: p1(exam.questions, found, part) for lang, part in by_language.items() if part},
        }
    means = {system: float(numpy.mean([own[system] for own in by_relation.values()])) for system in found}
    above = {system: sum(own[system] > own[MAJORITY] for own in by_relation.values()) for system in found}
    return {"relations": by_relation, "mean": means, "relations above the majority": above}


def p1(questions: Sequence[Question], found: Dict[str, List[str]], which: Sequence[int]) -> Figures:
    """Return the number of questions, and the fraction that each system answers right."""
    right = {system: sum(answers[i] in questions[i].right for i in which) for system, answers in found.items()}
    return {"n": len(which), **{system: count / len(which) for system, count in right.items()}}


def show(figures: Figures) -> None:
    """Print the figures as Markdown."""
    own = figures["relations"]
    print("| relation | n | candidates | of these with a row | " + " | ".join(SYSTEMS) + " |")
    print("|---|" + "---:|" * (3 + len(SYSTEMS)))
    for relation, row in own.items():
        print(f"| {relation} | {row['n']} | {row['candidates']} | {row['rows']} | {_cells(row)} |")
    print(f"| mean | | | | {_cells(figures['mean'])} |")
    languages = list(dict.fromkeys(lang for row in own.values() for lang in row["languages"]))
    print(f"\n{NAMES}, by language\n\n| relation | " + " | ".join(languages) + " |")
    print("|---|" + "---:|" * len(languages))
    for relation, row in own.items():
        cells = [row["languages"].get(lang) for lang in languages]
        print(f"| {relation} | " + " | ".join(percent(cell[NAMES]) if cell else "-" for cell in cells) + " |")
    print("\n| relation | facts | n | " + " | ".join(SYSTEMS) + " |")
    print("|---|---|" + "---:|" * (1 + len(SYSTEMS)))
    for relation, row in own.items():
        for kind, part in row["kinds"].items():
            if len(row["kinds"]) > 1:
                print(f"| {relation} | {kind} | {part['n']} | {_cells(part)} |")


def _cells(row: Figures) -> str:
    return " | ".join(percent(row[system]) for system in SYSTEMS)


def percent(value: float) -> str:
    """Return a fraction in per cent, with one digit after the point."""
    return f"{100 * value:.1f}"


if __name__ == "__main__":
    typer.run(main)
