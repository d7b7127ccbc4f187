"""Build an encoder without weights, and list the tensors that it needs from a checkpoint."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Tuple

import torch
from torch.overrides import TorchFunctionMode

from ..network.config import EncoderConfig
from ..network.transformer import LukeEncoder
from .tensor_names import ENTITY_QUERIES


class _WithoutInit(TorchFunctionMode):
    """Skips all functions of `torch.nn.init`."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Any = (),
        kwargs: Optional[Mapping[str, Any]] = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def make_skeleton(config: EncoderConfig, *, visibility: str = "joint", with_pooler: bool = False) -> LukeEncoder:
    """Build an encoder whose parameters have names and shapes, but no memory and no values.

    config (EncoderConfig): The encoder's sizes.
    visibility (str): "joint" or "isolated".
    with_pooler (bool): Whether it has the pooler over <s>, which is not used, only saved again.
    RETURNS (LukeEncoder): The encoder, on the device "meta".
    """
    # Without init: on "meta", the first random number imports torch's compiler.
    with torch.device("meta"), _WithoutInit():
        return LukeEncoder(config, visibility=visibility, with_pooler=with_pooler)


def expected_shapes(config: EncoderConfig, *, with_pooler: bool) -> Dict[str, Tuple[int, ...]]:
    """Return the published names and shapes of an encoder's tensors. No tensor is created, whatever the sizes are.

    config (EncoderConfig): The encoder's sizes.
    with_pooler (bool): Whether the pooler over <s> is included.
    RETURNS (Dict[str, Tuple[int, ...]]): Shape by name.
    """
    width, inner, entity_width = config.hidden_size, config.intermediate_size, config.entity_emb_size
    shapes: Dict[str, Tuple[int, ...]] = {}
    for part, table, rows, columns in (
        ("embeddings", "word_embeddings", config.vocab_size, width),
        ("entity_embeddings", "entity_embeddings", config.entity_vocab_size, entity_width),
    ):
        shapes[f"{part}.{table}.weight"] = (rows, columns)
        shapes[f"{part}.position_embeddings.weight"] = (config.max_position_embeddings, width)
        shapes[f"{part}.token_type_embeddings.weight"] = (config.type_vocab_size, width)
        shapes.update(_with_bias(f"{part}.LayerNorm", (width,)))
    if entity_width != width:
        shapes["entity_embeddings.entity_embedding_dense.weight"] = (width, entity_width)
    projections = ["query", "key", "value", *(ENTITY_QUERIES if config.use_entity_aware_attention else ())]
    for i in range(config.num_hidden_layers):
        layer = f"encoder.layer.{i}"
        for name in projections:
            shapes.update(_with_bias(f"{layer}.attention.self.{name}", (width, width)))
        shapes.update(_with_bias(f"{layer}.attention.output.dense", (width, width)))
        shapes.update(_with_bias(f"{layer}.attention.output.LayerNorm", (width,)))
        shapes.update(_with_bias(f"{layer}.intermediate.dense", (inner, width)))
        shapes.update(_with_bias(f"{layer}.output.dense", (width, inner)))
        shapes.update(_with_bias(f"{layer}.output.LayerNorm", (width,)))
    if with_pooler:
        shapes.update(_with_bias("pooler.dense", (width, width)))
    return shapes


def _with_bias(name: str, shape: Tuple[int, ...]) -> Dict[str, Tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
