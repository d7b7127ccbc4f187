"""Calibration of the components of a pipeline."""

from __future__ import annotations

import numpy
import pytest
import spacy
import srsly
from spacy.tokens import DocBin, Span
from spacy.training import Example
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.heads.calibration import Calibration
from spacy_mluke.report.calibrate import calibrate
from tests.pipeline import link_docs, ner_docs, question_docs, relation_docs
from tests.pipeline.steps import copy_of, take_steps


def relations(checkpoint, tmp_path):
    nlp = relation_docs.task_pipeline(checkpoint, "mluke_relations")
    return nlp, relation_docs.relation_examples(nlp)


def types(checkpoint, tmp_path):
    nlp = relation_docs.task_pipeline(checkpoint, "mluke_typing")
    return nlp, relation_docs.relation_examples(nlp)


def linker(checkpoint, tmp_path, **config):
    nlp = link_docs.link_pipeline(checkpoint, link_docs.link_store(tmp_path).path, **config)
    return nlp, link_docs.link_examples(nlp)


def global_linker(checkpoint, tmp_path):
    return linker(checkpoint, tmp_path, mode="global")


def questions(checkpoint, tmp_path):
    nlp = question_docs.question_pipeline(checkpoint)
    return nlp, question_docs.question_examples(nlp)


TASKS = (relations, types, linker, global_linker, questions)


def predictions(nlp, gold):
    """Return what a pipeline predicts, and its probabilities."""
    found, scores = [], []
    for eg in gold:
        doc = nlp(eg.predicted.copy())
        groups = [doc.spans[key] for key in ("mluke_ner", "mluke_types") if key in doc.spans]
        found.append([[(span.start, span.end, span.label_) for span in group] for group in groups])
        scores += [float(score) for group in groups for score in group.attrs["scores"]]
        found.append([(rel.head.start, rel.tail.start, rel.label) for rel in doc._.mluke_relations or []])
        scores += [rel.score for rel in doc._.mluke_relations or []]
        found.append([(ent.start, ent.kb_id_) for ent in doc.ents])
        scores += [candidate.score for ent in doc.ents for candidate in ent._.mluke_candidates or []]
        found.append([[answer.text for answer in own] for own in doc._.mluke_answers or []])
        scores += [answer.score for own in doc._.mluke_answers or [] for answer in own]
    return found, scores


def copies(gold):
    return [Example(eg.predicted.copy(), eg.reference) for eg in gold]


@pytest.mark.parametrize("task", TASKS)
def test_calibration_changes_probabilities_but_no_prediction(task, steady_checkpoint, tmp_path):
    nlp, gold = task(steady_checkpoint, tmp_path)
    take_steps(nlp, gold, 30 if task is relations else 5, 0.007)
    found, scores = predictions(nlp, gold)
    (calibrated,) = calibrate(nlp, copies(gold))
    again, changed = predictions(nlp, gold)
    assert again == found
    assert scores and changed != pytest.approx(scores)
    assert calibrated.temperature == nlp.get_pipe(calibrated.name).cfg["temperature"] != 1.0
    assert calibrated.after.loss < calibrated.before.loss
    nlp.to_disk(tmp_path / "saved")
    assert predictions(spacy.load(tmp_path / "saved"), gold)[1] == pytest.approx(changed, abs=1e-5)


def test_relations_of_which_a_pair_may_have_several_get_a_bias(steady_checkpoint, tmp_path):
    nlp = relation_docs.task_pipeline(steady_checkpoint, "mluke_relations", multi_label=True)
    gold = relation_docs.relation_examples(nlp)
    take_steps(nlp, gold, 5, 0.007)
    pipe = nlp.get_pipe("mluke_relations")
    pipe.type_pairs = {"home": [["A", "B"]]}
    (calibrated,) = calibrate(nlp, copies(gold))
    assert calibrated.bias == pipe.cfg["bias"] != 0.0
    assert calibrated.after.loss < calibrated.before.loss
    # Ten pairs with two labels each, without "home" from B to A.
    assert calibrated.after.classified.n == 15
    pipe.cfg["threshold"] = 0.01
    doc = nlp(gold[0].predicted)
    items = pipe.class_logits(gold[:1], pipe.predict([doc]))
    wanted = items.probabilities(Calibration(calibrated.temperature, calibrated.bias))
    assert sorted(rel.score for rel in doc._.mluke_relations) == pytest.approx(sorted(wanted[wanted >= 0.01]))


def test_the_tables_count_the_entities_that_are_kept_and_all_that_were_classified(overfitted_ner):
    nlp = copy_of(overfitted_ner[0])
    gold = ner_docs.ner_examples(nlp)
    found, scores = predictions(nlp, gold)
    (calibrated,) = calibrate(nlp, copies(gold))
    again, changed = predictions(nlp, gold)
    assert again == found and changed != pytest.approx(scores)
    assert calibrated.after.predicted.n == len(scores) == 5
    assert calibrated.after.classified.n >= 5
    assert sum(part.n for part in calibrated.before.predicted.bins) == 5
    assert calibrated.after.predicted.error < calibrated.before.predicted.error
    assert [own.predicted for own in calibrated.thresholds] == [
        sum(score >= own.threshold for score in changed) for own in calibrated.thresholds
    ]
    assert (calibrated.thresholds[0].precision, calibrated.thresholds[0].recall) == (1.0, 1.0)


def test_pruned_candidates_are_no_items(overfitted_ner):
    nlp = copy_of(overfitted_ner[0])
    gold = ner_docs.ner_examples(nlp)
    pipe = nlp.get_pipe("mluke_ner")
    docs = [eg.predicted for eg in gold]
    n_all = len(pipe.class_logits(gold, pipe.predict(docs)))
    pipe.learn_pruning(gold, max_candidates_per_piece=0.2)
    assert 0 < len(pipe.class_logits(gold, pipe.predict(docs))) < n_all


def test_labels_that_annotators_did_not_mark_are_left_out_of_the_tables(overfitted_ner):
    nlp = copy_of(overfitted_ner[0])
    gold = ner_docs.ner_examples(nlp)
    pipe = nlp.get_pipe("mluke_ner")
    eg = Example(nlp(gold[1].predicted), gold[1].reference.copy())
    assert [right for _, right in pipe.judge(eg).found] == [True, True]
    eg.reference.ents = [ent for ent in eg.reference.ents if ent.label_ == "LOC"]
    assert [right for _, right in pipe.judge(eg).found] == [False, True]
    eg.reference._.mluke_annotated_labels = ["LOC"]
    assert [right for _, right in pipe.judge(eg).found] == [True]
    items = pipe.class_logits([eg], pipe.predict([eg.predicted]))
    assert items.truth.reshape((-1, 3)).sum(axis=1).max() == 2


def test_entities_on_tokens_without_annotation_are_left_out_of_the_tables(overfitted_ner):
    nlp = copy_of(overfitted_ner[0])
    reference = ner_docs.ner_docs(nlp)[0]
    reference.set_ents([reference.ents[1]], missing=[reference[0:1]], default="outside")
    eg = Example(nlp(ner_docs.bare(reference)), reference)
    assert [right for _, right in nlp.get_pipe("mluke_ner").judge(eg).found] == [True]


def test_a_mention_whose_entity_is_no_candidate_is_wrong_in_the_table_and_not_fitted(steady_checkpoint, tmp_path):
    nlp, gold = linker(steady_checkpoint, tmp_path)
    nlp.initialize(lambda: gold)
    reference = gold[0].reference
    reference.ents = [Span(reference, ent.start, ent.end, ent.label_, kb_id="Q0") for ent in reference.ents]
    pipe = nlp.get_pipe("mluke_linker")
    eg = Example(nlp(gold[0].predicted), reference)
    assert [right for _, right in pipe.judge(eg).found] == [False, False]
    assert len(pipe.class_logits([eg], pipe.predict([eg.predicted]))) == 0


def test_a_question_without_an_answer_has_no_answer_as_its_gold_class(steady_checkpoint, tmp_path):
    nlp, gold = questions(steady_checkpoint, tmp_path)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_qa")
    items = pipe.class_logits(gold, pipe.predict([eg.predicted for eg in gold]))
    owners = numpy.arange(len(items)).repeat(items.lengths)
    is_answer = numpy.bincount(owners, weights=items.truth & ~items.negative)
    assert is_answer.tolist() == [1.0, 1.0, 1.0, 0.0, 1.0]
    assert numpy.bincount(owners, weights=items.truth).tolist() == [1.0] * 5
    assert numpy.bincount(owners, weights=items.negative).tolist() == [1.0] * 5


def test_the_score_of_an_answer_is_its_probability_among_the_classes(steady_checkpoint, tmp_path):
    nlp, gold = questions(steady_checkpoint, tmp_path)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_qa")
    pipe.cfg.update(null_threshold=None, temperature=2.5)
    prediction = pipe.predict([eg.predicted for eg in gold])
    items = pipe.class_logits(gold, prediction)
    probabilities = items.probabilities(Calibration(2.5))
    ends = numpy.cumsum(items.lengths)
    pipe.set_annotations([eg.predicted for eg in gold], prediction)
    answers = [own[0] for eg in gold for own in eg.predicted._.mluke_answers]
    best = [own[:-1].max() for own in numpy.split(probabilities, ends[:-1])]
    assert [answer.score for answer in answers] == pytest.approx(best, rel=1e-4)
    assert [answer.null_score for answer in answers] == pytest.approx(probabilities[ends - 1], rel=1e-4)


def test_answers_below_the_threshold_are_left_out(steady_checkpoint, tmp_path):
    nlp, gold = questions(steady_checkpoint, tmp_path)
    nlp.initialize(lambda: gold)
    pipe = nlp.get_pipe("mluke_qa")
    pipe.cfg.update(null_threshold=None, top_k=3)
    found = pipe.answer(gold[0].predicted, "capital of Japan")
    pipe.cfg["threshold"] = found[1].score
    assert pipe.answer(gold[0].predicted, "capital of Japan") == found[:2]


def test_without_gold_annotation_nothing_is_calibrated(overfitted_ner):
    nlp = copy_of(overfitted_ner[0])
    docs = [ner_docs.bare(doc) for doc in ner_docs.ner_docs(nlp)]
    with pytest.raises(ValueError, match=r"\[ML398\].*'mluke_ner'"):
        calibrate(nlp, [Example(doc, doc.copy()) for doc in docs])


def test_a_component_without_probabilities_cannot_be_calibrated(overfitted_ner):
    nlp = copy_of(overfitted_ner[0])
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=r"\[ML397\] 'sentencizer'.*: mluke_ner"):
        calibrate(nlp, [], components=["sentencizer"])
    with pytest.raises(ValueError, match=r"\[ML251\].*Did you mean 'mluke_ner'"):
        calibrate(nlp, [], components=["mluke_nr"])
    with pytest.raises(ValueError, match="ML396"):
        calibrate(spacy.blank("xx"), [])


def test_the_command_prints_tables_and_writes_the_pipeline(overfitted_ner, tmp_path):
    nlp = copy_of(overfitted_ner[0])
    nlp.to_disk(tmp_path / "pipeline")
    gold = [eg.reference for eg in ner_docs.ner_examples(nlp)]
    DocBin(docs=gold, store_user_data=True).to_disk(tmp_path / "dev.spacy")
    names = [tmp_path / name for name in ("pipeline", "dev.spacy", "calibrated")]
    result = CliRunner().invoke(app, ["calibrate", *map(str, names), "--tables", str(tmp_path / "tables.json")])
    assert result.exit_code == 0, result.output
    assert "calibration error" in result.output and "threshold" in result.output
    (table,) = srsly.read_json(tmp_path / "tables.json")
    calibrated = spacy.load(tmp_path / "calibrated").get_pipe("mluke_ner")
    assert calibrated.cfg["temperature"] == table["temperature"] != 1.0
    assert len(table["after"]["predicted"]["bins"]) == 10


def test_an_override_of_the_temperature_takes_effect(overfitted_ner, tmp_path):
    nlp = copy_of(overfitted_ner[0])
    nlp.get_pipe("mluke_ner").cfg["temperature"] = 2.0
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("mluke_ner").cfg["temperature"] == 2.0
    other = spacy.load(tmp_path, config={"components.mluke_ner.temperature": 0.5})
    assert other.get_pipe("mluke_ner").cfg["temperature"] == 0.5
