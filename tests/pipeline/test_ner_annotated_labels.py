"""`mluke_ner` learns from sources that do not annotate all labels."""

from __future__ import annotations

import numpy
import srsly
from spacy.tokens import DocBin
from spacy.training import Example
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.suggesters.candidates import CandidateSpans
from tests.pipeline.ner_docs import bare, ner_examples
from tests.pipeline.steps import copy_of, run_spacy


def gradient_of(nlp, gold, labels):
    """Return the gradient of the logits, by label, summed over candidates without a label; labels are None for all."""
    pipe = nlp.get_pipe("mluke_ner")
    for eg in gold:
        eg.reference._.mluke_annotated_labels = labels
    spans, logits = pipe.predict([eg.predicted for eg in gold])
    logits = numpy.random.default_rng(0).normal(size=logits.shape)
    _, gradient = pipe.get_loss(gold, (spans, logits))
    negative = pipe.gold_classes(gold, CandidateSpans.from_ragged(spans)).class_ids == pipe.negative_id
    return {label: gradient[negative, i] for i, label in enumerate(pipe.classes)}


def test_a_label_that_was_not_annotated_is_no_error_where_nothing_is_marked(fresh_ner):
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold)
    full, partial = gradient_of(fresh_ner, gold, None), gradient_of(fresh_ner, gold, ["LOC"])
    assert (full["PER"] > 0).all()
    assert (partial["PER"] <= 0).all()
    assert (partial["LOC"] > 0).all()


def test_all_labels_listed_are_the_same_as_none_listed(fresh_ner):
    gold = ner_examples(fresh_ner)
    fresh_ner.initialize(lambda: gold)
    full, listed = gradient_of(fresh_ner, gold, None), gradient_of(fresh_ner, gold, ["PER", "LOC"])
    for label in full:
        numpy.testing.assert_allclose(full[label], listed[label], atol=1e-6)


def test_the_labels_of_a_source_survive_a_docbin(fresh_ner):
    doc = ner_examples(fresh_ner)[0].reference
    doc._.mluke_annotated_labels = ["LOC"]
    (again,) = DocBin(docs=[doc], store_user_data=True).get_docs(fresh_ner.vocab)
    assert list(again._.mluke_annotated_labels) == ["LOC"]


def test_evaluation_skips_predicted_labels_that_were_not_annotated(overfitted_ner, tmp_path):
    nlp = copy_of(overfitted_ner[0])
    docs = [eg.reference for eg in ner_examples(nlp)]
    for doc in docs:
        doc.ents = [ent for ent in doc.ents if ent.label_ == "LOC"]
        doc._.mluke_annotated_labels = ["LOC"]
    nlp.to_disk(tmp_path / "pipeline")
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "gold.spacy")
    paths = [tmp_path / name for name in ("pipeline", "gold.spacy")]
    run_spacy("evaluate", *paths, "--output", tmp_path / "spacy.json")
    result = CliRunner().invoke(app, ["evaluate", *map(str, paths), "--output", str(tmp_path / "mluke.json")])
    assert result.exit_code == 0, result.output
    scores = [srsly.read_json(tmp_path / "spacy.json"), srsly.read_json(tmp_path / "mluke.json")["mluke_ner"]]
    assert [(found["ents_p"], found["ents_r"]) for found in scores] == [(1.0, 1.0)] * 2
    for doc in docs:
        doc._.mluke_annotated_labels = None
    assert nlp.evaluate([Example(bare(doc), doc) for doc in docs])["ents_p"] < 1.0
