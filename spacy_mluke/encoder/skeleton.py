"""An encoder without weights, to be put around those of a checkpoint."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Mapping, Optional

import torch
from torch.overrides import TorchFunctionMode

from .config import EncoderConfig
from .transformer import LukeEncoder


class _WithoutInit(TorchFunctionMode):
    """Leaves out all of `torch.nn.init`."""

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
    """Make an encoder whose parameters have shapes and names, but take no memory, and no time to fill.

    config (EncoderConfig): The encoder's sizes.
    visibility (str): "joint" or "isolated".
    with_pooler (bool): Whether it has the layer over <s>. Nothing here uses it; it is carried along.
    RETURNS (LukeEncoder): The encoder, on the device "meta".
    """
    # Even on "meta", random numbers would cost: the first call there imports torch's compiler.
    with torch.device("meta"), _WithoutInit():
        return LukeEncoder(config, visibility=visibility, with_pooler=with_pooler)


def expected_shapes(config: EncoderConfig, *, with_pooler: bool) -> Dict[str, torch.Size]:
    """Names and shapes of an encoder's tensors, as published.

    config (EncoderConfig): The encoder's sizes.
    with_pooler (bool): Whether the layer over <s> is among them.
    RETURNS (Dict[str, torch.Size]): Shape by name.
    """
    state = make_skeleton(config, with_pooler=with_pooler).state_dict()
    return {name: tensor.shape for name, tensor in state.items()}
