"""The script that makes a corpus of entity types from linked mentions."""

from __future__ import annotations

import json
import lzma

import pytest
import spacy

from scripts.linking.gold import RELX
from scripts.make_typing_corpus import main
from spacy_mluke.training.corpus_files import read_docbin

# Classes of a person and of cities, two of one city; and one that is no type of the corpus.
TYPES = """Q1\tQ5\thuman\tPER
Q2\tQ515\tcity\tLOC
Q2\tQ1549591\tbig city\tLOC
Q3\tQ515\tcity\tLOC
Q9\tQ3624078\tsuperpowers\tOTHER
"""


def mention(text, name, qid):
    return {"start": text.index(name), "end": text.index(name) + len(name), "name": name, "qid": qid}


def record(text, head, tail):
    return {"text": text, "relation": "P19", "head": mention(text, *head), "tail": mention(text, *tail)}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    for name in ("relations", "relx_distant", "entities"):
        (data / name).mkdir()
    with lzma.open(data / "entities" / "types.tsv.xz", "wt", encoding="utf8") as file:
        file.write(TYPES)
    fewrel = [
        record("Ada saw Rome .", ("Ada", "Q1"), ("Rome", "Q2")),
        record("Ada saw Paris .", ("Ada", "Q1"), ("Paris", "Q3")),
    ]
    knowledgenet = [record("Someone saw America .", ("Someone", None), ("America", "Q9"))]
    for name, records in (("en-fewrel.val", fewrel), ("en-knowledgenet.train", knowledgenet)):
        (data / "relations" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf8")
    sample = {"sentence": "París es grande", "relation": "P19"}
    sample.update(entity1="Q3", entity1_indices=[0, 5], entity2="Q9", entity2_indices=[9, 15])
    for lang in RELX:
        samples = [sample] if lang == "es" else []
        (data / "relx_distant" / f"RELX_distant_{lang}.json").write_text(json.dumps(samples), encoding="utf8")
    train, test = data / "train.spacy", data / "test.spacy"
    main([str(data), str(train), str(test)])
    vocab = spacy.blank("xx").vocab
    return [list(read_docbin(path, vocab)) for path in (train, test)]


def test_training_documents_are_english_and_test_documents_have_all_languages(corpus):
    assert [[doc.text for doc in docs] for docs in corpus] == [
        ["Ada saw Paris .", "Ada saw Rome ."],
        ["París es grande"],
    ]


def test_each_mention_has_the_types_of_its_entity_once(corpus):
    types = [[(span.text, span.label_) for doc in docs for span in doc.spans["mluke_types"]] for docs in corpus]
    assert types == [[("Ada", "person"), ("Paris", "city"), ("Ada", "person"), ("Rome", "city")], [("París", "city")]]


def test_mentions_without_a_type_are_no_entities(corpus):
    (doc,) = corpus[1]
    assert [ent.text for ent in doc.ents] == ["París"]
