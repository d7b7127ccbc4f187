"""Tiny checkpoints in the published format, and documents with marked entities."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import List, Tuple

import numpy
import pytest
import spacy
import torch
from sentencepiece import SentencePieceProcessor
from spacy.language import Language
from spacy.tokens import Doc, Span
from transformers import LukeConfig, LukeForMaskedLM, LukeModel

from tests.checkpoint.checkpoints import FULL, make_checkpoint
from tests.conftest import SAMPLES
from tests.pipeline import cloze_docs
from tests.pipeline.ner_docs import ner_pipeline, train_ner

WORDS = ["Tokyo", "is", "the", "capital", "of", "Japan", "and", "Paris", "is", "the", "capital", "of", "France"]


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, tiny_sentencepiece) -> Path:
    """A LUKE with random weights, two layers and width 16, saved by transformers."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("tiny_checkpoint"), tiny_sentencepiece)


@pytest.fixture(scope="session")
def steady_checkpoint(tmp_path_factory, tiny_sentencepiece) -> Path:
    """The same without dropout, so that training steps can be compared."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("steady_checkpoint"), tiny_sentencepiece, dropout=0.0)


def save_tiny_checkpoint(path: Path, sentencepiece_model: Path, dropout: float = 0.1) -> Path:
    torch.manual_seed(0)
    n_pieces = len(SentencePieceProcessor(model_file=str(sentencepiece_model)))
    config = LukeConfig(
        vocab_size=n_pieces + 4,
        entity_vocab_size=6,
        hidden_size=16,
        entity_emb_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=66,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        use_entity_aware_attention=False,
    )
    model = LukeModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(path)
    shutil.copy(sentencepiece_model, path / "sentencepiece.bpe.model")
    vocab = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:Tokyo": 4, "ja:東京": 4, "en:Paris": 5}
    (path / "entity_vocab.json").write_text(json.dumps(vocab), encoding="utf8")
    return path


@pytest.fixture
def tiny_nlp(tiny_checkpoint) -> Language:
    return make_pipeline(str(tiny_checkpoint))


@pytest.fixture(scope="session")
def small_nlp() -> Language:
    """A pipeline with the bundled checkpoint. Tests must not change it."""
    return make_pipeline("mluke-small")


def make_pipeline(name: str, **config) -> Language:
    nlp = spacy.blank("xx")
    model = {"name": name, **config.pop("model", {})}
    nlp.add_pipe("mluke", config={"model": model, **config})
    return nlp


def make_doc(nlp: Language, text: str, *mentions: str) -> Doc:
    doc = nlp.make_doc(text)
    spans = []
    for mention in mentions:
        start = text.index(mention)
        spans.append(doc.char_span(start, start + len(mention), label="LOC", alignment_mode="expand"))
    doc.ents = spans
    return doc


def capital_docs(nlp: Language) -> List[Doc]:
    return [
        make_doc(nlp, "Tokyo is the capital of Japan.", "Tokyo", "Japan"),
        make_doc(nlp, "Paris est la capitale de la France.", "Paris", "France"),
        make_doc(nlp, "Москва — столица России.", "Москва", "России"),
        make_doc(nlp, ""),
        make_doc(nlp, "No entity here."),
        make_doc(nlp, SAMPLES["cjk_no_spaces"]),
    ]


def states_of(doc: Doc) -> Tuple[numpy.ndarray, numpy.ndarray]:
    return doc._.mluke.vectors, doc._.mluke.token_vectors


def assert_same_states(doc: Doc, other: Doc, atol: float = 1e-5) -> None:
    vectors, tokens = states_of(doc)
    other_vectors, other_tokens = states_of(other)
    assert vectors.shape == other_vectors.shape
    assert tokens.shape == other_tokens.shape
    numpy.testing.assert_allclose(vectors, other_vectors, atol=atol)
    numpy.testing.assert_allclose(tokens, other_tokens, atol=atol)


def bounds(spans: List[Span]) -> List[Tuple[int, int]]:
    return [(span.start, span.end) for span in spans]


@pytest.fixture(scope="module")
def masked_lm(tmp_path_factory, tiny_sentencepiece):
    """A LukeForMaskedLM with random weights, whose vocabulary has two entities with names in several languages."""
    entities = {**FULL, "[MASK2]": 6, "de:Tokio": 3, "en:Moscow": 5, "Q649": 5}
    return make_checkpoint(
        tmp_path_factory.mktemp("masked_lm"), tiny_sentencepiece, entities=entities, model=LukeForMaskedLM,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def overfitted_ner(steady_checkpoint) -> Tuple[Language, List[float]]:
    """A `mluke_ner` that overfits the entities of ner_docs, and its losses. Tests must not change it."""
    nlp = ner_pipeline(steady_checkpoint)
    return nlp, train_ner(nlp)[1]


@pytest.fixture
def fresh_ner(steady_checkpoint) -> Language:
    return ner_pipeline(steady_checkpoint)


@pytest.fixture(scope="session")
def trained_cloze(steady_checkpoint):
    """A `mluke_cloze` that overfits the sentences of cloze_docs. Tests must not change it."""
    nlp = cloze_docs.cloze_pipeline(steady_checkpoint)
    history = cloze_docs.train(nlp)
    assert history[-1] < 0.2 * history[0]
    return nlp
