"""Configs with several components on one encoder train, evaluate, and load again."""

from __future__ import annotations

import io

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config

from tests.conftest import REPO
from tests.pipeline.relation_docs import facts, relation_examples, types


def run_config(config, checkpoint, tmp_path, docs, **overrides):
    """Train with a config and one corpus for train and dev, and return the pipeline that was saved last."""
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=docs, store_user_data=True).to_disk(corpus)
    changes = {
        "paths.checkpoint": str(checkpoint),
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "training.max_steps": 6,
        "training.eval_frequency": 3,
        "training.optimizer.learn_rate.warmup_steps": 0,
        **overrides,
    }
    loaded = load_config(REPO / "configs" / f"{config}.cfg", overrides=changes, interpolate=False)
    (tmp_path / "out").mkdir()
    log = io.StringIO()
    train(init_nlp(loaded), tmp_path / "out", stdout=log, stderr=log)
    return spacy.load(tmp_path / "out" / "model-last"), log.getvalue()


def test_one_encoder_for_relations_types_tags_and_names(steady_checkpoint, tmp_path):
    docs = [eg.reference for eg in relation_examples(spacy.blank("xx"))]
    for doc in docs:
        for token in doc:
            token.tag_ = "PROPN" if token.ent_type_ else "X"
    nlp, log = run_config("joint", steady_checkpoint, tmp_path, docs)
    assert nlp.pipe_names == ["mluke", "tagger", "mluke_relations", "mluke_typing", "ner"]
    assert {"REL_MICRO_F", "TYPES_MICRO_F", "TAG_ACC"} <= set(log.split())
    doc = docs[0].copy()
    given = Doc(nlp.vocab, words=[token.text for token in doc])
    given.ents = [Span(given, 0, 1, label="A"), Span(given, 5, 6, label="B")]
    done = nlp(given)
    assert all(token.tag_ for token in done)
    # Six steps learn nothing, but they read and write everything.
    assert isinstance(facts(done), set) and isinstance(types(done), set)
    assert done.ents[0]._.mluke_types
    files = sorted(path.name for path in (tmp_path / "out" / "model-last").iterdir() if (path / "encoder").exists())
    assert files == ["mluke"]


def test_tagger_parser_and_recognizer_share_one_encoder(steady_checkpoint, tmp_path):
    vocab = spacy.blank("xx").vocab
    words = ["Tokyo", "is", "the", "capital", "of", "Japan"]
    docs = []
    for n in (6, 5, 3, 2):
        doc = Doc(
            vocab,
            words=words[:n],
            tags=["PROPN", "AUX", "DET", "NOUN", "ADP", "PROPN"][:n],
            heads=[1, 1, 3, 1, 5, 3][:n] if n == 6 else [0] * n,
            deps=["nsubj", "ROOT", "det", "attr", "case", "nmod"][:n] if n == 6 else ["ROOT"] + ["dep"] * (n - 1),
            ents=["B-LOC", "O", "O", "O", "O", "B-LOC"][:n],
        )
        docs.append(doc)
    overrides = {"components.parser.min_action_freq": 1}
    nlp, log = run_config("tagger_parser_ner", steady_checkpoint, tmp_path, docs, **overrides)
    assert {"DEP_LAS", "TAG_ACC", "ENTS_F"} <= set(log.split())
    doc = nlp("Tokyo is the capital of Japan")
    assert all(token.tag_ and token.dep_ for token in doc)


@pytest.mark.parametrize(
    ("config", "component"), [("relations_paper", "mluke_relations"), ("typing_paper", "mluke_typing")]
)
def test_the_papers_configs_train_with_another_checkpoint(steady_checkpoint, tmp_path, config, component):
    docs = [eg.reference for eg in relation_examples(spacy.blank("xx"))]
    nlp, _ = run_config(config, steady_checkpoint, tmp_path, docs)
    assert nlp.get_pipe(component).labels
