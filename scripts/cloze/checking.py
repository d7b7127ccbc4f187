"""Compare what an encoder answers before and after rows of further entities were trained."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, Iterable, List, Sequence

import numpy
import torch

from scripts.cloze.answers import Rows
from scripts.cloze.fitting import combined
from scripts.cloze.questions import TOLD, Exam, Question
from scripts.cloze.statements import make_statements, mlama_templates, sample_facts
from scripts.cloze.trainer import Trainer
from scripts.measure_cloze import MAJORITY, Figures, majority_of, measure, percent
from scripts.world.facts import Fact

BEFORE, AFTER = "before", "after"
BEFORE_ALL, AFTER_ALL, TYPED = "before, all entities", "after, all entities", "after, all of the type"
SYSTEMS = (MAJORITY, BEFORE, AFTER, BEFORE_ALL, AFTER_ALL, TYPED)
STATED, STATED_OTHER = "stated, languages of the templates", "stated, other languages"
NEVER_STATED = "mLAMA's facts, never stated"
TAUGHT = ("en", "de", "es", "fr")
# Questions of each relation and language about facts that were never stated.
_N_NEVER = 3


class Checker:
    """Compares answers before and after.

    trainer (Trainer): The encoder, and its states.
    rows (Rows): The new rows.
    """

    def __init__(self, trainer: Trainer, rows: Rows):
        self.trainer = trainer
        self.table = trainer.answerer.table()
        self.rows = rows
        self._types: Dict[str, str] = {}

    def compare_all(
        self, exam: Exam, stated: List[Fact], mlama: Path, languages: Sequence[str], n: int
    ) -> Dict[str, Figures]:
        """Measure P@1 of all kinds of facts, and print it.

        exam (Exam): mLAMA's questions.
        stated (List[Fact]): The facts that training stated.
        mlama (Path): Folder of mLAMA.
        languages (Sequence[str]): Languages of the questions.
        n (int): Stated facts of each relation to ask for in each language.
        RETURNS (Dict[str, Figures]): Figures by kind.
        """
        objects: Dict[str, Counter] = defaultdict(Counter)
        told: Dict[tuple[str, str], List[str]] = defaultdict(list)
        for fact in stated:
            objects[fact.relation][fact.object] += 1
            told[fact.relation, fact.subject].append(fact.object)
        asked = sample_facts(stated, n, seed=1)
        kinds: Dict[str, Figures] = {}
        for name, is_taught in ((STATED, True), (STATED_OTHER, False)):
            codes = [lang for lang in languages if (lang in TAUGHT) == is_taught]
            questions = []
            for lang in codes:
                made = make_statements(asked, mlama_templates(mlama, [lang]), self.trainer.store)
                questions += [q._replace(right=tuple(told[q.relation, q.subject])) for q in made]
            kinds[name] = self.compare(questions, objects, [-1] * len(questions))
        new = _some([q for q in exam.questions if q.kind != TOLD], _N_NEVER)
        kinds[NEVER_STATED] = self.compare(new, exam.objects, [-1] * len(new))
        old = [q for q in exam.questions if q.kind == TOLD]
        kinds["mluke-small's facts, words"] = self.compare(old, exam.objects, [-1] * len(old))
        rows = [self.trainer.known(q.subject) for q in old]
        kinds["mluke-small's facts, entities"] = self.compare(old, exam.objects, rows)
        return kinds

    def compare(self, questions: List[Question], objects: Dict[str, Counter], subjects: Sequence[int]) -> Figures:
        """Measure P@1 of questions.

        questions (List[Question]): The questions.
        objects (Dict[str, Counter]): Candidates of each relation.
        subjects (Sequence[int]): Row of each subject that is read beside its words; -1 for words only.
        RETURNS (Figures): As from `measure_cloze.measure`.
        """
        if not questions:
            return {}
        queries = self.trainer.states.queries(questions, subjects)
        systems: Dict[str, List[str]] = {system: [""] * len(questions) for system in SYSTEMS}
        every = self._all_entities(own for counts in objects.values() for own in counts)
        for relation in dict.fromkeys(question.relation for question in questions):
            which = [i for i, question in enumerate(questions) if question.relation == relation]
            near = {own: self.trainer.known(own) for own in sorted(objects[relation])}
            answers = {
                BEFORE: self._best(queries[which], near, with_new=False),
                AFTER: self._best(queries[which], near),
                BEFORE_ALL: self._best(queries[which], every, with_new=False),
                AFTER_ALL: self._best(queries[which], every),
                TYPED: self._best_of_type([questions[i] for i in which], queries[which], every),
                MAJORITY: [majority_of(objects[relation])] * len(which),
            }
            for system, own in answers.items():
                for i, answer in zip(which, own, strict=True):
                    systems[system][i] = answer
        return measure(Exam(questions, {r: Counter(own) for r, own in objects.items()}, Counter()), systems)

    def _all_entities(self, objects: Iterable[str]) -> Dict[str, int]:
        """Return the ids of all fillers, and their rows in the encoder; those of the objects, too."""
        found = {own: self.trainer.known(own) for own in sorted({*self.trainer.places, *objects})}
        skipped = {*found.values(), *self.trainer.special}
        for row in range(len(self.table.rows)):
            if row not in skipped:
                own = self.trainer.id_of(row)
                found[f"#{row}" if own in found else own] = row
        return found

    def _best_of_type(self, questions: Sequence[Question], queries: torch.Tensor, known: Dict[str, int]) -> List[str]:
        types = {own: self._type(own) for own in known}
        answers = [""] * len(questions)
        wanted = [self._type(question.right[0]) for question in questions]
        for kind in dict.fromkeys(wanted):
            which = [i for i, own in enumerate(wanted) if own == kind]
            found = self._best(queries[which], {own: row for own, row in known.items() if types[own] == kind})
            for i, answer in zip(which, found, strict=True):
                answers[i] = answer
        return answers

    def _type(self, entity_id: str) -> str:
        if entity_id not in self._types:
            entity = self.trainer.store.get(entity_id)
            self._types[entity_id] = "" if entity is None else entity.type
        return self._types[entity_id]

    def _best(self, queries: torch.Tensor, known: Dict[str, int], *, with_new: bool = True) -> List[str]:
        ids = list(known)
        places = [self.trainer.places.get(own, -1) if with_new else -1 for own in ids]
        logits = combined(queries, self.table, self.rows, list(known.values()), places)
        return [ids[place] for place in numpy.argmax(logits, axis=1)]


def show_kinds(kinds: Dict[str, Figures]) -> None:
    """Print P@1 of each kind of facts, by relation and by language, as Markdown."""
    found = {name: own for name, own in kinds.items() if own}
    _print_header(["P@1, mean of relations", "relations", "n", *SYSTEMS])
    for name, own in found.items():
        n = sum(row["n"] for row in own["relations"].values())
        _print_row([name, str(len(own["relations"])), str(n), *(percent(own["mean"][system]) for system in SYSTEMS)])
    _print_header(["P@1, mean of questions", *SYSTEMS])
    for name, own in found.items():
        rows = own["relations"].values()
        n = sum(row["n"] for row in rows)
        _print_row([name, *(percent(sum(row["n"] * row[system] for row in rows) / n) for system in SYSTEMS)])
    for name, own in found.items():
        languages = list(dict.fromkeys(lang for row in own["relations"].values() for lang in row["languages"]))
        _print_header([f"{name}, by language", *languages])
        for system in SYSTEMS:
            by_language = [
                [row["languages"][lang][system] for row in own["relations"].values() if lang in row["languages"]]
                for lang in languages
            ]
            _print_row([system, *(percent(float(numpy.mean(part))) for part in by_language)])
        _print_header([f"{name}, by relation", "n", *SYSTEMS])
        for relation, row in own["relations"].items():
            _print_row([relation, str(row["n"]), *(percent(row[system]) for system in SYSTEMS)])


def _print_header(cells: Sequence[str]) -> None:
    print("\n" + "| " + " | ".join(cells) + " |")
    print("|---|" + "---:|" * (len(cells) - 1))


def _print_row(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def _some(questions: Sequence[Question], n: int) -> List[Question]:
    """Return at most `n` random questions of each relation and language."""
    groups: Dict[tuple[str, str], List[Question]] = defaultdict(list)
    for question in questions:
        groups[question.relation, question.lang].append(question)
    return [one for own in groups.values() for one in random.Random(0).sample(own, min(n, len(own)))]
