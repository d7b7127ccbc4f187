"""Scripts of the workflows, on generated sentences."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.util import load_config, resolve_dot_names

from scripts.workflows import convert, evaluate
from scripts.workflows.majority import guess_by
from scripts.workflows.sample import make_sample
from scripts.workflows.tasks import MARKED, STORE, TASKS, find_runs
from scripts.workflows.train import CONFIGS, overrides_of
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.encoder.access import encoder_settings
from tests.report.helpers import relation_run

SYSTEMS = [(task, system) for task, own in TASKS.items() for system in own.systems]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """The corpora of all tasks."""
    folder = tmp_path_factory.mktemp("workflows")
    assert not make_sample(folder / "nowhere", folder / "data", n=16)
    for task in TASKS:
        convert.main(task, folder / "data", folder / task, limit=6, train_limit=0, relations="P36")
    return folder


def read(path):
    return evaluate.read_docs(path)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_training_development_and_test_corpora(corpora, task):
    for name in ("train", "dev", *(f"test/{lang}" for lang in TASKS[task].langs)):
        assert read(corpora / task / f"{name}.spacy"), name


def test_no_paragraph_and_no_fact_is_both_in_the_training_and_in_a_test_set(corpora):
    train = {doc.text for doc in read(corpora / "qa" / "train.spacy")}
    assert not train & {doc.text for doc in read(corpora / "qa" / "test" / "en.spacy")}
    train = {doc.ents[0].kb_id_ for doc in read(corpora / "linking" / "train.spacy")}
    for lang in TASKS["linking"].langs:
        assert not train & {doc.ents[0].kb_id_ for doc in read(corpora / "linking" / "test" / f"{lang}.spacy")}
    assert (corpora / "linking" / STORE).exists()


def test_marked_sentences_have_markers_around_entities_and_the_relation_as_category(corpora):
    doc = read(corpora / "relations" / "train.spacy")[0]
    marked = read(corpora / "relations" / MARKED / "train.spacy")[0]
    words = [token.text for token in marked]
    head, tail = doc.ents
    assert words[words.index("<e1>") + 1 : words.index("</e1>")] == [token.text for token in head]
    assert words[words.index("<e2>") + 1 : words.index("</e2>")] == [token.text for token in tail]
    assert list(marked.cats) == [get_relations(doc)[0].label]


def test_a_text_classifier_does_not_see_the_gold_category_of_test_sentences(corpora):
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat")
    for label in ("a(e1,e2)", "b(e1,e2)"):
        textcat.add_label(label)
    nlp.initialize()
    folder = corpora / "relations"
    data, marked = folder / "test" / "de.spacy", folder / MARKED / "test" / "de.spacy"
    options = {"task": "relations", "lang": "de", "system": "x", "seed": 0, "n_samples": 5}
    run = evaluate.classify_run(nlp, data, marked, **options)
    assert run.metrics["macro_f1"]["value"] == 0.0


@pytest.mark.parametrize("task", [task for task, own in TASKS.items() if own.has_majority])
def test_the_majority_baseline_predicts_the_most_frequent_label_of_the_training_data(corpora, task):
    train = read(corpora / task / "train.spacy")
    guess = guess_by(task, train)
    (doc,) = read(corpora / task / "test" / "de.spacy")[:1]
    guess(doc)
    if task == "relations":
        labels = [relation.label for own in train for relation in get_relations(own)]
        assert get_relations(doc)[0].label == max(set(labels), key=labels.count)
    elif task == "cloze":
        assert len(doc._.mluke_fillers[0]) == 5
    else:
        assert doc.ents[0].kb_id_ in {"", *(ent.kb_id_ for own in train for ent in own.ents)}


@pytest.mark.parametrize(("task", "system"), SYSTEMS)
def test_the_config_of_every_system_accepts_its_overrides(corpora, task, system):
    found = overrides_of(task, system, corpora / task, encoder="x", seed=3, steps=7, eval_frequency=2)
    config = load_config(CONFIGS / TASKS[task].systems[system].config, overrides=found).interpolate()
    assert (config["training"]["max_steps"], config["training"]["seed"]) == (7, 3)
    nlp = spacy.util.load_model_from_config(config, auto_fill=False, validate=True)
    assert resolve_dot_names(config, ["training.train_corpus"]) is not None
    assert all(config["paths"][name] for name in ("train", "dev"))
    if TASKS[task].systems[system].has_encoder:
        (_, pipe) = nlp.pipeline[0]
        assert encoder_settings(pipe.model.get_ref("encoder"))["name"] == "x"


def test_runs_are_found_in_the_order_of_the_systems_with_every_seed(tmp_path):
    for folder in ("majority-0", "mluke-w-0", "mluke-e-1", "mluke-e-0"):
        relation_run("x", "en", 0.5).to_disk(tmp_path / folder / "en.json")
    (tmp_path / "tok2vec-0").mkdir()
    found = [folder.name for folder in find_runs(TASKS["relations"], tmp_path)]
    assert found == ["mluke-e-0", "mluke-e-1", "mluke-w-0", "majority-0"]


def test_a_sample_of_real_data_converts_like_the_full_data(data_dir, tmp_path):
    assert make_sample(data_dir, tmp_path / "data", n=12)
    convert.main("linking", tmp_path / "data", tmp_path / "linking", limit=3, train_limit=0, relations="all")
    docs = list(DocBin().from_disk(tmp_path / "linking" / "train.spacy").get_docs(spacy.blank("xx").vocab))
    assert docs and all(doc.ents[0].kb_id_.startswith("Q") for doc in docs)
