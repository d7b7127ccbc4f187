"""Read mLAMA's questions about the entities of a knowledge base, and which of the facts an encoder was trained with."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from scripts.world.facts import HELD_OUT, SEED, Fact, Pair, draw_held_out, pair_of
from scripts.world.template_files import normal, trained_templates
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.training.mlama import OBJECT, SUBJECT, Cloze, read_mlama

MASK = "[MASK]"
# What an encoder saw of the facts about a subject: some of them; none, since they were held out; there were none.
TOLD, HIDDEN, NEVER = KINDS = ("told", "held out", "not in training")
_INVERSE = {"P36": "P1376", "P1376": "P36", "P47": "P47"}


class Question(NamedTuple):
    """A pattern with a subject and a mask, whose answers are entities of the knowledge base."""

    relation: str
    lang: str
    text: str
    mask: Tuple[int, int]  # first character and end
    place: Tuple[int, int]  # of the subject
    subject: str  # id in the knowledge base
    right: Tuple[str, ...]  # ids of all right answers
    kind: str  # one of KINDS


class Exam(NamedTuple):
    """Questions, and the candidates of each relation."""

    questions: List[Question]
    objects: Dict[str, Counter]  # relation -> id -> number of facts, whether or not they are asked for
    n_skipped: Counter  # facts whose subject or object the knowledge base lacks, by relation


class Training:
    """The facts that an encoder was trained with, in ids of a knowledge base.

    facts (Iterable[Fact]): All facts that it could have been trained with, in ids of the knowledge base or of another
        register.
    held_out (Set[Pair]): Pairs of the same ids that training did not see.
    store (EntityStore): The knowledge base. Facts about entities that it lacks are skipped.
    """

    def __init__(self, facts: Iterable[Fact], held_out: Set[Pair], store: EntityStore):
        self.objects: Dict[Tuple[str, str], Dict[str, bool]] = defaultdict(dict)  # object -> whether it was told
        ids: Dict[str, Optional[str]] = {}
        for fact in facts:
            told = pair_of(fact) not in held_out
            subject, object_ = (ids.setdefault(own, store.find_id(own)) for own in (fact.subject, fact.object))
            if subject is None or object_ is None:
                continue
            self.objects[fact.relation, subject][object_] = told
            if fact.relation in _INVERSE:
                self.objects[_INVERSE[fact.relation], object_].setdefault(subject, told)

    def kind(self, relation: str, subject: str) -> str:
        """Return one of KINDS."""
        own = self.objects.get((relation, subject), {})
        return TOLD if any(own.values()) else HIDDEN if own else NEVER


def bundled_training(facts: List[Fact], store: EntityStore) -> Training:
    """Return the facts that `mluke-small` was trained with.

    facts (List[Fact]): The facts of the bundled knowledge base "world".
    store (EntityStore): The knowledge base whose ids are asked for.
    RETURNS (Training): The facts.
    """
    return Training(facts, draw_held_out(facts, HELD_OUT, random.Random(SEED)), store)


def read_exam(
    mlama: Path, store: EntityStore, training: Training, n: int, *, languages: Iterable[str], seed: int = 0
) -> Exam:
    """Draw questions of each relation and language. Patterns that equal a training template are skipped.

    mlama (Path): Folder of mLAMA.
    store (EntityStore): The knowledge base.
    training (Training): The facts of the training.
    n (int): Maximum number of questions of each relation and language.
    languages (Iterable[str]): Languages, as in mLAMA's files ("zh-hans").
    seed (int): Start of the random numbers.
    RETURNS (Exam): The questions, sorted by relation and language.
    """
    templates = trained_templates()
    ids: Dict[str, Optional[str]] = {}
    questions: List[Question] = []
    objects: Dict[str, Dict[str, Set[str]]] = defaultdict(dict)
    skipped: Dict[str, Set[str]] = defaultdict(set)
    for lang in languages:
        found: Dict[str, List[Cloze]] = defaultdict(list)
        for cloze in read_mlama(mlama, languages=[lang]):
            for qid in (cloze.subject[0], *(own for own, _ in cloze.objects)):
                if qid not in ids:
                    ids[qid] = store.find_id(qid)
            right = {entity_id for qid, _ in cloze.objects if (entity_id := ids[qid])}
            if ids[cloze.subject[0]] is None or not right:
                skipped[cloze.relation].add(cloze.subject[0])
                continue
            objects[cloze.relation].setdefault(cloze.subject[0], set()).update(right)
            if normal(cloze.pattern) not in templates:
                found[cloze.relation].append(cloze)
        for relation, own in found.items():
            rng = random.Random(f"{seed} {relation} {lang}")
            questions += [make_question(cloze, ids, training) for cloze in rng.sample(own, min(n, len(own)))]
    counts = {relation: Counter(o for own in by.values() for o in own) for relation, by in objects.items()}
    questions.sort(key=_order)
    return Exam(questions, counts, Counter({relation: len(own) for relation, own in skipped.items()}))


def make_question(cloze: Cloze, ids: Mapping[str, Optional[str]], training: Training) -> Question:
    """Make a question of a cloze.

    cloze (Cloze): The cloze; the knowledge base has its subject and an object.
    ids (Mapping[str, Optional[str]]): Ids in the knowledge base by QID; None for entities that it lacks.
    training (Training): Further objects in the training are right, too: mLAMA does not have all neighbours.
    RETURNS (Question): The question.
    """
    subject = ids[cloze.subject[0]]
    assert subject is not None
    pattern = cloze.pattern.replace(OBJECT, MASK)
    start = pattern.index(SUBJECT)
    end = start + len(cloze.subject[1])
    mask = pattern.index(MASK) + (end - start - len(SUBJECT) if pattern.index(MASK) > start else 0)
    right = dict.fromkeys(entity_id for qid, _ in cloze.objects if (entity_id := ids[qid]))
    right.update(dict.fromkeys(sorted(training.objects.get((cloze.relation, subject), {}))))
    return Question(
        cloze.relation,
        cloze.lang,
        pattern.replace(SUBJECT, cloze.subject[1]),
        (mask, mask + len(MASK)),
        (start, end),
        subject,
        tuple(right),
        training.kind(cloze.relation, subject),
    )


def _order(question: Question) -> Tuple[int, str]:
    return int(question.relation[1:]), question.lang
