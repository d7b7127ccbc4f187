"""Train rows of the entities of "knowledge" that facts have as their objects, for an encoder that stays as it is.

python scripts/train_cloze_rows.py DATA OUT states facts of DATA/entities with templates (scripts/cloze/templates.tsv:
en, de, es, fr): those of the best-known subjects, none of mLAMA, and of the others two thirds, which a hash selects. It
repeats facts that `mluke-small` was trained with by its own templates. OUT/rows.safetensors gets a row and a bias for
each object; the encoder's own rows do not change. States are kept in OUT/states: a run that was interrupted goes on.

Prints P@1 of mLAMA's patterns before and after, and writes it to OUT/figures.json:
- of stated facts, in languages of the templates and in others, among the objects of the relation;
- of mLAMA's own facts, none of which were stated;
- of the facts that `mluke-small` was trained with, by the subject's words and with its entity.
"all entities" ranks all fillers, of any relation.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy
import torch
import typer
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.cloze.answers import Answerer, Rows
from scripts.cloze.fitting import Examples, combined, fit_rows, make_examples
from scripts.cloze.questions import TOLD, Exam, Question, bundled_training, read_exam
from scripts.cloze.statements import (
    bundled_facts,
    bundled_templates,
    first_facts,
    make_statements,
    mlama_templates,
    own_templates,
    read_training_facts,
    sample_facts,
)
from scripts.cloze.states import StateFiles
from scripts.measure_cloze import MAJORITY, majority_of, measure
from scripts.world.facts import Fact, read_facts
from spacy_mluke.heads.entity_rows import EntityRows
from spacy_mluke.kb.bundled import ASSETS, KNOWLEDGE, WORLD, open_store
from spacy_mluke.kb.store import EntityStore

DATA = typer.Argument(..., help="Folder of entities and mlama", exists=True, file_okay=False)
OUTPUT = typer.Argument(..., help="Folder for rows, states and figures")
N_FACTS = typer.Option(250, help="Facts of each relation to state")
N_SENTENCES = typer.Option(1, help="Sentences for each fact; every second one with the subject's entity")
N_BUNDLED = typer.Option(100_000, help="Facts of each relation of mluke-small to repeat")
N = typer.Option(6, help="Questions of each relation and language")
EPOCHS = typer.Option(6, help="Times that each sentence is seen")
DECAY = typer.Option(1e-3, help="Weight of the squared distance of rows from where they start")
OFFSET = typer.Option(1.0, help="What is subtracted from trained biases, so that the encoder's own facts are found")
LANGUAGES = typer.Option("en,de,es,fr,ru,ja,zh-hans,ar,it,ko,nl,pt", help="Languages of the questions")

BEFORE, AFTER, ALL = "before", "after", "after, all entities"
TAUGHT = ("en", "de", "es", "fr")
# Sentences for each fact of mluke-small that is repeated.
_N_REPEATED = 2


def main(
    data: Path = DATA,
    output: Path = OUTPUT,
    n_facts: int = N_FACTS,
    n_sentences: int = N_SENTENCES,
    n_bundled: int = N_BUNDLED,
    n: int = N,
    epochs: int = EPOCHS,
    decay: float = DECAY,
    offset: float = OFFSET,
    languages: str = LANGUAGES,
) -> None:
    """Train and measure."""
    store = open_store(KNOWLEDGE)
    facts = read_training_facts(data / "entities" / "facts.tsv.xz", data / "mlama", store, own_templates())
    stated = first_facts(facts, n_facts)
    ids = sorted({fact.object for fact in stated})
    world = read_facts(ASSETS / WORLD / "facts.tsv.xz")
    repeated = bundled_facts(world, store)
    answerer = Answerer("mluke-small", [store[entity_id] for entity_id in ids])
    trainer = Trainer(answerer, store, output, ids)
    examples = trainer.examples(stated, facts, sample_facts(repeated, n_bundled), repeated, n_sentences)
    msg.info(f"{len(stated)} facts, {len(ids)} entities, {len(examples.queries)} sentences")
    rows = trainer.fit(examples, epochs, decay)
    rows = Rows(rows.rows, rows.bias - offset)
    EntityRows.of(answerer.loaded, tuple(ids), rows.rows, rows.bias, torch.from_numpy(answerer.known)).to_disk(
        output / "rows.safetensors"
    )
    kept = EntityRows.from_disk(output / "rows.safetensors")
    checker = Checker(trainer, Rows(kept.rows, kept.bias))
    codes = languages.split(",")
    exam = read_exam(data / "mlama", store, bundled_training(world, store), n, languages=codes)
    figures = checker.compare_all(exam, stated, data / "mlama", codes, n)
    figures["settings"] = {"facts": len(stated), "entities": len(ids), "sentences": len(examples.queries)}
    (output / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf8")
    msg.good(f"Rows and figures: {output}")


class Trainer:
    """Makes examples of facts, and trains rows.

    answerer (Answerer): The encoder, for the entities that get rows.
    store (EntityStore): The knowledge base.
    output (Path): Folder for states.
    ids (Sequence[str]): Ids of the entities that get rows.
    """

    def __init__(self, answerer: Answerer, store: EntityStore, output: Path, ids: Sequence[str]):
        self.answerer = answerer
        self.store = store
        self.states = StateFiles(answerer, output / "states")
        self.places = {entity_id: place for place, entity_id in enumerate(ids)}
        self._known: Dict[str, int] = {}

    def known(self, entity_id: str) -> int:
        """Return the row of an entity in the encoder; -1 for none."""
        if entity_id not in self._known:
            self._known[entity_id] = self.answerer.row_of(entity_id, self.store.get(entity_id))
        return self._known[entity_id]

    def examples(
        self, stated: List[Fact], facts: List[Fact], repeated: List[Fact], bundled: List[Fact], n_sentences: int
    ) -> Examples:
        """Return sentences of new facts, and of facts that the encoder was trained with.

        stated (List[Fact]): Facts to state.
        facts (List[Fact]): All facts that may be stated: their objects do not count as wrong.
        repeated (List[Fact]): Facts of the encoder to repeat.
        bundled (List[Fact]): All facts that it was trained with.
        n_sentences (int): Sentences for each fact. In every second one, the encoder reads the subject's entity, if it
            has a row.
        RETURNS (Examples): The examples.
        """
        objects: Dict[tuple[str, str], List[str]] = defaultdict(list)
        for fact in (*facts, *bundled):
            objects[fact.relation, fact.subject].append(fact.object)
        questions: List[Question] = []
        found: List[torch.Tensor] = []
        kinds = ((stated, own_templates(), n_sentences), (repeated, bundled_templates(), _N_REPEATED))
        for own, templates, n in kinds:
            for turn in range(n):
                made = make_statements(own, templates, self.store, seed=turn)
                subjects = [self.known(question.subject) if turn % 2 else -1 for question in made]
                found.append(self.states.queries(made, subjects))
                questions += made
        right = [
            list(dict.fromkeys([question.right[0], *objects[question.relation, question.subject]]))
            for question in questions
        ]
        known = {entity_id: self.known(entity_id) for own in right for entity_id in own}
        known = {entity_id: row for entity_id, row in known.items() if row >= 0}
        return make_examples(torch.cat(found), right, self.places, known)

    def fit(self, examples: Examples, epochs: int, decay: float) -> Rows:
        """Train the rows. They start from names."""
        special = sorted(set(self.answerer.loaded.entities.special))
        return fit_rows(examples, self.answerer.table(), special, self.answerer.name_rows(), epochs, decay=decay)


class Checker:
    """Compares answers before and after.

    trainer (Trainer): The encoder, and its states.
    rows (Rows): The new rows.
    """

    def __init__(self, trainer: Trainer, rows: Rows):
        self.trainer = trainer
        self.table = trainer.answerer.table()
        self.rows = rows

    def compare_all(
        self, exam: Exam, stated: List[Fact], mlama: Path, languages: Sequence[str], n: int
    ) -> Dict[str, Any]:
        """Measure P@1 of all kinds of facts, and print the means.

        exam (Exam): mLAMA's questions.
        stated (List[Fact]): The facts that training stated.
        mlama (Path): Folder of mLAMA.
        languages (Sequence[str]): Languages of the questions.
        n (int): Stated facts of each relation to ask for in each language.
        RETURNS (Dict[str, Any]): Figures by kind.
        """
        objects: Dict[str, Counter] = defaultdict(Counter)
        told: Dict[tuple[str, str], List[str]] = defaultdict(list)
        for fact in stated:
            objects[fact.relation][fact.object] += 1
            told[fact.relation, fact.subject].append(fact.object)
        asked = sample_facts(stated, n, seed=1)
        kinds: Dict[str, Any] = {}
        for name, is_taught in (("stated, languages of the templates", True), ("stated, other languages", False)):
            codes = [lang for lang in languages if (lang in TAUGHT) == is_taught]
            questions = []
            for lang in codes:
                made = make_statements(asked, mlama_templates(mlama, [lang]), self.trainer.store)
                questions += [q._replace(right=tuple(told[q.relation, q.subject])) for q in made]
            kinds[name] = self.compare(questions, objects, [-1] * len(questions))
        new = [q for q in exam.questions if q.kind != TOLD]
        kinds["mLAMA's facts, never stated"] = self.compare(new, exam.objects, [-1] * len(new))
        old = [q for q in exam.questions if q.kind == TOLD]
        kinds["mluke-small's facts, words"] = self.compare(old, exam.objects, [-1] * len(old))
        rows = [self.trainer.known(q.subject) for q in old]
        kinds["mluke-small's facts, entities"] = self.compare(old, exam.objects, rows)
        for name, own in kinds.items():
            print(f"{name}: {json.dumps(own.get('mean', {}))}", flush=True)
        return kinds

    def compare(
        self, questions: List[Question], objects: Dict[str, Counter], subjects: Sequence[int]
    ) -> Dict[str, Any]:
        """Measure P@1 of questions.

        questions (List[Question]): The questions.
        objects (Dict[str, Counter]): Candidates of each relation.
        subjects (Sequence[int]): Row of each subject that is read beside its words; -1 for words only.
        RETURNS (Dict[str, Any]): As from `measure_cloze.measure`.
        """
        if not questions:
            return {}
        queries = self.trainer.states.queries(questions, subjects)
        systems: Dict[str, List[str]] = {system: [""] * len(questions) for system in (MAJORITY, BEFORE, AFTER, ALL)}
        every = sorted({*self.trainer.places, *(own for counts in objects.values() for own in counts)})
        for relation in dict.fromkeys(question.relation for question in questions):
            which = [i for i, question in enumerate(questions) if question.relation == relation]
            near = sorted(objects[relation])
            answers = {
                BEFORE: self._best(queries[which], near, with_new=False),
                AFTER: self._best(queries[which], near),
                ALL: self._best(queries[which], every),
                MAJORITY: [majority_of(objects[relation])] * len(which),
            }
            for system, own in answers.items():
                for i, answer in zip(which, own, strict=True):
                    systems[system][i] = answer
        return measure(Exam(questions, {r: Counter(own) for r, own in objects.items()}, Counter()), systems)

    def _best(self, queries: torch.Tensor, ids: Sequence[str], *, with_new: bool = True) -> List[str]:
        places = [self.trainer.places.get(own, -1) if with_new else -1 for own in ids]
        known = [self.trainer.known(own) for own in ids]
        logits = combined(queries, self.table, self.rows, known, places)
        return [ids[place] for place in numpy.argmax(logits, axis=1)]


if __name__ == "__main__":
    typer.run(main)
