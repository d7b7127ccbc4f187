"""Relations: held-out parts, labels of pairs, and what is unknown."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from scripts.xx_mluke_small.relation_examples import RelationReader, token_bounds
from scripts.xx_mluke_small.relations import (
    FactDocument,
    SentenceFact,
    is_held_out,
    read_relations,
    relations_often_together,
)
from scripts.xx_mluke_small.training_files import DOCUMENTS_FILE

TEXT = "Ada saw Bob"
HEAD, TAIL = (0, 3), (8, 11)


@pytest.fixture
def reader(tiny_folder, blank):
    return RelationReader(read_relations(tiny_folder), blank.tokenizer, random.Random(0))


def labelled(reader, relation):
    return reader.label_sentence(SentenceFact(TEXT, HEAD, TAIL, relation), TEXT).pairs


def test_no_text_is_both_in_training_and_held_out(tiny_folder):
    data = read_relations(tiny_folder)
    assert data.documents.train
    for split in data.sentences.values():
        assert split.train
        assert not {fact.text for fact in split.train} & {fact.text for fact in split.held_out}


def test_a_fraction_of_texts_is_held_out():
    held_out = [is_held_out(f"text {i}", 20) for i in range(2000)]
    assert 300 < sum(held_out) < 500
    assert held_out == [is_held_out(f"text {i}", 20) for i in range(2000)]


def test_a_symmetric_relation_holds_in_both_directions(reader):
    pairs = labelled(reader, "P26")
    assert pairs[0, 1].relations == pairs[1, 0].relations == ["P26"]


def test_the_inverse_holds_from_tail_to_head(reader):
    pairs = labelled(reader, "P131")
    assert (pairs[0, 1].relations, pairs[1, 0].relations) == (["P131"], ["P150"])


def test_whether_a_parent_is_father_or_mother_is_unknown(reader):
    back = labelled(reader, "P40")[1, 0]
    assert back.relations == [] and set(back.unknown) == {"P22", "P25"}


def test_nothing_holds_from_tail_to_head_of_other_relations(reader):
    back = labelled(reader, "P800")[1, 0]
    assert back.relations == [] and not back.unknown


def test_of_a_sentence_with_another_relation_only_those_of_its_file_are_known(reader):
    pairs = labelled(reader, "OTHER")
    assert list(pairs) == [(0, 1)]
    assert pairs[0, 1].unknown == {"P19", "P551", "P1198"}


def test_relations_that_often_hold_together_are_unknown_in_sentences(reader):
    assert reader.data.often_together == {"P19": {"P551"}, "P551": {"P19"}}
    assert set(labelled(reader, "P19")[0, 1].unknown) == {"P551"}


def test_rare_coincidences_do_not_count():
    facts = [(0, i, "A") for i in range(1, 40)] + [(0, 1, "B")]
    document = FactDocument("t", "", [], [], facts)
    assert relations_often_together([document]) == {"B": {"A"}}


def test_all_pairs_of_a_document_are_annotated(reader):
    document = reader.data.documents.train[0]
    item = reader.label_document(document, document.text)
    assert sorted(item.pairs[0, 1].relations) == ["P19", "P551"]
    assert item.pairs[1, 0].relations == []
    assert {"P26", "P800"} <= set(item.pairs[1, 0].unknown)
    assert not {"P19", "P551"} & set(item.pairs[1, 0].unknown)


def test_an_example_has_every_pair_of_mentions_of_two_entities(reader):
    document = reader.data.documents.train[0]
    example = reader.make_example(reader.label_document(document, document.text))
    assert len(example.spans) == 3
    assert example.pairs == [(0, 1), (0, 2), (1, 0), (2, 0)]
    assert example.groups == [0, 0, 1, 1]
    labels = reader.data.labels
    assert [labels[i] for i in example.relations[0]] == ["P19", "P551"]


def test_every_file_is_drawn_from(reader):
    examples = list(islice(reader.draw(), 200))
    assert any(len(example.spans) == 3 for example in examples)
    assert any(example.doc.text.islower() for example in examples)
    assert any(len(example.relations) == 1 for example in examples)


def test_the_same_seed_draws_the_same_examples(tiny_folder, blank):
    data = read_relations(tiny_folder)
    drawn = [
        [example.doc.text for example in islice(RelationReader(data, blank.tokenizer, random.Random(3)).draw(), 40)]
        for _ in range(2)
    ]
    assert drawn[0] == drawn[1]


def test_mentions_outside_the_text_are_an_error(blank):
    with pytest.raises(ValueError, match="not in the text"):
        token_bounds(blank.make_doc("Ada"), (5, 9))


def test_the_documents_file_is_the_only_one_with_documents(reader):
    assert DOCUMENTS_FILE not in reader.data.sentences
