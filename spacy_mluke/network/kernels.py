"""The dense layers of the encoder, as fast as this machine has them.

On x86 processors, oneDNN multiplies float32 matrices faster than the library behind `torch.nn.functional.linear`
(by a quarter on the AMD Zen 4 it was measured on), and adds the bias, the activation or the residual on the way.
torch has it for its compiler, as `mkldnn::_linear_pointwise`. It is used where nothing is to be differentiated, and
only after it has been seen to give the right numbers; everywhere else, these functions are what they look like. A
module that has a cache for them has its layers multiplied in eight bits instead (int8.py).
"""

from __future__ import annotations

import functools
import platform
from typing import Callable, Dict, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from .int8 import Int8Cache, runs_int8

ACTIVATIONS: Dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": functools.partial(F.gelu, approximate="tanh"),
    "gelu_pytorch_tanh": functools.partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
}
# Floats of the widest layer that are held at once where nothing is differentiated: what a cache may hold, and what the
# allocator gives out again without asking the system.
_MAX_INNER = 3 << 20


def linear(rows: Tensor, weight: Tensor, bias: Tensor, int8: Optional[Int8Cache] = None) -> Tensor:
    """A dense layer.

    rows (Tensor): Shape: (n_rows, n_in).
    weight (Tensor): Shape: (n_out, n_in).
    bias (Tensor): Shape: (n_out,).
    int8 (Optional[Int8Cache]): Where the layer is kept in eight bits, if it is to be multiplied so.
    RETURNS (Tensor): Shape: (n_rows, n_out).
    """
    if int8 is not None and runs_int8(rows):
        return int8.get(weight, bias)(rows)
    if _fast(rows):
        return torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return F.linear(rows, weight, bias)


def linear_activated(
    rows: Tensor, weight: Tensor, bias: Tensor, activation: str, int8: Optional[Int8Cache] = None
) -> Tensor:
    """A dense layer and its activation.

    rows (Tensor): Shape: (n_rows, n_in).
    weight (Tensor): Shape: (n_out, n_in).
    bias (Tensor): Shape: (n_out,).
    activation (str): One of ACTIVATIONS.
    int8 (Optional[Int8Cache]): As for `linear`.
    RETURNS (Tensor): Shape: (n_rows, n_out).
    """
    if activation == "gelu" and _fast(rows) and int8 is None:
        return torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "gelu", [], "none")
    return ACTIVATIONS[activation](linear(rows, weight, bias, int8))


def linear_added(
    rows: Tensor, weight: Tensor, bias: Tensor, residual: Tensor, int8: Optional[Int8Cache] = None
) -> Tensor:
    """A dense layer, plus a residual.

    rows (Tensor): Shape: (n_rows, n_in).
    weight (Tensor): Shape: (n_out, n_in).
    bias (Tensor): Shape: (n_out,).
    residual (Tensor): Shape: (n_rows, n_out).
    int8 (Optional[Int8Cache]): As for `linear`.
    RETURNS (Tensor): Shape: (n_rows, n_out).
    """
    if int8 is not None and runs_int8(rows):
        return int8.get(weight, bias)(rows, residual)
    if _fast(rows):
        return torch.ops.mkldnn._linear_pointwise.binary(rows, residual, weight, bias, "add")
    return F.linear(rows, weight, bias) + residual


def rows_at_once(n_inner: int, int8: Optional[Int8Cache] = None) -> int:
    """How many rows to take through a layer of that width together, where nothing is differentiated.

    n_inner (int): Width.
    int8 (Optional[Int8Cache]): As for `linear`. Rounding looks at rows several times: few of them stay in a cache.
    RETURNS (int): A number of rows.
    """
    return max(128, _MAX_INNER // (n_inner if int8 is None else 4 * n_inner) // 128 * 128)


def round_rows(n_rows: int) -> int:
    """The number of rows to take for so many, spare ones included.

    oneDNN compiles a kernel for every number of rows: a millisecond and half a megabyte each, four times. Ragged
    batches have a new number almost every time, so it is rounded up, by 3 % on average.

    n_rows (int): Rows that there are.
    RETURNS (int): As many, or a few more.
    """
    step = max(8, 1 << max(0, n_rows.bit_length() - 5))
    return -(-n_rows // step) * step


def compiles_by_rows(like: Tensor) -> bool:
    """Whether dense layers over such rows want a number of rows from `round_rows`.

    like (Tensor): Any tensor of the type and on the device that the rows will have.
    RETURNS (bool): Whether to round.
    """
    reduced = like.device.type == "cpu" and like.dtype in (torch.bfloat16, torch.float16)
    return _fast(like) or (reduced and not torch.is_grad_enabled())


def _fast(rows: Tensor) -> bool:
    return (
        rows.dtype == torch.float32
        and rows.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and bool(torch.backends.mkldnn.enabled)
        and _has_pointwise()
    )


@functools.cache
def _has_pointwise() -> bool:
    """Whether oneDNN's layers are there and give what torch's give."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():
        return False
    rows, residual = torch.linspace(-4, 4, 8 * 32).view(8, 32), torch.linspace(-1, 1, 8 * 16).view(8, 16)
    weight, bias = torch.linspace(-1, 1, 16 * 32).sin().view(16, 32), torch.linspace(-1, 1, 16)
    plain = F.linear(rows, weight, bias)
    try:
        layer = torch.ops.mkldnn._linear_pointwise
        found = [
            layer(rows, weight, bias, "none", [], ""),
            layer(rows, weight, bias, "gelu", [], "none"),
            layer.binary(rows, residual, weight, bias, "add"),
        ]
    except (AttributeError, RuntimeError, TypeError):
        # A torch built without it, or a later one that has changed it.
        return False
    wanted = [plain, F.gelu(plain), plain + residual]
    return all(torch.allclose(y, x, atol=1e-4) for y, x in zip(found, wanted, strict=True))
