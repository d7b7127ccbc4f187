"""Apply several dense layers to the same rows in one matrix product, without a second copy of their weights."""

from __future__ import annotations

from typing import List, Sequence, Tuple

import torch
from torch import Tensor, nn


def fused(layers: Sequence[nn.Linear], start: int, end: int) -> Tuple[Tensor, Tensor]:
    """Return the weight and bias of one dense layer that computes the outputs of several layers, side by side.

    Without gradients, the parameters of all `layers` are moved into one tensor, each as a view of its part, and the
    result is a view too. So there is one copy of the weights, which is always current: if parameters are moved
    elsewhere (`.to()`, `copy.deepcopy`, loading with `assign=True`), they are packed again. In training, the parameters
    are concatenated in each call, and gradients flow to them.

    layers (Sequence[nn.Linear]): All layers of one shape that are ever fused with each other, in a constant order.
    start (int): Number of the first layer to fuse.
    end (int): One after the last layer to fuse.
    RETURNS (Tuple[Tensor, Tensor]): Weight and bias. Shapes: ((end - start) * n_out, n_in), ((end - start) * n_out,).
    """
    weights: List[Tensor] = [layer.weight for layer in layers]
    biases: List[Tensor] = [layer.bias for layer in layers]
    if torch.is_grad_enabled() and any(p.requires_grad for p in (*weights, *biases)):
        return torch.cat(weights[start:end]), torch.cat(biases[start:end])
    n_out = len(weights[0])
    rows = slice(start * n_out, end * n_out)
    return _packed(weights)[rows], _packed(biases)[rows]


def unpack(layers: Sequence[nn.Linear]) -> None:
    """Give each parameter a separate tensor again: a pickle of a view contains the whole tensor that it is a view of.

    layers (Sequence[nn.Linear]): Layers that may have been fused.
    """
    for parameters in ([layer.weight for layer in layers], [layer.bias for layer in layers]):
        if _are_packed(parameters):
            for parameter in parameters:
                parameter.data = parameter.detach().clone()


def _packed(parameters: Sequence[Tensor]) -> Tensor:
    first = parameters[0]
    if not _are_packed(parameters):
        # A tensor created in inference mode could not be trained.
        with torch.inference_mode(False), torch.no_grad():
            whole = torch.cat([p.detach() for p in parameters])
            for parameter, part in zip(parameters, whole.split(len(first)), strict=True):
                parameter.data = part
        # The packed tensor, not a view of the parameters: another thread may pack them at the same time.
        return whole
    shape = (len(parameters) * len(first), *first.shape[1:])
    return first.detach().as_strided(shape, first.stride(), first.storage_offset())


def _are_packed(parameters: Sequence[Tensor]) -> bool:
    first = parameters[0]
    n_bytes = first.numel() * first.element_size()
    storage = first.untyped_storage().data_ptr()
    return first.is_contiguous() and all(
        p.data_ptr() == first.data_ptr() + i * n_bytes
        and p.untyped_storage().data_ptr() == storage
        and p.dtype == first.dtype
        and p.is_contiguous()
        for i, p in enumerate(parameters)
    )
