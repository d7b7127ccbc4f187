"""Errors for invalid input and invalid options."""

from __future__ import annotations

import numpy
import pytest
import spacy
from confection import ConfigValidationError
from thinc.api import Ragged

from tests.pipeline.conftest import make_doc, make_pipeline


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("visibility", "joined", r"\[ML070\] 'joined' is not a value for 'visibility'.*Did you mean 'joint'"),
        ("segmentation", "plane", r"\[ML070\].*Did you mean 'plain'"),
        ("dtype", "float23", r"\[ML070\].*Did you mean 'float32'"),
        ("entity_input", "kbid", r"\[ML070\].*Did you mean 'kb_id'"),
        ("window", 2, r"\[ML071\] 'window' is 2; it must be at least 8"),
        ("max_mention_length", 0, r"\[ML071\]"),
        ("max_mention_length", 2**31, r"\[ML310\] 'max_mention_length' is 2147483648; .* up to 2147483647"),
    ],
)
def test_a_wrong_option_is_named(option, value, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("xx").add_pipe("mluke", config={"model": {option: value}})


def test_isolated_visibility_refuses_a_segmentation_that_depends_on_entities():
    with pytest.raises(ValueError, match=r"\[ML072\]"):
        spacy.blank("xx").add_pipe("mluke", config={"model": {"visibility": "isolated", "segmentation": "published"}})


def test_a_misspelt_option_of_the_component_is_named():
    with pytest.raises(ConfigValidationError, match="keep_tokens_states"):
        spacy.blank("xx").add_pipe("mluke", config={"keep_tokens_states": True})


def test_a_misspelt_option_of_the_encoder_is_named():
    with pytest.raises(ConfigValidationError, match="visibilty"):
        spacy.blank("xx").add_pipe("mluke", config={"model": {"visibilty": "joint"}})


def test_building_reads_no_checkpoint(tmp_path):
    nlp = make_pipeline(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="nowhere"):
        nlp("Tokyo")


def test_a_listener_cannot_read_from_an_mluke_that_keeps_no_token_states(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), keep_token_states=False)
    with pytest.raises(ValueError, match=r"\[ML073\] Component 'tagger' listens to 'mluke'"):
        nlp.add_pipe("tagger", config={"model": {"tok2vec": listener_config()}})


def test_a_suggester_with_wrong_lengths_is_named(tiny_nlp):
    def suggester(docs, ops=None):
        return Ragged(numpy.zeros((2, 2), dtype="i"), numpy.asarray([1], dtype="i"))

    tiny_nlp.get_pipe("mluke").suggester = suggester
    with pytest.raises(ValueError, match=r"\[ML074\]"):
        tiny_nlp("Tokyo")


def test_spans_of_another_doc_are_refused(tiny_nlp):
    def suggester(docs, ops=None):
        return Ragged(numpy.asarray([[0, 9]], dtype="i"), numpy.asarray([1], dtype="i"))

    tiny_nlp.get_pipe("mluke").suggester = suggester
    with pytest.raises(ValueError, match=r"\[ML001\]"):
        tiny_nlp("Tokyo")


def test_only_the_document_that_fails_goes_to_the_error_handler(tiny_nlp):
    failed = []

    def handler(name, component, docs, error):
        failed.extend(doc.text for doc in docs)

    mluke = tiny_nlp.get_pipe("mluke")
    suggest = mluke.suggester

    def suggester(docs, ops=None):
        if any("bad" in doc.text for doc in docs):
            raise ValueError("bad text")
        return suggest(docs, ops=ops)

    mluke.suggester = suggester
    tiny_nlp.set_error_handler(handler)
    docs = [make_doc(tiny_nlp, text) for text in ("one", "two", "bad", "three")]
    assert [doc.text for doc in tiny_nlp.pipe(docs)] == ["one", "two", "three"]
    assert failed == ["bad"]


def listener_config():
    return {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
        "upstream": "*",
    }
