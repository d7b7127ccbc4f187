"""Score which person gets which country, in sentences that name several people and countries.

The sentences of `citizenship_exam.tsv` were written for this, and are never trained on. Held-out sentences and
documents say little about it: nearly all of their people have the country that is nearby.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Set, Tuple

from spacy.language import Language

from scripts.xx_mluke_small.fact_sentences import CITIZENSHIP
from scripts.xx_mluke_small.relation_labels import property_of
from scripts.xx_mluke_small.scoring import FactPair, count_facts, score
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.report.metrics import micro_f1, precision, recall

EXAM = Path(__file__).with_name("citizenship_exam.tsv")
_METRICS = {"f": micro_f1, "precision": precision, "recall": recall}


class Question(NamedTuple):
    """A sentence, and the facts that it states."""

    lang: str
    text: str
    facts: Set[Tuple[str, str]]  # a person, and the name or adjective of the country


def read_exam(path: Path = EXAM) -> List[Question]:
    """Read the sentences.

    path (Path): A table: language, sentence, and "person>country" for each fact, with ";" between two.
    RETURNS (List[Question]): The sentences.
    """
    found = []
    for line in path.read_text(encoding="utf8").splitlines():
        lang, text, facts = line.split("\t")
        pairs = [fact.partition(">") for fact in facts.split(";") if fact]
        found.append(Question(lang, text, {(person, country) for person, _, country in pairs}))
    return found


def score_citizenship(nlp: Language, *, n_samples: int) -> Dict[str, Any]:
    """Score the whole pipeline: names and relations are predicted.

    nlp (Language): A pipeline with named entities and relations.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): Numbers and scores.
    """
    exam = read_exam()
    rows: List[FactPair] = []
    for doc, question in zip(nlp.pipe([own.text for own in exam]), exam, strict=True):
        predicted = {
            (own.head.text, own.tail.text, CITIZENSHIP)
            for own in get_relations(doc)
            if property_of(own.label) == CITIZENSHIP
        }
        rows.append((predicted, {(*fact, CITIZENSHIP) for fact in question.facts}))
    counts, columns = count_facts(rows, [CITIZENSHIP])
    n_facts = sum(len(own.facts) for own in exam)
    return {"sentences": len(exam), "facts": n_facts, **score(counts, columns, _METRICS, n_samples=n_samples)}
