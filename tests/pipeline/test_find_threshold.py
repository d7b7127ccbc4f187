"""`spacy find-threshold` finds a threshold for every component that has one."""

from __future__ import annotations

import pytest
import spacy
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import DocBin
from spacy.training import Example

from tests.pipeline import link_docs, ner_docs, question_docs, relation_docs
from tests.pipeline.steps import copy_of, run_spacy, take_steps


def saved(nlp, gold, folder, component):
    """Save a pipeline that finds the entities of the examples itself, as find-threshold needs it, and the examples."""
    if component != "mluke_qa":
        ruler = nlp.add_pipe("entity_ruler", first=True)
        entities = {(ent.text, ent.label_) for eg in gold for ent in eg.reference.ents}
        ruler.add_patterns([{"label": label, "pattern": text} for text, label in sorted(entities)])
    nlp.to_disk(folder / "pipeline")
    DocBin(docs=[eg.reference for eg in gold], store_user_data=True).to_disk(folder / "dev.spacy")
    return folder / "pipeline", folder / "dev.spacy"


def scores_at(pipeline, gold, component, score, thresholds):
    """Return the scores at thresholds, by loading the pipeline with each."""
    found = []
    for threshold in thresholds:
        nlp = spacy.load(pipeline, config={f"components.{component}.threshold": threshold})
        examples = [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in gold]
        found.append(nlp.evaluate(examples)[score])
    return found


def task(component, checkpoint, folder):
    if component == "mluke_linker":
        nlp = link_docs.link_pipeline(checkpoint, link_docs.link_store(folder).path)
        return nlp, link_docs.link_examples(nlp)
    if component == "mluke_qa":
        nlp = question_docs.question_pipeline(checkpoint)
        return nlp, question_docs.question_examples(nlp)
    nlp = relation_docs.task_pipeline(checkpoint, component)
    return nlp, relation_docs.relation_examples(nlp)


@pytest.mark.parametrize(
    ("component", "score", "steps"),
    [
        ("mluke_relations", "rel_micro_f", 30),
        ("mluke_typing", "types_micro_f", 10),
        ("mluke_linker", "nel_micro_f", 0),
        ("mluke_qa", "qa_f1", 10),
    ],
)
def test_thresholds_are_tried_and_the_best_is_found(component, score, steps, steady_checkpoint, tmp_path):
    nlp, gold = task(component, steady_checkpoint, tmp_path)
    take_steps(nlp, gold, steps, 0.007)
    pipeline, dev = saved(nlp, gold, tmp_path, component)
    best, best_score, scores = find_threshold(pipeline, dev, component, "threshold", score, n_trials=3)
    assert list(scores.values()) == pytest.approx(scores_at(pipeline, gold, component, score, [0.0, 0.5, 1.0]))
    assert best_score == max(scores.values()) == scores[best] > scores[1.0]


def test_the_command_works_for_named_entities(overfitted_ner, tmp_path):
    nlp = copy_of(overfitted_ner[0])
    gold = ner_docs.ner_examples(nlp)
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=[eg.reference for eg in gold], store_user_data=True).to_disk(tmp_path / "dev.spacy")
    data = [tmp_path / "pipeline", tmp_path / "dev.spacy"]
    output = run_spacy("find-threshold", *data, "mluke_ner", "threshold", "ents_f", "--n_trials", "3")
    assert "Best threshold: 0.0 with ents_f value of 1.0" in output
