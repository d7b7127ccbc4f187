"""Score relations between gold entities: of held-out sentences, and of the documents of Re-DocRED."""

from __future__ import annotations

import random
from typing import Any, Dict, Iterable, List, Sequence, Set, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from scripts.xx_mluke_small.evaluation_sets import DOCUMENT_SET
from scripts.xx_mluke_small.relation_examples import RelationReader, doc_with_entities, token_bounds
from scripts.xx_mluke_small.relation_labels import property_of
from scripts.xx_mluke_small.relation_measurements import NO_TYPE
from scripts.xx_mluke_small.relations import (
    Bounds,
    FactDocument,
    SentenceFact,
    is_for_choices,
    read_fact_documents,
    read_relations,
)
from scripts.xx_mluke_small.scoring import Fact, FactPair, choose, count_facts, score
from scripts.xx_mluke_small.training_files import RELATIONS, DataFolder
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.report.calibrate import changed_options
from spacy_mluke.report.metrics import macro_f1, micro_f1, precision, recall
from spacy_mluke.types import Floats1d, Floats2d

NAME = "mluke_relations"
_METRICS = {"f": micro_f1, "precision": precision, "recall": recall}
_CHUNK = 32


def score_relations(
    nlp: Language, training: DataFolder, data: DataFolder, *, limit: int, n_samples: int
) -> Dict[str, Any]:
    """Score the relations of a pipeline. Entities are those of the gold annotation.

    Held-out sentences that labels and thresholds were chosen with are not scored. Held-out documents are, so the scores
    of these are not independent of the choices.

    nlp (Language): A pipeline with `mluke_relations`.
    training (DataFolder): The training data, a part of which is held out.
    data (DataFolder): The evaluation data.
    limit (int): Maximum number of sentences of each set, and of documents; 0: all.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): Scores by set.
    """
    relations = read_relations(training)
    reader = RelationReader(relations, nlp.make_doc, random.Random(0))
    found: Dict[str, Any] = {}
    known_pairs = {names_of(fact) for split in relations.sentences.values() for fact in split.train}
    for file, split in relations.sentences.items():
        name = file.partition(".")[0]
        scored = [fact for fact in split.held_out if not is_for_choices(fact.text)]
        parts = {name: scored, f"{name}, new pairs": [f for f in scored if names_of(f) not in known_pairs]}
        for part, facts in parts.items():
            found[part] = score_sentences(nlp, reader, choose(facts, limit), n_samples)
    known = known_facts(relations.documents.train)
    test = read_fact_documents(data.path(f"{RELATIONS}/{DOCUMENT_SET}"))
    for part, documents in (("test", test), ("held out", relations.documents.held_out)):
        chosen = choose(documents, limit)
        found[f"en-redocred {part}"] = score_documents(nlp, chosen, relations.document_labels, known, n_samples)
    return found


def score_sentences(
    nlp: Language, reader: RelationReader, facts: Sequence[SentenceFact], n_samples: int
) -> Dict[str, Any]:
    """Score sentences with one annotated relation, in both directions.

    Macro F1 is the mean over the relations that the sentences annotate. Predicted relations that are unknown in a
    sentence, because they often hold together with the annotated one, do not count. The types of the two mentions are
    not annotated, so constraints on types are not applied.

    nlp (Language): The pipeline.
    reader (RelationReader): Knows which relations hold, and which are unknown.
    facts (Sequence[SentenceFact]): The sentences.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): Numbers and scores.
    """
    pipe: Any = nlp.get_pipe(NAME)
    with changed_options(pipe.cfg, {"type_pairs": {}}):
        items = [reader.label_sentence(fact, fact.text) for fact in facts]
        docs = [doc_with_entities(nlp, fact.text, [(*fact.head, NO_TYPE), (*fact.tail, NO_TYPE)]) for fact in facts]
        found: List[FactPair] = []
        for doc, item in zip(pipe.pipe(docs, batch_size=_CHUNK), items, strict=True):
            numbers = {token_bounds(doc, bounds): i for i, (bounds,) in enumerate(item.entities)}
            gold = {(*pair, label) for pair, labels in item.pairs.items() for label in labels.relations}
            predicted = predicted_facts(doc, numbers)
            unknown = {(*pair, label) for pair, labels in item.pairs.items() for label in labels.unknown}
            is_annotated = set(item.pairs)
            found.append(({f for f in predicted - (unknown - gold) if f[:2] in is_annotated}, gold))
    annotated = sorted({fact.relation for fact in facts} & set(reader.data.labels))
    counts, columns = count_facts(found)
    macro_counts, macro_columns = count_facts(found, annotated)
    scores = score(counts, columns, _METRICS, n_samples=n_samples)
    macro = score(macro_counts, macro_columns, {"macro_f": macro_f1}, n_samples=n_samples)
    return {"sentences": len(facts), "relations": len(annotated), **macro, **scores}


def score_documents(
    nlp: Language, documents: Sequence[FactDocument], labels: Set[str], known: Set[Fact], n_samples: int
) -> Dict[str, Any]:
    """Score documents with all their relations.

    A relation between two entities counts once, whichever of their mentions it is predicted for. "ign_f" is F1 without
    facts that the training documents state, as DocRED defines it: right facts of these are not counted in precision.

    nlp (Language): The pipeline.
    documents (Sequence[FactDocument]): The documents.
    labels (Set[str]): The relations that are annotated in documents. Other predicted relations do not count.
    known (Set[Fact]): As from `known_facts`.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Dict[str, Any]): Numbers and scores.
    """
    pipe: Any = nlp.get_pipe(NAME)
    docs = [doc_with_entities(nlp, document.text, document.named_spans(set(document.types))) for document in documents]
    rows = []
    for doc, document in zip(pipe.pipe(docs, batch_size=_CHUNK), documents, strict=True):
        numbers = {token_bounds(doc, bounds): i for i, entity in enumerate(document.entities) for bounds in entity}
        gold: Set[Fact] = set(document.facts)
        predicted = {fact for fact in predicted_facts(doc, numbers) if fact[0] != fact[1] and fact[2] in labels}
        right = predicted & gold
        n_known = sum(not known.isdisjoint(_named(document, fact)) for fact in right)
        rows.append((len(right), len(predicted), len(gold), n_known))
    counts = numpy.asarray(rows, dtype="float64").reshape((-1, 4))
    metrics = {
        "f": lambda totals, _: micro_f1(totals[:, :3], ()),
        "precision": lambda totals, _: precision(totals[:, :3], ()),
        "recall": lambda totals, _: recall(totals[:, :3], ()),
        "ign_f": ign_f1,
    }
    numbers_of = {"documents": len(documents), "facts": int(counts[:, 2].sum())}
    return {**numbers_of, **score(counts, (), metrics, n_samples=n_samples)}


def ign_f1(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return F1 whose precision ignores facts that the training documents state.

    totals (Floats2d): Right facts, predicted facts, gold facts, right facts that are known. Shape: (n, 4).
    columns (Sequence[str]): Not used.
    RETURNS (Floats1d): Shape: (n,).
    """
    right, predicted, gold, known = totals.T
    p = (right - known) / numpy.maximum(predicted - known, 1)
    r = right / numpy.maximum(gold, 1)
    return 2 * p * r / numpy.maximum(p + r, 1e-9)


def known_facts(documents: Iterable[FactDocument]) -> Set[Fact]:
    """Return the facts that documents state.

    documents (Iterable[FactDocument]): The documents.
    RETURNS (Set[Fact]): Name of the head, name of the tail, relation; for all names of both entities.
    """
    return {named for document in documents for fact in document.facts for named in _named(document, fact)}


def predicted_facts(doc: Doc, numbers: Dict[Bounds, int]) -> Set[Fact]:
    """Return the predicted relations between entities.

    doc (Doc): The document.
    numbers (Dict[Bounds, int]): Numbers of the entities by the token bounds of their mentions.
    RETURNS (Set[Fact]): Number of the head, number of the tail, relation.
    """
    found = set()
    for relation in get_relations(doc):
        head = numbers.get((relation.head.start, relation.head.end))
        tail = numbers.get((relation.tail.start, relation.tail.end))
        if head is not None and tail is not None:
            found.add((head, tail, property_of(relation.label)))
    return found


def names_of(fact: SentenceFact) -> Tuple[str, str]:
    """Return the names of head and tail in lower case.

    fact (SentenceFact): The sentence.
    RETURNS (Tuple[str, str]): The names.
    """
    return fact.text[slice(*fact.head)].lower(), fact.text[slice(*fact.tail)].lower()


def _named(document: FactDocument, fact: Fact) -> Set[Fact]:
    head, tail, label = fact
    sides = [{document.text[slice(*bounds)] for bounds in document.entities[side]} for side in (head, tail)]
    return {(first, second, label) for first in sides[0] for second in sides[1]}
