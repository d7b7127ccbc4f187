"""Compute dense layers with the fastest kernels of the processor.

On x86 processors with AVX-512, oneDNN multiplies float32 matrices faster than the library behind
`torch.nn.functional.linear` (by a quarter on an AMD Zen 4), and adds the bias, the activation or the residual in the
same call. torch has it for its compiler, as `mkldnn::_linear_pointwise`. It is used without gradients, and only after a
check that its results are correct; otherwise torch's usual functions are called. With AVX2 alone, those are the faster
ones if torch has MKL (by a quarter on an AMD Zen 3). With an Int8Cache, layers are computed in 8 bits (int8.py).
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
# Without gradients, maximum number of floats of the widest layer at once: they may fit a processor's cache, and the
# allocator reuses the memory without a system call.
_MAX_INNER = 3 << 20


def linear(rows: Tensor, weight: Tensor, bias: Tensor, int8: Optional[Int8Cache] = None) -> Tensor:
    """Apply a dense layer.

    rows (Tensor): Shape: (n_rows, n_in).
    weight (Tensor): Shape: (n_out, n_in).
    bias (Tensor): Shape: (n_out,).
    int8 (Optional[Int8Cache]): Cache of the layer in 8 bits; None for full precision.
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
    """Apply a dense layer and an activation.

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
    """Apply a dense layer, and add a residual.

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
    """Return how many rows to process together in a feed-forward network, without gradients.

    n_inner (int): Width of the inner layer.
    int8 (Optional[Int8Cache]): As for `linear`. Rounding reads rows several times, so fewer are processed together.
    RETURNS (int): The number of rows.
    """
    return max(128, _MAX_INNER // (n_inner if int8 is None else 4 * n_inner) // 128 * 128)


def round_rows(n_rows: int) -> int:
    """Round a number of rows up to a size that recurs, by 3 % on average.

    oneDNN compiles four kernels for every number of rows, with a millisecond and half a megabyte each. Almost every
    ragged batch has a new number of rows.

    n_rows (int): Number of rows.
    RETURNS (int): The same number or a larger one.
    """
    step = max(8, 1 << max(0, n_rows.bit_length() - 5))
    return -(-n_rows // step) * step


def compiles_by_rows(like: Tensor) -> bool:
    """Return whether the kernels of dense layers are compiled for each number of rows: see `round_rows`.

    like (Tensor): Any tensor with the type and the device of the rows.
    RETURNS (bool): True if they are.
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
        and not _prefers_mkl()
        and _has_pointwise()
    )


@functools.cache
def _prefers_mkl() -> bool:
    """Return whether MKL multiplies float32 matrices faster than oneDNN: without AVX-512."""
    return torch.backends.mkl.is_available() and torch.backends.cpu.get_cpu_capability() != "AVX512"


@functools.cache
def _has_pointwise() -> bool:
    """Return whether oneDNN's kernels are available and have the same results as torch's."""
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
        # A torch built without these operators, or a version that has changed them.
        return False
    expected = [plain, F.gelu(plain), plain + residual]
    return all(torch.allclose(y, x, atol=1e-4) for y, x in zip(found, expected, strict=True))
