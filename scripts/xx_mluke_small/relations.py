"""Read relations: sentences with one fact, and documents with many. A part of each file is held out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Collection, Dict, Generic, Iterable, List, Mapping, Set, Tuple, TypeVar

from scripts.xx_mluke_small.sentences import NameSpan
from scripts.xx_mluke_small.training_files import DOCUMENTS_FILE, RELATION_FILES, RELATIONS, DataFolder

Bounds = Tuple[int, int]  # first character and end
Facts = TypeVar("Facts")

# Percentage of each file that is held out. Texts are selected by a hash, so a text that occurs twice is never in both.
DOCUMENTS_HELD_OUT = 16
SENTENCES_HELD_OUT: Dict[str, int] = {
    file: 20 if file.startswith("de-") else 10 for file in RELATION_FILES if file != DOCUMENTS_FILE
}
NO_RELATION = "P0"
OTHER = "OTHER"  # none of the relations that the file annotates
# Labels of Re-DocRED that none of its training documents has.
_DOCUMENT_LABELS = frozenset({"P1198"})
# Two relations often hold together if this fraction of the pairs with the first has the second, too.
_OFTEN = 0.03


@dataclass(frozen=True)
class SentenceFact:
    """A sentence with two mentions and the relation between them."""

    text: str
    head: Bounds
    tail: Bounds
    relation: str  # a Wikidata property, or OTHER
    is_cased: bool = True


@dataclass(frozen=True)
class FactDocument:
    """A document whose entities and relations are fully annotated."""

    title: str
    text: str
    entities: List[List[Bounds]]  # the mentions of each entity
    types: List[str]  # of each entity
    facts: List[Tuple[int, int, str]]  # number of the head entity, of the tail entity, property

    def named_spans(self, labels: Collection[str]) -> List[NameSpan]:
        """Return the mentions of entities with one of some types, in text order.

        labels (Collection[str]): The types.
        RETURNS (List[NameSpan]): Character bounds and types.
        """
        typed = zip(self.entities, self.types, strict=True)
        return sorted({(*bounds, label) for mentions, label in typed if label in labels for bounds in mentions})


@dataclass(frozen=True)
class Split(Generic[Facts]):
    """The items of a file."""

    train: List[Facts]
    held_out: List[Facts]


@dataclass(frozen=True)
class RelationData:
    """All training data for relations."""

    sentences: Dict[str, Split[SentenceFact]]  # by file name
    documents: Split[FactDocument]
    labels: List[str]  # every relation, sorted
    document_labels: Set[str]  # the relations that are annotated in documents
    # By relation: others that often hold for the same pair. A sentence with one annotated relation leaves them unknown.
    often_together: Dict[str, Set[str]]

    def sentence_labels(self, file: str) -> Set[str]:
        """Return the relations that a file of sentences annotates."""
        return {fact.relation for fact in self.sentences[file].train} - {OTHER}


def read_relations(data: DataFolder) -> RelationData:
    """Read all training data for relations.

    data (DataFolder): The data.
    RETURNS (RelationData): Training data and held-out data.
    """
    documents = read_documents(data)
    sentences = {file: _read_split(data, file, percent) for file, percent in SENTENCES_HELD_OUT.items()}
    document_labels = {label for document in documents.train for _, _, label in document.facts} | _DOCUMENT_LABELS
    labels = {fact.relation for split in sentences.values() for fact in split.train} - {OTHER} | document_labels
    together = relations_often_together([*documents.train, *documents.held_out])
    return RelationData(sentences, documents, sorted(labels), document_labels, together)


def read_documents(data: DataFolder) -> Split[FactDocument]:
    """Read the training documents.

    data (DataFolder): The data.
    RETURNS (Split[FactDocument]): The documents; those held out are selected by their titles.
    """
    found: Split[FactDocument] = Split([], [])
    for document in read_fact_documents(data.path(f"{RELATIONS}/{DOCUMENTS_FILE}")):
        (found.held_out if is_held_out(document.title, DOCUMENTS_HELD_OUT) else found.train).append(document)
    return found


def read_fact_documents(path: Path) -> List[FactDocument]:
    """Read a file of documents: JSON lines with title, text, entities and relations.

    path (Path): The file.
    RETURNS (List[FactDocument]): The documents.
    """
    return [_make_document(record) for record in _read_lines(path)]


def read_sentence_facts(path: Path) -> List[SentenceFact]:
    """Read a file of sentences, JSON lines with text, head, tail and relation. Those without a relation are skipped.

    path (Path): The file.
    RETURNS (List[SentenceFact]): The sentences.
    """
    return [
        SentenceFact(
            record["text"],
            (record["head"]["start"], record["head"]["end"]),
            (record["tail"]["start"], record["tail"]["end"]),
            record["relation"],
            record.get("cased", True),
        )
        for record in _read_lines(path)
        if record["relation"] != NO_RELATION
    ]


def is_held_out(text: str, percent: int) -> bool:
    """Return whether a text is held out. The same text always gives the same answer.

    text (str): The text, or the title of a document.
    percent (int): Percentage of texts to hold out.
    RETURNS (bool): Whether it is held out.
    """
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100 < percent


def is_for_choices(text: str) -> bool:
    """Return whether a held-out sentence is used to calibrate, and to choose labels and thresholds. Others are scored.

    text (str): The text.
    RETURNS (bool): True for half of the texts.
    """
    return is_held_out(f"for choices: {text}", 50)


def relations_often_together(documents: Iterable[FactDocument]) -> Dict[str, Set[str]]:
    """Return the relations that often hold for the same pair of entities.

    documents (Iterable[FactDocument]): Documents with all their relations.
    RETURNS (Dict[str, Set[str]]): By relation, the relations that more than 3 % of its pairs have, too.
    """
    n_pairs: Counter[str] = Counter()
    n_both: Counter[Tuple[str, str]] = Counter()
    for document in documents:
        by_pair: Dict[Tuple[int, int], Set[str]] = defaultdict(set)
        for head, tail, label in document.facts:
            by_pair[head, tail].add(label)
        for labels in by_pair.values():
            n_pairs.update(labels)
            n_both.update((first, second) for first in labels for second in labels if first != second)
    found: Dict[str, Set[str]] = {}
    for (first, second), n in n_both.items():
        if n / n_pairs[first] > _OFTEN:
            found.setdefault(first, set()).add(second)
    return found


def _read_split(data: DataFolder, file: str, percent: int) -> Split[SentenceFact]:
    found: Split[SentenceFact] = Split([], [])
    for fact in read_sentence_facts(data.path(f"{RELATIONS}/{file}")):
        (found.held_out if is_held_out(fact.text, percent) else found.train).append(fact)
    return found


def _make_document(record: Mapping[str, Any]) -> FactDocument:
    return FactDocument(
        record["title"],
        record["text"],
        [[(mention["start"], mention["end"]) for mention in entity["mentions"]] for entity in record["entities"]],
        [entity["type"] for entity in record["entities"]],
        [(fact["head"], fact["tail"], fact["relation"]) for fact in record["relations"]],
    )


def _read_lines(path: Path) -> Iterable[Dict[str, Any]]:
    with path.open(encoding="utf8") as lines:
        for line in lines:
            yield json.loads(line)
