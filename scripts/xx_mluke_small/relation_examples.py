"""Make training examples of relations: which relations hold for each pair of entities, and which are unknown."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Callable, Collection, Dict, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from scripts.xx_mluke_small.augmentation import lower_some, restore_capitals
from scripts.xx_mluke_small.fact_sentences import FactSentence, FactSentences
from scripts.xx_mluke_small.relations import OTHER, Bounds, FactDocument, RelationData, SentenceFact
from scripts.xx_mluke_small.training_files import (
    DOCUMENT_SENTENCES,
    DOCUMENTS_FILE,
    FACT_SENTENCES_WEIGHT,
    JOINED,
    RELATION_FILES,
)

# If the first relation holds from head to tail, the second holds from tail to head.
INVERSE: Dict[str, str] = {
    "P22": "P40",  # father, child
    "P25": "P40",  # mother, child
    "P155": "P156",  # follows, followed by
    "P156": "P155",
    "P361": "P527",  # part of, has part
    "P527": "P361",
    "P131": "P150",  # in the administrative unit, contains the administrative unit
    "P150": "P131",
    "P749": "P355",  # parent organization, subsidiary
    "P355": "P749",
    "P1365": "P1366",  # replaces, replaced by
    "P1366": "P1365",
    "P36": "P1376",  # capital, capital of
    "P1376": "P36",
    "P1344": "P710",  # participant in, participant
    "P710": "P1344",
    "P1441": "P674",  # present in work, characters
    "P674": "P1441",
}
# Spouse, sibling, shares border with, said to be the same as, twinned with.
SYMMETRIC = frozenset({"P26", "P3373", "P47", "P460", "P190"})
# A child's inverse is father or mother: which one is unknown.
_PARENTS = {"P40": frozenset({"P22", "P25"})}
# Probabilities of lower case, and of capitals in sentences of a source that is in lower case.
LOWER_SENTENCE, LOWER_DOCUMENT, RESTORE = 0.2, 0.1, 0.5
# What stands between two joined sentences, in place of the full stop of the first; None keeps it.
CONNECTORS = (None, None, None, "; ", ", ", " – ")
_FACTS = "facts"  # name of the stream of sentences made of facts

Pair = Tuple[int, int]  # numbers of two entities
NOTHING: FrozenSet[str] = frozenset()


@dataclass(frozen=True)
class PairLabels:
    """The relations from one entity to another."""

    relations: Sequence[str]  # those that hold
    unknown: Collection[str] = NOTHING  # those that may hold: not annotated. All others do not hold.


@dataclass(frozen=True)
class RelationText:
    """A text with entities, and the relations of their pairs."""

    text: str
    entities: List[List[Bounds]]  # the mentions of each entity, in characters
    pairs: Dict[Pair, PairLabels]


@dataclass(frozen=True)
class RelationExample:
    """A tokenized text; mentions, pairs and labels are numbers."""

    doc: Doc
    spans: List[Bounds]  # token bounds of all mentions, sorted, each once
    pairs: List[Pair]  # numbers of two mentions in `spans`
    groups: List[int]  # of each pair of mentions, the number of its pair of entities
    relations: List[List[int]]  # of each pair of entities: numbers of labels
    unknown: List[List[int]]


class RelationReader:
    """Makes examples of texts with relations, and draws them at random.

    data (RelationData): As from `read_relations`.
    tokenize (Callable[[str], Doc]): The pipeline's tokenizer.
    rng (random.Random): Random numbers.
    facts (Optional[FactSentences]): Makes sentences of facts; None for none of these.
    """

    def __init__(
        self,
        data: RelationData,
        tokenize: Callable[[str], Doc],
        rng: random.Random,
        facts: Optional[FactSentences] = None,
    ):
        self.data = data
        self.facts = facts
        self.tokenize = tokenize
        self.rng = rng
        self._label_ids = {label: i for i, label in enumerate(data.labels)}
        labels = frozenset(data.labels)
        # Only the German file has sentences with none of its relations.
        (with_other,) = (file for file in data.sentences if file.startswith("de-"))
        self._outside_german = labels - data.sentence_labels(with_other)
        self._outside_documents = labels - data.document_labels

    def draw(self) -> Iterator[RelationExample]:
        """Draw examples without end: a file by its weight, then the next of its texts in random order.

        YIELDS (RelationExample): The examples.
        """
        streams = {file: self._draw_file(file) for file in RELATION_FILES}
        weights = {
            file: weight / (DOCUMENT_SENTENCES if file == DOCUMENTS_FILE else 1)
            for file, weight in RELATION_FILES.items()
        }
        if self.facts is not None:
            streams[_FACTS], weights[_FACTS] = self._draw_facts(self.facts), FACT_SENTENCES_WEIGHT
        while True:
            (file,) = self.rng.choices(list(weights), list(weights.values()))
            found = next(streams[file], None)
            if found is None:
                weights.pop(file)
            else:
                yield self.make_example(found)

    def _draw_facts(self, facts: FactSentences) -> Iterator[RelationText]:
        for item in facts.draw(self.rng):
            yield self.label_facts(item)

    def _draw_file(self, file: str) -> Iterator[RelationText]:
        items: Sequence[Union[SentenceFact, FactDocument]]
        items = self.data.documents.train if file == DOCUMENTS_FILE else self.data.sentences[file].train
        order = list(range(len(items)))
        while True:
            self.rng.shuffle(order)
            for i in order:
                item = items[i]
                if isinstance(item, FactDocument):
                    yield self.label_document(item, lower_some(item.text, LOWER_DOCUMENT, self.rng))
                    continue
                found = self._vary_and_label(item)
                other = self.rng.choice(items)
                if self.rng.random() < JOINED and isinstance(other, SentenceFact) and other.text != item.text:
                    found = join_sentences(found, self._vary_and_label(other), self.rng.choice(CONNECTORS))
                yield found

    def _vary_and_label(self, fact: SentenceFact) -> RelationText:
        return self.label_sentence(fact, self._vary_sentence(fact))

    def _vary_sentence(self, fact: SentenceFact) -> str:
        if fact.is_cased:
            return lower_some(fact.text, LOWER_SENTENCE, self.rng)
        if self.rng.random() < RESTORE:
            return restore_capitals(fact.text, [fact.head, fact.tail])
        return fact.text

    def label_sentence(self, fact: SentenceFact, text: str) -> RelationText:
        """Return a sentence with the relations of its two entities, in both directions.

        fact (SentenceFact): The sentence.
        text (str): Its text, or one of the same length.
        RETURNS (RelationText): The labelled text. Relations that often hold with the annotated one are unknown.
        """
        entities = [[fact.head], [fact.tail]]
        if fact.relation == OTHER:
            return RelationText(text, entities, {(0, 1): PairLabels([], self._outside_german)})
        pairs = {(0, 1): self._labels_of(fact.relation)}
        back = fact.relation if fact.relation in SYMMETRIC else INVERSE.get(fact.relation)
        pairs[1, 0] = self._labels_of(back) if back else PairLabels([], _PARENTS.get(fact.relation, NOTHING))
        return RelationText(text, entities, pairs)

    def label_facts(self, item: FactSentence) -> RelationText:
        """Return a sentence made of facts with the relations of all pairs.

        item (FactSentence): The sentence.
        RETURNS (RelationText): The labelled text.
        """
        numbers = range(len(item.entities))
        pairs = {
            (head, tail): PairLabels(item.facts.get((head, tail), []), item.unknown.get((head, tail), NOTHING))
            for head in numbers
            for tail in numbers
            if head != tail
        }
        return RelationText(item.text, [[bounds] for bounds in item.entities], pairs)

    def _labels_of(self, relation: str) -> PairLabels:
        return PairLabels([relation], self.data.often_together.get(relation, NOTHING))

    def label_document(self, document: FactDocument, text: str) -> RelationText:
        """Return a document with the relations of all pairs of its entities.

        document (FactDocument): The document.
        text (str): Its text, or one of the same length.
        RETURNS (RelationText): The labelled text. Relations that no document annotates are unknown.
        """
        found: Dict[Pair, List[str]] = {}
        for head, tail, label in document.facts:
            found.setdefault((head, tail), []).append(label)
        numbers = range(len(document.entities))
        pairs = {
            (head, tail): PairLabels(found.get((head, tail), []), self._outside_documents)
            for head in numbers
            for tail in numbers
            if head != tail
        }
        return RelationText(text, document.entities, pairs)

    def make_example(self, item: RelationText) -> RelationExample:
        """Tokenize a text, and number its mentions and labels.

        item (RelationText): The text.
        RETURNS (RelationExample): The example.
        """
        doc = self.tokenize(item.text)
        mentions = [list(dict.fromkeys(token_bounds(doc, bounds) for bounds in entity)) for entity in item.entities]
        spans = sorted({bounds for entity in mentions for bounds in entity})
        numbers = {bounds: i for i, bounds in enumerate(spans)}
        pairs: List[Pair] = []
        groups: List[int] = []
        for group, (head, tail) in enumerate(item.pairs):
            for first in mentions[head]:
                for second in mentions[tail]:
                    if first != second:
                        pairs.append((numbers[first], numbers[second]))
                        groups.append(group)
        relations = [self._ids(labels.relations) for labels in item.pairs.values()]
        unknown = [self._ids(labels.unknown) for labels in item.pairs.values()]
        return RelationExample(doc, spans, pairs, groups, relations, unknown)

    def _ids(self, labels: Collection[str]) -> List[int]:
        return sorted(self._label_ids[label] for label in labels if label in self._label_ids)


def join_sentences(first: RelationText, second: RelationText, connector: Optional[str]) -> RelationText:
    """Join two sentences to one text. An entity of one has no relation to an entity of the other.

    first (RelationText): A sentence.
    second (RelationText): Another one.
    connector (Optional[str]): What replaces the full stop of the first; None for a space after it.
    RETURNS (RelationText): The text, with all pairs: those of the same name are left out.
    """
    text = first.text.rstrip()
    if connector is not None and text.endswith("."):
        text = text[:-1].rstrip() + connector
    else:
        text += " "
    moved = [[(start + len(text), end + len(text)) for start, end in own] for own in second.entities]
    entities = [*first.entities, *moved]
    text += second.text
    n = len(first.entities)
    pairs = dict(first.pairs)
    pairs.update({(head + n, tail + n): labels for (head, tail), labels in second.pairs.items()})
    names = [{text[start:end].casefold() for start, end in own} for own in entities]
    for i in range(n):
        for j in range(n, len(entities)):
            if not names[i] & names[j]:
                pairs[i, j] = pairs[j, i] = PairLabels([])
    return RelationText(text, entities, pairs)


def token_bounds(doc: Doc, bounds: Bounds) -> Bounds:
    """Return the bounds of the tokens that have a character of a span.

    doc (Doc): The document.
    bounds (Bounds): Character bounds.
    RETURNS (Bounds): First token and end.
    RAISES (ValueError): If they are outside the document.
    """
    span = doc.char_span(*bounds, alignment_mode="expand")
    if span is None or not len(span):
        raise ValueError(f"Characters {bounds} are not in the text {doc.text[:80]!r}.")
    return span.start, span.end


def doc_with_entities(nlp: Language, text: str, spans: Iterable[Tuple[int, int, str]]) -> Doc:
    """Make a document with named entities.

    nlp (Language): Its tokenizer is used.
    text (str): The text.
    spans (Iterable[Tuple[int, int, str]]): Character bounds and labels. Of overlapping ones, the longest is kept.
    RETURNS (Doc): The document.
    """
    doc = nlp.make_doc(text)
    doc.set_ents(
        filter_spans([Span(doc, *token_bounds(doc, (start, end)), label=label) for start, end, label in spans])
    )
    return doc
