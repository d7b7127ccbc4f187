"""Relations: proposed pairs, annotation, scores."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.annotate.relations import Relation, has_relations
from spacy_mluke.scorers.groups import score_relations
from spacy_mluke.suggesters.pairs import build_entity_pairs_v1
from tests.pipeline.relation_docs import facts, relation_examples, task_pipeline

WORDS = "Anna met Bob . Carl saw Dora ."


@pytest.fixture
def doc():
    doc = Doc(spacy.blank("xx").vocab, words=WORDS.split())
    doc.ents = [Span(doc, i, i + 1, label) for i, label in ((0, "A"), (2, "B"), (4, "A"), (6, "B"))]
    return doc


def pairs(doc, **options):
    (found,) = build_entity_pairs_v1(**options)([doc])
    assert found.shape[1:] == (2, 2)
    return [(doc[h[0] : h[1]].text, doc[t[0] : t[1]].text) for h, t in found.tolist()]


def test_all_ordered_pairs_are_proposed(doc):
    assert len(pairs(doc)) == 12
    assert ("Anna", "Bob") in pairs(doc) and ("Bob", "Anna") in pairs(doc)


def test_pairs_in_text_order_have_the_head_first(doc):
    assert pairs(doc, order="text")[:2] == [("Anna", "Bob"), ("Anna", "Carl")]
    assert len(pairs(doc, order="text")) == 6


def test_pairs_are_within_a_sentence_if_sentences_are_set(doc):
    for token in doc:
        token.is_sent_start = token.i in (0, 4)
    assert pairs(doc, order="text") == [("Anna", "Bob"), ("Carl", "Dora")]
    assert len(pairs(doc, order="text", same_sentence=False)) == 6


def test_distance_counts_the_tokens_between(doc):
    assert pairs(doc, order="text", max_distance=1) == [("Anna", "Bob"), ("Bob", "Carl"), ("Carl", "Dora")]


def test_only_pairs_with_allowed_labels_are_proposed(doc):
    assert set(pairs(doc, labels=[["B", "A"]])) == {
        ("Bob", "Anna"), ("Bob", "Carl"), ("Dora", "Anna"), ("Dora", "Carl"),
    }  # fmt: skip


def test_candidate_options_are_checked():
    with pytest.raises(ValueError, match=r"\[ML070\].*order"):
        build_entity_pairs_v1(order="texts")
    with pytest.raises(ValueError, match=r"\[ML071\]"):
        build_entity_pairs_v1(max_distance=-1)
    with pytest.raises(ValueError, match=r"\[ML089\]"):
        build_entity_pairs_v1(labels=["AB"])


def test_relations_hold_the_entities_of_the_document(doc):
    doc._.mluke_relations = [Relation(doc.ents[2], doc.ents[3], "saw", 0.5)]
    (relation,) = doc._.mluke_relations
    assert (relation.head, relation.tail, relation.label, relation.score) == (doc.ents[2], doc.ents[3], "saw", 0.5)
    assert relation.head.label_ == "A"


def test_no_annotation_differs_from_no_relation(doc):
    assert doc._.mluke_relations == [] and not has_relations(doc)
    doc._.mluke_relations = []
    assert doc._.mluke_relations == [] and has_relations(doc)


def test_relations_survive_bytes_as_doc_and_retokenization(doc):
    doc._.mluke_relations = [Relation(doc.ents[0], doc.ents[1], "met"), Relation(doc.ents[2], doc.ents[3], "saw")]
    assert facts(Doc(doc.vocab).from_bytes(doc.to_bytes())) == facts(doc)
    assert facts(doc[4:8].as_doc(copy_user_data=True)) == {("Carl", "Dora", "saw")}
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[2:4])
    # "Bob" is not a token any more.
    assert facts(doc) == {("Carl", "Dora", "saw")}


def test_values_that_are_not_relations_of_this_document_are_refused(doc):
    other = doc.copy()
    for wrong in ([("Anna", "Bob", "met")], [Relation(other[0:1], other[2:3], "met")]):
        with pytest.raises(ValueError, match=r"\[ML084\]"):
            doc._.mluke_relations = wrong


def labelled(doc, *relations):
    doc = doc.copy()
    doc._.mluke_relations = [Relation(doc[h : h + 1], doc[t : t + 1], label) for h, t, label in relations]
    return doc


def test_gold_pairs_that_were_never_proposed_are_misses(doc):
    predicted = labelled(doc, (0, 2, "met"))
    predicted.ents = predicted.ents[:2]
    scores = score_relations([Example(predicted, labelled(doc, (0, 2, "met"), (4, 6, "saw")))])
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 0.5)
    assert scores["rel_macro_f"] == 0.5
    assert scores["rel_per_type"]["saw"]["f"] == 0.0


def test_a_wrong_direction_is_an_error_and_pooling_joins_labels(doc):
    gold = labelled(doc, (0, 2, "x(e1,e2)"), (4, 6, "x(e2,e1)"))
    predicted = labelled(doc, (0, 2, "x(e1,e2)"), (4, 6, "x(e1,e2)"))
    scores = score_relations([Example(predicted, gold)], pool_directions=True, macro_labels=["x", "y"])
    assert scores["rel_per_type"]["x"]["f"] == 0.5
    assert scores["rel_macro_f"] == 0.25
    turned = score_relations([Example(labelled(doc, (2, 0, "x(e1,e2)")), labelled(doc, (0, 2, "x(e1,e2)")))])
    assert turned["rel_micro_f"] == 0.0


def test_documents_without_gold_relations_are_not_scored(doc):
    assert score_relations([Example(doc, doc.copy())])["rel_micro_f"] is None


def test_a_threshold_removes_improbable_relations(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_relations", threshold=1.0)
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    assert not any(facts(nlp(eg.predicted)) for eg in gold)


def test_two_labels_of_one_pair_are_refused(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    gold = relation_examples(nlp)
    reference = gold[0].reference
    first = reference._.mluke_relations[0]
    reference._.mluke_relations = [first, Relation(first.head, first.tail, "home")]
    with pytest.raises(ValueError, match=r"\[ML086\]"):
        nlp.initialize(lambda: gold)


def test_gold_relations_that_are_never_proposed_are_counted(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    gold = relation_examples(nlp)
    gold[0].predicted.ents = []
    with pytest.warns(UserWarning, match=r"\[ML105\] 1 of 4 gold annotations"):
        nlp.initialize(lambda: gold)


def test_a_blank_entity_has_no_relation_and_is_counted(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    doc = Doc(nlp.vocab, words=["Tokyo", "\n", "Japan"])
    # spaCy removes whitespace from entities, so this span cannot be an entity.
    nlp.get_pipe("mluke_relations").pairs = whitespace_pair
    with pytest.warns(UserWarning, match=r"\[ML104\] 1 of 2 spans"):
        assert facts(nlp(doc)) == set()


def whitespace_pair(docs):
    import numpy

    return [numpy.asarray([[[0, 1], [1, 2]]]) for _ in docs]
