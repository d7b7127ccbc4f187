"""Dense layers in eight bits, where nothing is to be differentiated.

Weights are rounded once, each output with a scale of its own; rows are rounded as they come, each row to 256 steps from
its least number to its largest. So what becomes of a row does not depend on the rows beside it, and a document gets the
same states alone and in a batch. Steps lie between the two ends, not on both sides of zero, because encoders have few
numbers that are far larger than the others, and these are mostly of one sign. Products and sums are integers and exact;
oneDNN computes them, through the operators that torch has for its compiler (`onednn::qlinear_pointwise`).

The weights in full stay where they are, to be saved and trained: those in eight bits are made from them at first use,
and again after they have changed.
"""

from __future__ import annotations

import functools
from typing import Any, Dict, Optional, Tuple, cast

import torch
from torch import Tensor, nn

# Weights are -127 to 127, rows 0 to 255: oneDNN takes unsigned ones on all processors.
_LARGEST_WEIGHT, _STEPS = 127, 255
# Scales are no smaller, so that nothing is divided by zero, nor inverted to infinity.
_TINY = torch.finfo(torch.float32).tiny * 1024
# Floats of a layer's input or output that are held at once.
_MAX_FLOATS = 3 << 20


class Int8Linear:
    """A dense layer, or several that lie side by side, in eight bits.

    weight (Tensor): Shape: (n_out, n_in), float32.
    bias (Tensor): Shape: (n_out,), float32.
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        weight, bias = weight.detach(), bias.detach()
        scales = weight.abs().amax(1, keepdim=True).clamp_(min=_TINY).div_(_LARGEST_WEIGHT)
        rounded = torch.round(weight / scales).to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._scales = scales.flatten()
        self._zeros = torch.zeros(len(weight), dtype=torch.int32)
        self._bias = bias
        # What an output gets for each unit that a whole row is shifted by.
        self._shifts = rounded.sum(1) * self._scales
        self._rows_at_once = max(32, _MAX_FLOATS // max(weight.shape) // 32 * 32)

    def __call__(self, rows: Tensor, residual: Optional[Tensor] = None) -> Tensor:
        """The layer, plus a residual.

        rows (Tensor): Shape: (n_rows, n_in), float32.
        residual (Optional[Tensor]): Shape: (n_rows, n_out), float32.
        RETURNS (Tensor): Shape: (n_rows, n_out), float32.
        """
        found = rows.new_empty((len(rows), len(self._bias)))
        for start in range(0, len(rows), self._rows_at_once):
            part = slice(start, start + self._rows_at_once)
            rounded, scales, least = round_to_steps(rows[part])
            products = self.multiply(rounded)
            if residual is None:
                torch.addcmul(self._bias, products, scales, out=found[part])
            else:
                torch.addcmul(residual[part], products, scales, out=found[part]).add_(self._bias)
            found[part].addcmul_(least, self._shifts)
        return found

    def multiply(self, rounded: Tensor) -> Tensor:
        """Products of rounded rows, in units of each row's step. Shapes: (n_rows, n_in), uint8; (n_rows, n_out)."""
        return torch.ops.onednn.qlinear_pointwise(
            rounded, 1.0, 0, self._weight, self._scales, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )


def round_to_steps(rows: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Round each row to steps from its least number to its largest.

    rows (Tensor): Shape: (n_rows, n_in), float32.
    RETURNS (Tuple[Tensor, Tensor, Tensor]): The rows in steps, uint8; how far a step is, and where they begin. Shapes:
        (n_rows, n_in), (n_rows, 1), (n_rows, 1).
    """
    # With zero between the ends, no number is large beside their distance.
    least = rows.amin(1, keepdim=True).clamp_(max=0)
    scales = rows.amax(1, keepdim=True).clamp_(min=0).sub_(least).clamp_(min=_TINY).div_(_STEPS)
    inverse = scales.reciprocal()
    # To uint8 is towards zero.
    return (rows * inverse).add_(0.5 - least * inverse).to(torch.uint8), scales, least


class Int8Cache:
    """Layers in eight bits that a module has made of its own. Copies and pickles of it are empty."""

    def __init__(self) -> None:
        self._layers: Dict[Tuple[int, int], Int8Linear] = {}

    def get(self, weight: Tensor, bias: Tensor) -> Int8Linear:
        """A layer in eight bits, made now if there is none of that weight.

        weight (Tensor): Shape: (n_out, n_in), float32, on the CPU.
        bias (Tensor): Shape: (n_out,), float32.
        RETURNS (Int8Linear): The layer.
        """
        key = (weight.data_ptr(), len(weight))
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = Int8Linear(weight, bias)
        return layer

    def clear(self) -> None:
        """Forget the layers: the weights have changed."""
        self._layers = {}

    def __deepcopy__(self, memo: Dict[int, Any]) -> Int8Cache:
        return Int8Cache()

    def __reduce__(self) -> Tuple[type, Tuple]:
        return Int8Cache, ()


def set_int8(network: nn.Module, is_on: bool) -> None:
    """Let the dense layers of an encoder run in eight bits, wherever `runs_int8` allows it, or no longer.

    network (nn.Module): A LukeEncoder.
    is_on (bool): Whether to.
    """
    for module in network.modules():
        if hasattr(module, "int8"):
            cast(Any, module).int8 = Int8Cache() if is_on else None


def clear_int8(network: nn.Module) -> None:
    """Have the layers in eight bits made anew: the weights have changed.

    network (nn.Module): A LukeEncoder.
    """
    for module in network.modules():
        cache = getattr(module, "int8", None)
        if isinstance(cache, Int8Cache):
            cache.clear()


def runs_int8(rows: Tensor) -> bool:
    """Whether rows go through layers in eight bits, if there are any: on the CPU, in float32, without gradients.

    rows (Tensor): Any tensor of the type and on the device that the rows will have.
    RETURNS (bool): Whether they do.
    """
    return (
        rows.dtype == torch.float32
        and rows.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and has_int8()
    )


@functools.cache
def has_int8() -> bool:
    """Whether this torch, on this processor, multiplies in eight bits, and gives what it should."""
    # Sums of two products of the largest numbers overflow 16 bits, in which some processors hold them.
    rows = torch.full((40, 512), 3.0)
    rows[1::2, 1::2] = -3.0
    weight = torch.full((24, 512), 0.5)
    weight[::3, ::2] = -0.5
    bias = torch.linspace(-1, 1, 24)
    try:
        found = Int8Linear(weight, bias)(rows)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        # A torch built without it, or a later one that has changed it.
        return False
    return torch.allclose(found, rows @ weight.T + bias, rtol=1e-4, atol=1e-2)
