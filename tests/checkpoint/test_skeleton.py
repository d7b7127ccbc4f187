"""An encoder without weights needs no memory and no random numbers."""

from __future__ import annotations

import pytest
import torch

from spacy_mluke.checkpoint.skeleton import expected_shapes, make_skeleton
from spacy_mluke.network.config import EncoderConfig

BASE = EncoderConfig(
    vocab_size=250_004,
    entity_vocab_size=1_200_001,
    hidden_size=768,
    entity_emb_size=256,
    num_hidden_layers=12,
    num_attention_heads=12,
    intermediate_size=3072,
    max_position_embeddings=514,
    type_vocab_size=1,
    layer_norm_eps=1e-5,
    use_entity_aware_attention=False,
)


@pytest.mark.parametrize("with_pooler", [True, False])
def test_a_skeleton_has_the_published_names_and_shapes(with_pooler):
    from transformers import LukeConfig, LukeModel

    with torch.device("meta"):
        reference = LukeModel(LukeConfig(**BASE.to_dict()), add_pooling_layer=with_pooler)
    expected = {name: parameter.shape for name, parameter in reference.named_parameters()}
    assert expected_shapes(BASE, with_pooler=with_pooler) == expected


def test_a_skeleton_takes_no_memory_and_no_random_numbers(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("initialized")

    for name in ("normal_", "kaiming_uniform_", "uniform_"):
        monkeypatch.setattr(torch.Tensor, name, refuse, raising=False)
    skeleton = make_skeleton(BASE, visibility="isolated")
    assert skeleton.visibility == "isolated"
    assert all(tensor.is_meta for tensor in skeleton.state_dict().values())
