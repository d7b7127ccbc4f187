"""Entity types: gold annotation, predictions, scores."""

from __future__ import annotations

import math

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam

from spacy_mluke.scorers.groups import score_types
from tests.pipeline.relation_docs import relation_examples, task_pipeline, types


def trained(checkpoint, **config):
    nlp = task_pipeline(checkpoint, "mluke_typing", **config)
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    optimizer = Adam(learn_rate=0.01, L2=0.0)
    for _ in range(30):
        nlp.update(gold, sgd=optimizer)
    return nlp, gold


def test_every_entity_has_the_probability_of_every_type(steady_checkpoint):
    nlp, gold = trained(steady_checkpoint)
    doc = nlp(gold[0].predicted)
    found = doc.ents[0]._.mluke_types
    assert set(found) == {"NAME", "LAND"}
    assert all(0.0 <= score <= 1.0 for score in found.values())
    assert doc[1:2]._.mluke_types == {}


def test_the_span_group_contains_types_that_reach_the_threshold(steady_checkpoint):
    nlp, gold = trained(steady_checkpoint, threshold=0.7)
    doc = nlp(gold[0].predicted)
    wanted = {
        (ent.text, label) for ent in doc.ents for label, score in ent._.mluke_types.items() if score >= 0.7
    }  # fmt: skip
    assert types(doc) == wanted != set()
    group = doc.spans["mluke_types"]
    assert group.attrs["scores"] == pytest.approx([span._.mluke_types[span.label_] for span in group])


def test_overwrite_label_relabels_entities_and_keeps_their_ids(steady_checkpoint):
    nlp, gold = trained(steady_checkpoint, overwrite_label=True)
    doc = gold[0].predicted
    doc.ents = [Span(doc, 0, 1, label="A", kb_id="Q1490"), doc.ents[1]]
    doc = nlp(doc)
    assert [ent.label_ for ent in doc.ents] == [max(e._.mluke_types, key=e._.mluke_types.get) for e in doc.ents]
    assert doc.ents[0].kb_id_ == "Q1490"


def test_overwrite_label_keeps_blocked_tokens_and_those_without_annotation(steady_checkpoint):
    nlp, _ = trained(steady_checkpoint, overwrite_label=True)
    doc = nlp.make_doc("Tokyo is the capital of Japan")
    doc.set_ents([Span(doc, 0, 1, label="X")], blocked=[doc[2:3]], missing=[doc[4:5]])
    before = doc.to_array("ENT_IOB").tolist()
    assert nlp(doc).to_array("ENT_IOB").tolist() == before


def test_without_the_group_entity_labels_are_gold(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_typing")
    gold = relation_examples(nlp)
    for eg in gold:
        del eg.reference.spans["mluke_types"]
    nlp.initialize(lambda: gold)
    assert nlp.get_pipe("mluke_typing").labels == ("A", "B")


def test_another_suggester_can_suggest_the_spans(steady_checkpoint):
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"}
    nlp, gold = trained(steady_checkpoint, suggester=suggester)
    doc = gold[0].predicted
    doc.spans["sc"] = [doc[0:2], doc[0:2], doc[0:1]]
    doc = nlp(doc)
    assert doc[0:2]._.mluke_types and doc[0:1]._.mluke_types and not doc[5:6]._.mluke_types


def test_spans_without_annotation_do_not_train(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_typing")
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_typing")
    doc = gold[0].predicted
    doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 2, 4, "B")]
    truth, is_annotated, n_missed = pipe.targets(gold[:1], pipe.propose([doc]))
    assert is_annotated.tolist() == [True, False]
    assert truth.sum() == 1 and n_missed == 2


def test_scores_compare_spans_and_labels():
    doc = Doc(spacy.blank("xx").vocab, words=["a", "b", "c"])
    gold, predicted = doc.copy(), doc.copy()
    gold.spans["mluke_types"] = [Span(gold, 0, 1, "X"), Span(gold, 0, 1, "Y"), Span(gold, 1, 2, "X")]
    predicted.spans["mluke_types"] = [Span(predicted, 0, 1, "X"), Span(predicted, 2, 3, "X")]
    scores = score_types([Example(predicted, gold)], spans_key="mluke_types")
    assert scores["types_micro_p"] == 0.5
    assert scores["types_micro_r"] == pytest.approx(1 / 3)
    assert scores["types_per_type"]["Y"]["f"] == 0.0
    assert score_types([Example(doc, doc.copy())], spans_key="mluke_types")["types_micro_f"] is None


def test_a_fresh_head_starts_with_the_odds_of_the_types(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_typing")
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_typing")
    truth, is_annotated, _ = pipe.targets(gold, pipe.propose([eg.predicted for eg in gold]))
    n, counts = int(is_annotated.sum()), truth[is_annotated].sum(axis=0)
    expected = [math.log((count + 0.5) / (n + 0.5 - count)) for count in counts]
    assert pipe.model.get_ref("linear").get_param("b").tolist() == pytest.approx(expected, abs=1e-5)
