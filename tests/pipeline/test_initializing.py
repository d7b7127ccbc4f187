"""`initialize` without examples: trained components accept it, others say which annotation they need."""

from __future__ import annotations

import warnings

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

import spacy_mluke
from tests.pipeline.ner_docs import ner_examples, ner_pipeline
from tests.pipeline.question_docs import question_examples, question_pipeline
from tests.pipeline.relation_docs import relation_examples, task_pipeline


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def test_the_pipeline_that_links_out_of_the_box_initializes_without_examples():
    nlp = spacy_mluke.load("mluke-small")
    nlp.initialize()
    assert nlp.get_pipe("mluke_linker").loaded_encoder().heads.entity_predictions is not None


def test_a_component_is_added_to_it_and_trained(steady_checkpoint, tmp_path):
    nlp = spacy_mluke.load(str(steady_checkpoint))
    nlp.remove_pipe("mluke_linker")
    nlp.add_pipe("ner")
    doc = Doc(nlp.vocab, words=["Tokyo", "lives"], ents=["B-CITY", "O"])
    optimizer = nlp.initialize(lambda: [Example(doc.copy(), doc)])
    assert nlp.update([Example(nlp.make_doc("Tokyo lives"), doc)], sgd=optimizer)["ner"] > 0.0


def saved_pipelines(checkpoint):
    for nlp, gold in (
        (task_pipeline(checkpoint, "mluke_relations"), relation_examples),
        (task_pipeline(checkpoint, "mluke_typing"), relation_examples),
        (ner_pipeline(checkpoint), ner_examples),
        (question_pipeline(checkpoint), question_examples),
    ):
        nlp.initialize(lambda nlp=nlp, gold=gold: gold(nlp))
        yield nlp


def test_trained_components_initialize_without_examples_and_stay_as_they_are(steady_checkpoint):
    for nlp in saved_pipelines(steady_checkpoint):
        (name, pipe) = nlp.pipeline[-1]
        before = pipe.to_bytes()
        nlp.initialize()
        assert pipe.to_bytes() == before, name


@pytest.mark.parametrize("task", ["mluke_relations", "mluke_typing"])
def test_labels_that_were_added_by_hand_are_enough(steady_checkpoint, task):
    nlp = task_pipeline(steady_checkpoint, task)
    nlp.get_pipe(task).add_label("CITY")
    nlp.initialize()
    assert "CITY" in nlp.get_pipe(task).labels and nlp.get_pipe(task).has_head()


@pytest.mark.parametrize("name", ["mluke_relations", "mluke_ner", "mluke_qa", "mluke_cloze", "mluke_linker"])
def test_a_component_that_needs_training_says_what_it_needs(tiny_checkpoint, name):
    nlp = spacy.blank("xx")
    config = {"model": {"encoder": {"name": str(tiny_checkpoint)}}}
    nlp.add_pipe(name, config=config)
    with pytest.raises(ValueError, match=rf"\[ML(077|204)\].*'{name}'"):
        nlp.initialize()


def test_examples_without_annotation_for_a_trained_component_give_a_warning(steady_checkpoint):
    nlp = task_pipeline(steady_checkpoint, "mluke_relations")
    nlp.initialize(lambda: relation_examples(nlp))
    bare = [Example(nlp.make_doc("Tokyo"), nlp.make_doc("Tokyo"))] * 3
    with pytest.warns(UserWarning, match=r"\[ML113\] 'mluke_relations'.*3 examples.*store_user_data"):
        nlp.initialize(lambda: bare)
