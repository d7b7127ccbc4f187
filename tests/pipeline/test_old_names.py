"""Names that were changed in 0.2: the old ones work for one release, with a warning."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.util import to_bytes

from spacy_mluke.errors import renamed
from tests.conftest import REPO
from tests.pipeline.link_docs import link_pipeline, link_store
from tests.pipeline.ner_docs import ner_examples, ner_pipeline

SAVED = REPO / "tests" / "saved" / "v0_1_0" / "pipeline"


@pytest.fixture(autouse=True)
def no_earlier_warnings(monkeypatch):
    monkeypatch.setattr(renamed, "_warned", set())


def pretraining(checkpoint, **options):
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_pretraining", config={"model": {"encoder": {"name": str(checkpoint)}}, **options})
    return nlp


@pytest.mark.parametrize(("old", "new"), [("asked", "masked"), ("hidden", "replaced"), ("shown", "visible")])
def test_old_options_of_pretraining_set_the_new_ones(steady_checkpoint, old, new):
    with pytest.warns(FutureWarning, match=rf"\[ML125\].*'{old}'.*'{new}'"):
        nlp = pretraining(steady_checkpoint, **{old: 0.25})
    pipe = nlp.get_pipe("mluke_pretraining")
    assert pipe.cfg[new] == 0.25 and old not in pipe.cfg


def test_old_options_of_pretraining_are_null_in_a_new_config(steady_checkpoint):
    nlp = pretraining(steady_checkpoint)
    config = nlp.config["components"]["mluke_pretraining"]
    assert [config[name] for name in ("asked", "hidden", "shown")] == [None] * 3
    assert [config[name] for name in ("masked", "replaced", "visible")] == [0.5, 0.7, 0.5]


@pytest.mark.filterwarnings("ignore:.*ML125")
def test_saved_options_of_0_1_0_are_loaded_under_their_new_names(tmp_path):
    import shutil

    path = shutil.copytree(SAVED, tmp_path / "pipeline")
    nlp = spacy.load(path)
    assert nlp.get_pipe("mluke_ner").max_candidates_per_piece == 2.0
    assert "keep" not in nlp.get_pipe("mluke_ner").cfg
    found = nlp.get_pipe("mluke_pretraining").cfg
    assert (found["masked"], found["replaced"], found["visible"]) == pytest.approx((0.5, 0.7, 0.5))
    assert not {"asked", "hidden", "shown"} & set(found)


def test_keep_is_the_old_name_of_max_candidates_per_piece(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint)
    nlp.initialize(lambda: ner_examples(nlp))
    pipe = nlp.get_pipe("mluke_ner")
    with pytest.warns(FutureWarning, match=r"\[ML125\].*'keep'.*'max_candidates_per_piece'"):
        pipe.learn_pruning(ner_examples(nlp), keep=0.25)
    assert pipe.max_candidates_per_piece == 0.25
    with pytest.warns(FutureWarning, match=r"\[ML125\] Attribute 'keep'"):
        pipe.keep = 0.75
    assert (pipe.keep, pipe.max_candidates_per_piece) == (0.75, 0.75)


def test_left_out_is_the_old_name_of_skipped(tiny_checkpoint):
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": str(tiny_checkpoint)}})
    doc = Doc(nlp.vocab, words=["Tokyo", " "], spaces=[False, False])
    doc.ents = [Span(doc, 1, 2, "X")]
    with pytest.warns(UserWarning, match=r"\[ML101\]"):
        states = nlp(doc)._.mluke
    with pytest.warns(FutureWarning, match=r"\[ML125\] Attribute 'left_out'.*'skipped'"):
        assert [(span.start, span.end) for span in states.left_out] == [(1, 2)]
    assert [(span.start, span.end) for span in states.skipped] == [(1, 2)]


def test_bytes_of_a_linker_of_0_1_0_are_loaded(steady_checkpoint, tmp_path):
    store = link_store(tmp_path).path
    pipe = link_pipeline(steady_checkpoint, store).get_pipe("mluke_linker")
    pipe.load()
    nested = pipe.to_bytes(exclude=["candidates"])
    old = to_bytes({"component": lambda: nested, "candidates": pipe.candidates.to_bytes}, [])
    other = link_pipeline(steady_checkpoint, None).get_pipe("mluke_linker")
    other.from_bytes(old)
    assert other.candidates.get("Q90").names and other.cfg["grown"]
    weights = [p.loaded_encoder().network.entity_embeddings.entity_embeddings.weight for p in (pipe, other)]
    numpy.testing.assert_array_equal(*[weight.detach().numpy() for weight in weights])
