"""Corpora for pruning and calibration; batches."""

from __future__ import annotations

import random
from itertools import count, islice

import pytest
from spacy.tokens import DocBin

from scripts.xx_mluke_small import corpora
from scripts.xx_mluke_small.batches import batch_by_cost
from scripts.xx_mluke_small.relations import read_documents
from spacy_mluke.annotate.relations import get_relations


@pytest.fixture(scope="module")
def written(tiny_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    patch = pytest.MonkeyPatch()
    patch.setattr(corpora, "N_TRAIN", 20)
    patch.setitem(corpora.read_questions.__globals__["QUESTIONS_TO_TRAIN_ON"], "en-squadshifts_wiki.test.json", 5)
    corpora.main([str(tiny_root), str(folder)])
    patch.undo()
    return folder


def read(folder, name, blank):
    return list(DocBin().from_disk(folder / f"{name}.spacy").get_docs(blank.vocab))


def test_names_keep_the_labels_that_their_source_annotates(written, blank):
    docs = read(written, "names-train", blank)
    assert len(docs) == 20
    assert all({"PER", "ORG", "LOC"} <= set(doc._.mluke_annotated_labels) for doc in docs)


def test_development_names_have_entities(written, blank):
    assert {ent.label_ for doc in read(written, "names-dev", blank) for ent in doc.ents} == {"PER", "LOC"}


def test_held_out_questions_have_answers_or_a_text_without_one(written, blank):
    docs = read(written, "questions-dev", blank)
    assert docs
    assert all(len(doc._.mluke_questions) == 1 for doc in docs)


def test_relations_of_a_document_are_between_all_mentions(blank, tiny_folder):
    document = read_documents(tiny_folder).train[0]
    doc = corpora.document_with_facts(blank, document)
    found = {(relation.head.text, relation.tail.start, relation.label) for relation in get_relations(doc)}
    assert len(found) == 4
    assert {label for _, _, label in found} == {"P551", "P19"}


def test_batches_have_items_of_similar_cost_below_the_limit():
    numbers = (i % 7 + 1 for i in count())
    batches = list(islice(batch_by_cost(numbers, float, limit=10, buffer=14, rng=random.Random(0)), 7))
    assert all(sum(batch) <= 10 for batch in batches)
    assert sorted(i for batch in batches for i in batch)[:2] == [1, 1]
    assert all(batch == sorted(batch) for batch in batches)


def test_an_item_above_the_limit_is_a_batch():
    (batch,) = islice(batch_by_cost(iter([9, 9]), float, limit=5, buffer=1, rng=random.Random(0)), 1)
    assert batch == [9]
