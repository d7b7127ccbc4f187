"""How well an encoder completes facts of the world: mLAMA's patterns, which no training template repeats.

python scripts/world/measure.py MLAMA WORLD CHECKPOINT --held-out FILE prints, by relation and language, how often the
right object is first (P@1): among the relation's objects, and among all entities of their type. Subjects and
objects are those that the store has, found by their English names. Where several objects are right, by mLAMA or by the
facts of WORLD, any of them counts.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

import spacy
import typer
from corpus import TEMPLATES, Fact, read_facts, read_templates
from tqdm import tqdm
from wasabi import msg

from spacy_mluke.entities.store import EntityStore
from spacy_mluke.training.mlama import OBJECT, SUBJECT, Cloze, read_mlama

MLAMA = typer.Argument(..., help="Folder of mLAMA", exists=True, file_okay=False)
WORLD = typer.Argument(..., help="Folder of facts.tsv and entities.sqlite", exists=True, file_okay=False)
CHECKPOINT = typer.Argument(..., help="Checkpoint with a head for entities")
HELD_OUT = typer.Option(None, help="Facts that training did not see")
N = typer.Option(200, help="Clozes of each relation and language")
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
_NO_WORD = re.compile(r"[\W_]+")


class Question(NamedTuple):
    """A cloze whose subject and objects the store has."""

    relation: str
    lang: str
    text: str
    objects: Tuple[str, ...]  # ids that are right
    is_held_out: bool


def main(
    mlama: Path = MLAMA,
    world: Path = WORLD,
    checkpoint: str = CHECKPOINT,
    held_out: Optional[Path] = HELD_OUT,
    n: int = N,
    output: Path = OUTPUT,
    batch: int = BATCH,
) -> None:
    """Measure P@1."""
    store = EntityStore(world / "entities.sqlite")
    questions, objects = read_questions(mlama, store, read_pairs(held_out), read_facts(world / "facts.tsv"))
    rng = random.Random(0)
    nlp = spacy.blank("xx")
    cloze: Any = nlp.add_pipe("mluke_cloze", config={"model": {"encoder": {"name": checkpoint}}})
    by_type: Dict[str, List[str]] = defaultdict(list)
    for entity in store.entities():
        by_type[entity.type].append(entity.id)
    figures: Dict[str, Dict[str, Any]] = defaultdict(dict)
    for (relation, lang), own in tqdm(sorted(questions.items()), disable=None):
        chosen = rng.sample(own, min(n, len(own)))
        known = sorted(objects[relation])
        majority = Counter(i for question in own for i in question.objects).most_common(1)[0][0]
        near = first(cloze, chosen, known, batch)
        far = first(cloze, chosen, by_type[RELATIONS[relation][1]], batch)
        told = [question for question in chosen if not question.is_held_out]
        figures[relation][lang] = {
            "n": len(chosen),
            "p1": share(chosen, near),
            "p1_type": share(chosen, far),
            "p1_majority": share(chosen, dict.fromkeys((q.text for q in chosen), majority)),
            "n_held_out": len(chosen) - len(told),
            "p1_told": share(told, near),
            "p1_held_out": share([question for question in chosen if question.is_held_out], near),
            "n_candidates": len(known),
        }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1), encoding="utf8")
    show(figures)
    msg.good(f"Figures: {output}")


def read_questions(
    mlama: Path, store: EntityStore, held_out: Set[Tuple[str, str]], facts: List[Fact]
) -> Tuple[Dict[Tuple[str, str], List[Question]], Dict[str, Set[str]]]:
    """Read the clozes that can be asked, by relation and language; and the objects of each relation."""
    trained = {normal(template.text) for own in read_templates("train").values() for template in own}
    rows = [line.split("\t") for line in _lines(mlama / "labels.en.tsv")]
    english = {row[0]: row[1] for row in rows if len(row) == 2}
    found: Dict[Tuple[str, str], List[Question]] = defaultdict(list)
    objects: Dict[str, Set[str]] = defaultdict(set)
    known: Dict[Tuple[str, Optional[str]], Optional[str]] = {}
    told: Dict[Tuple[str, str], Set[str]] = defaultdict(set)
    for fact in facts:
        told[fact.relation, fact.subject].add(fact.object)

    def entity(qid: str, kind: Optional[str]) -> Optional[str]:
        key = qid, kind
        if key not in known:
            known[key] = find(store, english.get(qid, ""), kind)
        return known[key]

    for cloze in read_mlama(mlama, relations=list(RELATIONS)):
        subject_type, object_type = RELATIONS[cloze.relation]
        subject = entity(cloze.subject[0], subject_type)
        right = tuple(i for i in (entity(qid, object_type) for qid, _ in cloze.objects) if i is not None)
        if subject is None or not right or normal(as_template(cloze)) in trained:
            continue
        objects[cloze.relation].update(right)
        # mLAMA does not know all neighbours and all official languages.
        right = (*right, *sorted(told[cloze.relation, subject] - set(right)))
        pairs = {(min(subject, i), max(subject, i)) for i in right}
        text = cloze.pattern.replace(SUBJECT, cloze.subject[1]).replace(OBJECT, "[MASK]")
        found[cloze.relation, cloze.lang].append(Question(cloze.relation, cloze.lang, text, right, pairs <= held_out))
    return found, objects


def find(store: EntityStore, name: str, kind: Optional[str]) -> Optional[str]:
    """The best-known entity of a name and a type; of any type but a language or a currency, if none is given."""
    for match in store.candidates(name, "en", match="case") if name else ():
        own = store[match.id].type
        if own == kind or (kind is None and own in ("COUNTRY", "CITY")):
            return match.id
    return None


def first(cloze: Any, questions: List[Question], candidates: List[str], batch: int) -> Dict[str, str]:
    """The entity that the encoder puts first, by text."""
    found: Dict[str, str] = {}
    for start in range(0, len(questions), batch):
        texts = [question.text for question in questions[start : start + batch]]
        for text, masks in zip(texts, cloze.fill(texts, candidates=candidates, top_k=1), strict=True):
            found[text] = masks[0][0].kb_id if masks and masks[0] else ""
    return found


def share(questions: List[Question], answers: Dict[str, str]) -> Optional[float]:
    """How many of some questions are answered rightly; None without any."""
    if not questions:
        return None
    return sum(answers[question.text] in question.objects for question in questions) / len(questions)


def show(figures: Dict[str, Dict[str, Any]]) -> None:
    """Print P@1, languages of the templates and others apart."""
    trained = {path.stem for path in TEMPLATES.glob("*.tsv")}
    for relation, own in figures.items():
        msg.divider(relation)
        rows = [
            (lang, "trained" if lang.partition("-")[0] in trained else "zero-shot", f["n"], *map(percent, _columns(f)))
            for lang, f in sorted(own.items())
        ]
        header = ("", "", "n", "P@1", "of all of the type", "majority", "held out")
        msg.table(rows, header=header, aligns=("l", "l", *"rrrrr"), divider=True)


def _columns(figures: Dict[str, Any]) -> List[Optional[float]]:
    return [figures[key] for key in ("p1", "p1_type", "p1_majority", "p1_held_out")]


def percent(value: Optional[float]) -> str:
    """A share for a table."""
    return "-" if value is None else f"{100 * value:.1f}"


def read_pairs(path: Optional[Path]) -> Set[Tuple[str, str]]:
    """Pairs of entities that training did not see together."""
    if path is None:
        return set()
    rows = [line.split("\t") for line in _lines(path)]
    return {(min(subject, object_), max(subject, object_)) for _, subject, object_ in rows}


def as_template(cloze: Cloze) -> str:
    """A pattern, written as our templates are."""
    return cloze.pattern.replace(SUBJECT, "{X}").replace(OBJECT, "{Y}")


def normal(template: str) -> str:
    """A template's letters: punctuation and case make no new one."""
    return _NO_WORD.sub(" ", template.casefold()).strip()


def _lines(path: Path) -> Iterable[str]:
    return path.read_text(encoding="utf8").splitlines()


if __name__ == "__main__":
    typer.run(main)
