"""Dense layers in 8 bits, for prediction on CPUs.

Weights are rounded once, with a scale for each output. Rows are rounded in each call, each row to 256 steps from its
minimum to its maximum. So the result for a row does not depend on the other rows, and a document gets the same states
alone and in a batch. Steps lie between minimum and maximum, not symmetrically around zero, because a few numbers in the
states of encoders are far larger than the others, mostly with one sign. Products and sums are exact integers, computed
by oneDNN through operators that torch has for its compiler (`onednn::qlinear_pointwise`).

The weights in full precision are kept for saving and training. Weights in 8 bits are computed from them at first use,
and again after they have changed.
"""

from __future__ import annotations

import functools
from typing import Any, Dict, Optional, Tuple, cast

import torch
from torch import Tensor, nn

# Weights are -127 to 127, rows 0 to 255: oneDNN supports unsigned rows on all processors.
_LARGEST_WEIGHT, _STEPS = 127, 255
# Minimum of a scale, so that no division by zero or infinite inverse occurs.
_TINY = torch.finfo(torch.float32).tiny * 1024
# Maximum number of floats of a layer's input or output that are processed at once.
_MAX_FLOATS = 3 << 20


class Int8Linear:
    """A dense layer in 8 bits, or several layers side by side.

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
        # Change of each output if all numbers of a row increase by one.
        self._shifts = rounded.sum(1) * self._scales
        self._rows_at_once = max(32, _MAX_FLOATS // max(weight.shape) // 32 * 32)

    def __call__(self, rows: Tensor, residual: Optional[Tensor] = None) -> Tensor:
        """Apply the layer, and add a residual.

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
        """Multiply rounded rows, in units of each row's step.

        rounded (Tensor): Shape: (n_rows, n_in), uint8.
        RETURNS (Tensor): Shape: (n_rows, n_out), float32.
        """
        return torch.ops.onednn.qlinear_pointwise(
            rounded, 1.0, 0, self._weight, self._scales, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )


def round_to_steps(rows: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Round each row to 256 steps from its minimum to its maximum.

    rows (Tensor): Shape: (n_rows, n_in), float32.
    RETURNS (Tuple[Tensor, Tensor, Tensor]): The rows in steps, uint8; the size of a step; the value of step 0. Shapes:
        (n_rows, n_in), (n_rows, 1), (n_rows, 1).
    """
    # The range includes zero, so that no number is large compared with the range.
    least = rows.amin(1, keepdim=True).clamp_(max=0)
    scales = rows.amax(1, keepdim=True).clamp_(min=0).sub_(least).clamp_(min=_TINY).div_(_STEPS)
    inverse = scales.reciprocal()
    # Conversion to uint8 rounds towards zero.
    return (rows * inverse).add_(0.5 - least * inverse).to(torch.uint8), scales, least


class Int8Cache:
    """The layers in 8 bits of a module, computed at first use. Copies and pickles of the cache are empty."""

    def __init__(self) -> None:
        self._layers: Dict[Tuple[int, int], Int8Linear] = {}

    def get(self, weight: Tensor, bias: Tensor) -> Int8Linear:
        """Return the layer in 8 bits of a weight; create it at the first call.

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
        """Remove the layers, after the weights have changed."""
        self._layers = {}

    def __deepcopy__(self, memo: Dict[int, Any]) -> Int8Cache:
        return Int8Cache()

    def __reduce__(self) -> Tuple[type, Tuple]:
        return Int8Cache, ()


def set_int8(network: nn.Module, is_on: bool) -> None:
    """Turn 8-bit dense layers of an encoder on or off. They are used if `runs_int8` returns True.

    network (nn.Module): A LukeEncoder.
    is_on (bool): Whether to turn them on.
    """
    for module in network.modules():
        if hasattr(module, "int8"):
            cast(Any, module).int8 = Int8Cache() if is_on else None


def clear_int8(network: nn.Module) -> None:
    """Remove all layers in 8 bits of an encoder, after its weights have changed.

    network (nn.Module): A LukeEncoder.
    """
    for module in network.modules():
        cache = getattr(module, "int8", None)
        if isinstance(cache, Int8Cache):
            cache.clear()


def runs_int8(rows: Tensor) -> bool:
    """Return whether layers in 8 bits can be used for rows: on the CPU, in float32, without gradients.

    rows (Tensor): Any tensor with the type and the device of the rows.
    RETURNS (bool): True if they can.
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
    """Return whether torch multiplies in 8 bits on this processor, with correct results."""
    # The sum of two products of the largest numbers overflows 16 bits, which some processors use for it.
    rows = torch.full((40, 512), 3.0)
    rows[1::2, 1::2] = -3.0
    weight = torch.full((24, 512), 0.5)
    weight[::3, ::2] = -0.5
    bias = torch.linspace(-1, 1, 24)
    try:
        found = Int8Linear(weight, bias)(rows)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        # A torch built without these operators, or a version that has changed them.
        return False
    return torch.allclose(found, rows @ weight.T + bias, rtol=1e-4, atol=1e-2)
