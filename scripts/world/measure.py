"""Measure how well an encoder completes facts, with patterns of mLAMA that are not in the training templates.

python scripts/world/measure.py MLAMA WORLD CHECKPOINT --held-out FILE prints, by relation and language, how often the
right object is first (P@1): among the relation's objects, and among all entities of their type. Subjects and
objects are entities of the store, found by their English names. If several objects are right, in mLAMA or in the facts
of WORLD, any of them counts. Three kinds of facts are reported separately: in training; held out; and facts of mLAMA
that are not in WORLD (former capitals, seas as neighbours).

--subjects sets the encoder's input for the subject: only its words; also its entity, as in the paper ([X] & [Y]; Ri et
al., 2022, section 5); or the entities that mluke_mentions and mluke_linker find in the text.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

import spacy
import typer
from facts import Fact, read_facts
from spacy.tokens import Doc
from template_files import TEMPLATES, normal, trained_templates
from tqdm import tqdm
from wasabi import msg

from spacy_mluke.annotate.mentions import split_tokens
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.training.mlama import OBJECT, SUBJECT, read_mlama

MLAMA = typer.Argument(..., help="Folder of mLAMA", exists=True, file_okay=False)
WORLD = typer.Argument(..., help="Folder of facts.tsv and entities.sqlite", exists=True, file_okay=False)
CHECKPOINT = typer.Argument(..., help="Checkpoint with an entity prediction head")
HELD_OUT = typer.Option(None, help="File of the held-out facts")
N = typer.Option(200, help="Number of clozes for each relation and language")
SUBJECTS = typer.Option("words", help="words, entities, or linked")
OUTPUT = typer.Option(Path("out/world.json"), help="Where to write the figures")
BATCH = typer.Option(64, help="Clozes at once")

# Types of subject and object.
RELATIONS = {
    "P36": ("COUNTRY", "CITY"),
    "P1376": ("CITY", "COUNTRY"),
    "P17": (None, "COUNTRY"),
    "P30": (None, "CONTINENT"),
    "P37": (None, "LANGUAGE"),
    "P47": (None, "COUNTRY"),
}
INVERSE = {"P36": "P1376", "P1376": "P36"}
KINDS = ("trained", "held_out", "unseen")


class Question(NamedTuple):
    """A cloze whose subject and objects are in the store."""

    relation: str
    lang: str
    text: str
    subject: Tuple[int, int, str]  # first character, end, and id
    objects: Tuple[str, ...]  # ids that are right
    known: str  # one of KINDS


def main(
    mlama: Path = MLAMA,
    world: Path = WORLD,
    checkpoint: str = CHECKPOINT,
    held_out: Optional[Path] = HELD_OUT,
    n: int = N,
    subjects: str = SUBJECTS,
    output: Path = OUTPUT,
    batch: int = BATCH,
) -> None:
    """Measure P@1."""
    store = EntityStore(world / "entities.sqlite")
    questions, objects = read_questions(mlama, store, read_pairs(held_out), read_facts(world / "facts.tsv"))
    rng = random.Random(0)
    asker = Asker(checkpoint, world / "entities.sqlite", subjects, batch)
    by_type: Dict[str, List[str]] = defaultdict(list)
    for entity in store.entities():
        by_type[entity.type].append(entity.id)
    figures: Dict[str, Dict[str, Any]] = defaultdict(dict)
    for (relation, lang), own in tqdm(sorted(questions.items()), disable=None):
        chosen = rng.sample(own, min(n, len(own)))
        known = sorted(objects[relation])
        majority = Counter(i for question in own for i in question.objects).most_common(1)[0][0]
        near, far = asker.first(lang, chosen, [known, by_type[RELATIONS[relation][1]]])
        known_as = {kind: [question for question in chosen if question.known == kind] for kind in KINDS}
        figures[relation][lang] = {
            "n": len(chosen),
            "p1": share(chosen, near),
            "p1_type": share(chosen, far),
            "p1_majority": share(chosen, dict.fromkeys((q.text for q in chosen), majority)),
            **{f"n_{kind}": len(own) for kind, own in known_as.items()},
            **{f"p1_{kind}": share(own, near) for kind, own in known_as.items()},
            "n_candidates": len(known),
        }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1), encoding="utf8")
    show(figures)
    msg.good(f"Figures: {output}")


def read_questions(
    mlama: Path, store: EntityStore, held_out: Set[Tuple[str, str]], facts: List[Fact]
) -> Tuple[Dict[Tuple[str, str], List[Question]], Dict[str, Set[str]]]:
    """Read the usable clozes, by relation and language; and the objects of each relation."""
    trained = trained_templates()
    rows = [line.split("\t") for line in _lines(mlama / "labels.en.tsv")]
    english = {row[0]: row[1] for row in rows if len(row) == 2}
    found: Dict[Tuple[str, str], List[Question]] = defaultdict(list)
    objects: Dict[str, Set[str]] = defaultdict(set)
    ids: Dict[Tuple[str, Optional[str]], Optional[str]] = {}
    true: Dict[Tuple[str, str], Set[str]] = defaultdict(set)
    for fact in facts:
        true[fact.relation, fact.subject].add(fact.object)
        if fact.relation in INVERSE:
            true[INVERSE[fact.relation], fact.object].add(fact.subject)

    def entity(qid: str, kind: Optional[str]) -> Optional[str]:
        key = qid, kind
        if key not in ids:
            ids[key] = find(store, english.get(qid, ""), kind)
        return ids[key]

    for cloze in read_mlama(mlama, relations=list(RELATIONS)):
        subject_type, object_type = RELATIONS[cloze.relation]
        subject = entity(cloze.subject[0], subject_type)
        right = tuple(i for i in (entity(qid, object_type) for qid, _ in cloze.objects) if i is not None)
        if subject is None or not right or normal(cloze.pattern) in trained:
            continue
        objects[cloze.relation].update(right)
        # mLAMA does not have all neighbours and all official languages.
        own = true[cloze.relation, subject]
        right = (*right, *sorted(own - set(right)))
        pairs = {(min(subject, i), max(subject, i)) for i in own}
        known = KINDS[0] if pairs - held_out else KINDS[1] if pairs else KINDS[2]
        pattern = cloze.pattern.replace(OBJECT, "[MASK]")
        text = pattern.replace(SUBJECT, cloze.subject[1])
        start = pattern.index(SUBJECT)
        place = start, start + len(cloze.subject[1]), subject
        question = Question(cloze.relation, cloze.lang, text, place, right, known)
        found[cloze.relation, cloze.lang].append(question)
    return found, objects


def find(store: EntityStore, name: str, kind: Optional[str]) -> Optional[str]:
    """Return the likeliest entity with a name and a type; without a type, neither a language nor a currency."""
    for match in store.candidates(name, "en", match="case") if name else ():
        own = store[match.id].type
        if own == kind or (kind is None and own in ("COUNTRY", "CITY")):
            return match.id
    return None


class Asker:
    """Predicts the masked objects of clozes.

    checkpoint (str): The checkpoint.
    store (Path): The store.
    subjects (str): Input for subjects: "words", "entities" or "linked".
    batch (int): Batch size.
    """

    def __init__(self, checkpoint: str, store: Path, subjects: str, batch: int):
        if subjects not in ("words", "entities", "linked"):
            raise typer.BadParameter(f"words, entities or linked, not {subjects!r}", param_hint="--subjects")
        self.nlp = spacy.blank("xx")
        encoder = {"model": {"encoder": {"name": checkpoint}}}
        self.cloze: Any = self.nlp.add_pipe("mluke_cloze", config=encoder)
        self.subjects = subjects
        self.batch = batch
        self.linking = spacy.blank("xx")
        candidates = {"candidates": {"path": str(store)}}
        self.linking.add_pipe("mluke_mentions", config=candidates)
        self.linking.add_pipe("mluke_linker", config={**encoder, **candidates})

    def first(self, lang: str, questions: List[Question], choices: List[List[str]]) -> List[Dict[str, str]]:
        """Return the best entity for each text, for each list of candidates."""
        found: List[Dict[str, str]] = [{} for _ in choices]
        for start in range(0, len(questions), self.batch):
            own = questions[start : start + self.batch]
            if self.subjects == "linked":
                docs = list(self.linking.pipe([question.text for question in own]))
            else:
                docs = [self.doc(question) for question in own]
            for candidates, answers in zip(choices, found, strict=True):
                filled = self.cloze.fill(docs, candidates=candidates, top_k=1, lang=lang)
                for question, masks in zip(own, filled, strict=True):
                    answers[question.text] = masks[0][0].kb_id if masks and masks[0] else ""
        return found

    def doc(self, question: Question) -> Doc:
        """Return the document of a cloze, with its subject as an entity if `subjects` says so."""
        doc = self.nlp.make_doc(question.text)
        if self.subjects == "entities":
            start, end, entity = question.subject
            split_tokens(doc, [start, end])
            span = doc.char_span(start, end, label="ENTITY", kb_id=entity)
            doc.ents = [span] if span is not None else []
        return doc


def share(questions: List[Question], answers: Dict[str, str]) -> Optional[float]:
    """Return the fraction of right answers; None without clozes."""
    if not questions:
        return None
    return sum(answers[question.text] in question.objects for question in questions) / len(questions)


def show(figures: Dict[str, Dict[str, Any]]) -> None:
    """Print P@1, separately for languages with templates and for others."""
    trained = {path.stem for path in TEMPLATES.glob("*.tsv")}
    for relation, own in figures.items():
        msg.divider(relation)
        rows = [
            (lang, "trained" if lang.partition("-")[0] in trained else "zero-shot", f["n"], *map(percent, _columns(f)))
            for lang, f in sorted(own.items())
        ]
        header = (
            "",
            "",
            "n",
            "P@1",
            "of all of the type",
            "majority",
            "in training",
            "held out",
            "not in training data",
        )
        msg.table(rows, header=header, aligns=("l", "l", *"rrrrrrr"), divider=True)


def _columns(figures: Dict[str, Any]) -> List[Optional[float]]:
    return [figures[key] for key in ("p1", "p1_type", "p1_majority", *(f"p1_{kind}" for kind in KINDS))]


def percent(value: Optional[float]) -> str:
    """Format a fraction for a table."""
    return "-" if value is None else f"{100 * value:.1f}"


def read_pairs(path: Optional[Path]) -> Set[Tuple[str, str]]:
    """Read the held-out pairs of entities."""
    if path is None:
        return set()
    rows = [line.split("\t") for line in _lines(path)]
    return {(min(subject, object_), max(subject, object_)) for _, subject, object_ in rows}


def _lines(path: Path) -> Iterable[str]:
    return path.read_text(encoding="utf8").splitlines()


if __name__ == "__main__":
    typer.run(main)
