"""Freeze parts of the network, so that training does not change them."""

from __future__ import annotations

import contextlib
import re
from typing import Iterable, Iterator, List, Sequence

from torch import nn

from ..errors import Errors, did_you_mean
from .transformer import LukeEncoder

PARTS = ("word_embeddings", "embeddings", "entity_embeddings", "all")
_LAYERS = re.compile(r"layers:(\d+)(?:-(\d+))?")


def check_parts(parts: Iterable[str]) -> List[str]:
    """Check the names of parts.

    parts (Iterable[str]): "word_embeddings" (the word table), "embeddings" (all embeddings of words),
        "entity_embeddings" (all embeddings of entities), "layers:0-5" or "layers:3" (layers from the bottom, both ends
        included), "all".
    RETURNS (List[str]): The names.
    RAISES (ValueError): ML252 for another name.
    """
    found = [parts] if isinstance(parts, str) else list(parts)
    for part in found:
        layers = _LAYERS.fullmatch(str(part))
        if (part not in PARTS and not layers) or (layers and layers[2] and int(layers[2]) < int(layers[1])):
            hint = did_you_mean(part, (*PARTS, "layers:0-5"))
            raise ValueError(Errors.ML252.format(part=part, names=", ".join(PARTS), hint=hint))
    return found


def freeze(network: LukeEncoder, parts: Sequence[str]) -> None:
    """Freeze parts of a network. The backward pass stops at a layer if everything below it is frozen.

    network (LukeEncoder): The network.
    parts (Sequence[str]): As for `check_parts`.
    RAISES (ValueError): ML253 for a layer that the network does not have.
    """
    for part in parts:
        for module in _modules(network, part):
            module.requires_grad_(False)


@contextlib.contextmanager
def frozen_except(network: LukeEncoder, prefix: str) -> Iterator[None]:
    """Freeze all parameters of a network except one part, within a context.

    network (LukeEncoder): The network.
    prefix (str): Prefix of the names of the part's parameters.
    """
    others = [p for name, p in network.named_parameters() if p.requires_grad and not name.startswith(prefix)]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def _modules(network: LukeEncoder, part: str) -> List[nn.Module]:
    layers = _LAYERS.fullmatch(part)
    if layers is None:
        named = {
            "word_embeddings": network.embeddings.word_embeddings,
            "embeddings": network.embeddings,
            "entity_embeddings": network.entity_embeddings,
            "all": network,
        }
        return [named[part]]
    first, last = int(layers[1]), int(layers[2] or layers[1])
    n_layers = len(network.encoder.layer)
    if last >= n_layers:
        raise ValueError(Errors.ML253.format(part=part, n=n_layers, last=n_layers - 1))
    return list(network.encoder.layer)[first : last + 1]
