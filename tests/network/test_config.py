"""Reading, checking and writing configs."""

from __future__ import annotations

import json

import pytest
from transformers import LukeConfig

from spacy_mluke.network.config import EncoderConfig


@pytest.fixture
def content():
    """The config that transformers writes for mluke-base."""
    config = LukeConfig(
        vocab_size=250004,
        entity_vocab_size=1200001,
        use_entity_aware_attention=False,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        id2label={0: "no_relation", 1: "per:title"},
        label2id={"no_relation": 0, "per:title": 1},
    )
    return json.loads(config.to_json_string(use_diff=False))


def test_config_reads_what_transformers_writes(content):
    config = EncoderConfig.from_dict(content)
    assert (config.vocab_size, config.entity_vocab_size, config.hidden_size) == (250004, 1200001, 768)
    assert (config.head_size, config.max_pieces) == (64, 512)
    assert config.use_entity_aware_attention is False


def test_config_keeps_unknown_keys(content):
    config = EncoderConfig.from_dict(content)
    assert config.extra["id2label"] == {"0": "no_relation", "1": "per:title"}
    assert config.to_dict() == content
    assert EncoderConfig.from_dict(config.to_dict()) == config


def test_from_dict_does_not_change_its_argument(content):
    before = json.dumps(content)
    EncoderConfig.from_dict(content)
    assert json.dumps(content) == before


def test_a_config_that_is_not_an_object_is_an_error():
    with pytest.raises(ValueError, match=r"ML021.*list"):
        EncoderConfig.from_dict([])


@pytest.mark.parametrize("family", ["roberta", None, 3])
def test_a_config_of_another_model_is_an_error(content, family):
    with pytest.raises(ValueError, match=r"ML022"):
        EncoderConfig.from_dict({**content, "model_type": family})


@pytest.mark.parametrize("key", ["hidden_size", "layer_norm_eps", "use_entity_aware_attention"])
def test_a_missing_key_is_named(content, key):
    del content[key]
    with pytest.raises(ValueError, match=rf"ML023.*{key}"):
        EncoderConfig.from_dict(content)


@pytest.mark.parametrize(
    "key,value",
    [
        ("hidden_size", 0),
        ("hidden_size", -768),
        ("hidden_size", "768"),
        ("hidden_size", 768.0),
        ("num_hidden_layers", True),
        ("vocab_size", None),
        ("pad_token_id", None),
        ("layer_norm_eps", "1e-5"),
        ("layer_norm_eps", float("nan")),
        ("hidden_dropout_prob", 1),
        ("attention_probs_dropout_prob", -0.1),
        ("use_entity_aware_attention", 1),
        ("max_position_embeddings", 2),
    ],
)
def test_an_invalid_value_is_named(content, key, value):
    with pytest.raises(ValueError, match=rf"ML024.*{key}"):
        EncoderConfig.from_dict({**content, key: value})


def test_the_number_of_heads_must_divide_the_width(content):
    with pytest.raises(ValueError, match=r"ML026.*768.*10"):
        EncoderConfig.from_dict({**content, "num_attention_heads": 10})


@pytest.mark.parametrize("name", ["geglu", None, 3])
def test_an_unknown_activation_is_an_error_with_the_known_ones(content, name):
    with pytest.raises(ValueError, match=r"ML024.*gelu"):
        EncoderConfig.from_dict({**content, "hidden_act": name})


@pytest.mark.parametrize(
    "typo,known",
    [
        ("hiden_size", "hidden_size"),
        ("num_hidden_layer", "num_hidden_layers"),
        ("hidden_dropout_probs", "hidden_dropout_prob"),
        ("layer_norm_epsilon", "layer_norm_eps"),
        ("modeltype", "model_type"),
    ],
)
def test_a_mistyped_key_is_an_error_with_the_right_one(content, typo, known):
    content[typo] = content.pop(known)
    with pytest.raises(ValueError, match=rf"ML025.*'{typo}'.*'{known}'"):
        EncoderConfig.from_dict(content)


def test_sizes_are_checked_on_construction_too(content):
    config = EncoderConfig.from_dict(content)
    values = {key: getattr(config, key) for key in config.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"ML024.*entity_vocab_size"):
        EncoderConfig(**{**values, "entity_vocab_size": 0})
