"""Compute the logits of held-out data: of documents with all their relations, and of sentences with one fact each."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from scripts.xx_mluke_small.relation_examples import (
    Pair,
    PairLabels,
    RelationReader,
    doc_with_entities,
    token_bounds,
)
from scripts.xx_mluke_small.relations import OTHER, Bounds, RelationData, SentenceFact, is_for_choices
from scripts.xx_mluke_small.sentences import NameSpan
from spacy_mluke.types import Bools1d, Bools2d, Floats2d, Ints3d

_BATCH = 32
NO_TYPE = "MISC"  # the types of the two mentions of a sentence are not annotated


@dataclass(frozen=True)
class MeasuredText:
    """The logits of a text, and which relations hold."""

    text: str
    names: List[NameSpan]
    entities: List[Pair]  # numbers of the head entity and the tail entity of each pair of mentions
    groups: Ints3d  # token bounds of each pair
    kept: Bools1d  # (n_pairs,): whether a pair has logits
    logits: Floats2d  # (n_kept, n_labels)
    truth: Bools2d  # (n_kept, n_labels)
    known: Bools2d  # (n_kept, n_labels): whether a relation's truth is known

    def make_doc(self, nlp: Language) -> Doc:
        """Make the document.

        nlp (Language): Its tokenizer is used.
        RETURNS (Doc): The document with its entities.
        """
        return doc_with_entities(nlp, self.text, self.names)


@dataclass(frozen=True)
class Measurements:
    """The logits of all held-out texts that choices are made with."""

    labels: List[str]
    documents: List[MeasuredText]
    sentences: List[MeasuredText]


def measure(nlp: Language, pipe: Any, relations: RelationData) -> Measurements:
    """Compute the logits of the held-out documents, and of the held-out sentences that are not scored later.

    nlp (Language): The pipeline, for its tokenizer.
    pipe (RelationExtractor): The component with all labels.
    relations (RelationData): The data.
    RETURNS (Measurements): The logits.
    """
    labels: List[str] = list(pipe.classes)
    texts = []
    for document in relations.documents.held_out:
        found: Dict[Pair, List[str]] = {}
        for head, tail, label in document.facts:
            found.setdefault((head, tail), []).append(label)
        pairs = {pair: PairLabels(own) for pair, own in found.items()}
        texts.append(_Text(document.text, document.named_spans(set(document.types)), document.entities, pairs))
    documents = _measure(nlp, pipe, texts, labels)
    reader = RelationReader(relations, nlp.make_doc, random.Random(0))
    sentences = []
    for split in relations.sentences.values():
        facts = [fact for fact in split.held_out if fact.relation != OTHER]
        also = facts_of_pairs(facts)
        chosen = [_sentence(reader, fact, also) for fact in facts if is_for_choices(fact.text)]
        sentences += _measure(nlp, pipe, chosen, labels)
    return Measurements(labels, documents, sentences)


def facts_of_pairs(facts: Iterable[SentenceFact]) -> Dict[Tuple[str, Bounds, Bounds], Set[str]]:
    """Return the relations of each pair of mentions: a sentence occurs once for each of its facts.

    facts (Iterable[SentenceFact]): The sentences of a file.
    RETURNS (Dict[Tuple[str, Bounds, Bounds], Set[str]]): By text, head and tail.
    """
    found: Dict[Tuple[str, Bounds, Bounds], Set[str]] = {}
    for fact in facts:
        found.setdefault((fact.text, fact.head, fact.tail), set()).add(fact.relation)
    return found


@dataclass(frozen=True)
class _Text:
    text: str
    names: List[NameSpan]
    entities: Sequence[Sequence[Bounds]]
    pairs: Mapping[Pair, PairLabels]


def _sentence(reader: RelationReader, fact: SentenceFact, also: Mapping[Tuple[str, Bounds, Bounds], Set[str]]) -> _Text:
    labelled = reader.label_sentence(fact, fact.text)
    ends = (fact.head, fact.tail)
    pairs = {}
    for head, tail in ((0, 1), (1, 0)):
        labels = labelled.pairs.get((head, tail), PairLabels([]))
        # What other rows of the file say about the pair is right, too.
        unknown = {*labels.unknown, *also.get((fact.text, ends[head], ends[tail]), ())}
        pairs[head, tail] = PairLabels(labels.relations, unknown)
    return _Text(fact.text, [(*end, NO_TYPE) for end in ends], labelled.entities, pairs)


def _measure(nlp: Language, pipe: Any, texts: Sequence[_Text], labels: Sequence[str]) -> List[MeasuredText]:
    measured = []
    for batch in minibatch(texts, _BATCH):
        docs = [doc_with_entities(nlp, item.text, item.names) for item in batch]
        groups, output = pipe.predict(docs)
        first = first_kept = 0
        for item, doc, own in zip(batch, docs, groups, strict=True):
            kept = output.kept[first : first + len(own)]
            logits = numpy.array(output.logits[first_kept : first_kept + int(kept.sum())])
            owners = {token_bounds(doc, bounds): i for i, mentions in enumerate(item.entities) for bounds in mentions}
            entities = [(owners[tuple(head)], owners[tuple(tail)]) for head, tail in own.tolist()]
            truth, known = _truth([pair for pair, has in zip(entities, kept, strict=True) if has], item.pairs, labels)
            measured.append(MeasuredText(item.text, item.names, entities, own, kept, logits, truth, known))
            first, first_kept = first + len(own), first_kept + len(logits)
    return measured


def _truth(
    entities: Sequence[Pair], pairs: Mapping[Pair, PairLabels], labels: Sequence[str]
) -> Tuple[Bools2d, Bools2d]:
    columns = {label: i for i, label in enumerate(labels)}
    truth = numpy.zeros((len(entities), len(labels)), dtype=bool)
    known = numpy.ones_like(truth)
    for row, pair in enumerate(entities):
        own = pairs.get(pair, PairLabels([]))
        known[row, [columns[label] for label in own.unknown if label in columns]] = False
        truth[row, [columns[label] for label in own.relations if label in columns]] = True
        # Two mentions of one entity are no pair.
        known[row] &= pair[0] != pair[1]
    return truth, known | truth
