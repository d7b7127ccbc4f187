"""Sentences that state facts of the knowledge base, with a mask for the object. They state no fact of mLAMA."""

from __future__ import annotations

import csv
import hashlib
import lzma
import random
from collections import defaultdict
from pathlib import Path
from typing import Collection, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from scripts.cloze.questions import MASK, TOLD, Question
from scripts.world.facts import HELD_OUT, SEED, Fact, Pair, draw_held_out, pair_of
from scripts.world.template_files import Template, read_templates
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.training.mlama import OBJECT, SUBJECT, read_patterns

Templates = Mapping[str, List[Tuple[str, str]]]  # relation -> language and text, with {X} and {Y}
TEMPLATES = Path(__file__).parent / "templates.tsv"


def is_held_out(pair: Pair) -> bool:
    """Return whether a pair of entities is never stated in training: a third of all pairs, by a hash of their ids."""
    return int(hashlib.sha256(" ".join(sorted(pair)).encode()).hexdigest()[:8], 16) % 3 == 0


def read_training_facts(data: Path, mlama: Path, store: EntityStore, relations: Collection[str]) -> List[Fact]:
    """Read the facts that training may state: both entities are in the knowledge base.

    data (Path): facts.tsv.xz: relation, subject, object, sources. Facts with the source "mlama" are skipped.
    mlama (Path): Folder of mLAMA. Facts about a pair of entities that mLAMA asks for are skipped.
    store (EntityStore): The knowledge base.
    relations (Collection[str]): Relations; other facts are skipped.
    RETURNS (List[Fact]): The facts in ids of the knowledge base, without held-out pairs. Those of the best-known
        subjects come first.
    """
    lines = (mlama / "triples.tsv").read_text(encoding="utf8").splitlines()
    asked: Set[Pair] = {pair_of(Fact(*line.split("\t"))) for line in lines}
    found = []
    ids: Dict[str, Optional[str]] = {}
    with lzma.open(data, "rt", encoding="utf8") as file:
        for line in file:
            *fields, sources = line.rstrip("\n").split("\t")
            fact = Fact(*fields)
            pair = pair_of(fact)
            if fact.relation not in relations or "mlama" in sources.split("+") or pair in asked or is_held_out(pair):
                continue
            for qid in pair:
                if qid not in ids:
                    ids[qid] = store.find_id(qid)
            subject, object_ = ids[fact.subject], ids[fact.object]
            if subject is not None and object_ is not None:
                found.append(Fact(fact.relation, subject, object_))
    priors = {subject: store[subject].prior or 0.0 for subject in {fact.subject for fact in found}}
    return sorted(dict.fromkeys(found), key=lambda fact: (-priors[fact.subject], fact))


def first_facts(facts: Iterable[Fact], n: int) -> List[Fact]:
    """Return the first `n` facts of each relation: the first of each, then the second, and so on."""
    by_relation: Dict[str, List[Fact]] = defaultdict(list)
    for fact in facts:
        by_relation[fact.relation].append(fact)
    return [own[place] for place in range(n) for _, own in sorted(by_relation.items()) if place < len(own)]


def bundled_facts(facts: Iterable[Fact], store: EntityStore) -> List[Fact]:
    """Return the facts that `mluke-small` was trained with, in ids of a knowledge base; others are skipped."""
    facts = list(facts)
    hidden = draw_held_out(facts, HELD_OUT, random.Random(SEED))
    known = [fact for fact in facts if pair_of(fact) not in hidden]
    mapped = [(fact.relation, store.find_id(fact.subject), store.find_id(fact.object)) for fact in known]
    return [Fact(relation, subject, object_) for relation, subject, object_ in mapped if subject and object_]


def own_templates() -> Templates:
    """Return the templates of the relations that `mluke-small` was not trained with: en, de, es, fr."""
    found: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    with TEMPLATES.open(encoding="utf8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            found[row["relation"]].append((row["language"], row["template"]))
    return found


def bundled_templates() -> Templates:
    """Return the templates that `mluke-small` was trained with."""
    found: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    templates: List[Template] = [template for own in read_templates("train").values() for template in own]
    for template in templates:
        found[template.relation].append((template.language, template.text))
    return found


def mlama_templates(mlama: Path, languages: Iterable[str]) -> Templates:
    """Return mLAMA's patterns as templates. They are for evaluation only."""
    found: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    for lang in languages:
        for relation, patterns in read_patterns(mlama / f"patterns.{lang}.jsonl").items():
            found[relation] += [(lang, own.replace(SUBJECT, "{X}").replace(OBJECT, "{Y}")) for own in patterns]
    return found


def sample_facts(facts: Iterable[Fact], n: int, seed: int = 0) -> List[Fact]:
    """Return at most `n` random facts of each relation."""
    by_relation: Dict[str, List[Fact]] = defaultdict(list)
    for fact in facts:
        by_relation[fact.relation].append(fact)
    rng = random.Random(seed)
    return [fact for own in by_relation.values() for fact in rng.sample(own, min(n, len(own)))]


def make_statements(
    facts: Iterable[Fact], templates: Templates, store: EntityStore, languages: Collection[str] = (), seed: int = 0
) -> List[Question]:
    """State each fact once, with a random template.

    facts (Iterable[Fact]): The facts. Those of relations without a template, and of subjects that the knowledge base
        lacks, are skipped.
    templates (Templates): The templates.
    store (EntityStore): The knowledge base, for names.
    languages (Collection[str]): Languages of the templates; empty for all.
    seed (int): Start of the random numbers.
    RETURNS (List[Question]): The statements as questions for their object.
    """
    rng = random.Random(seed)
    made = []
    for fact in facts:
        usable = [own for own in templates.get(fact.relation, ()) if not languages or own[0] in languages]
        entity = store.get(fact.subject)
        if not usable or entity is None:
            continue
        lang, template = rng.choice(usable)
        name = entity.name(lang)
        pattern = template.replace("{Y}", MASK)
        start = pattern.index("{X}")
        mask = pattern.index(MASK)
        mask += len(name) - len("{X}") if mask > start else 0
        text = pattern.replace("{X}", name)
        place, where = (start, start + len(name)), (mask, mask + len(MASK))
        made.append(Question(fact.relation, lang, text, where, place, fact.subject, (fact.object,), TOLD))
    return made
