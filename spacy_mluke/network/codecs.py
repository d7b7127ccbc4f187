"""Encode weights in 4, 6 or 8 bits, and decode them.

A block holds 32 weights of one row: a float16 `d`, then their values. Byte j of the first 16 holds the low four bits of
weights j and j + 16. With six bits, byte j of 8 more holds the upper two bits of weights j, j + 8, j + 16 and j + 24,
from the low end. A weight is `(value - zero) * d`, with a zero of half the range: 8 or 32. The 4-bit format is that of
the model that `mluke-small` was built from, so that no weight was rounded twice.
"""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np
import torch
from torch import Tensor

BLOCK_WEIGHTS = 32
BLOCK_BYTES = {4: 18, 6: 26}


def decode_blocks(blocks: Tensor, bits: int = 4, dtype: torch.dtype = torch.float32) -> Tensor:
    """Decode blocks.

    blocks (Tensor): Shape: (..., n_blocks * bytes), uint8.
    bits (int): Bits per weight, 4 or 6.
    dtype (torch.dtype): Type of the result; products are computed in float32 and rounded once.
    RETURNS (Tensor): Shape: (..., n_blocks * 32).
    """
    flat = blocks.reshape(-1, BLOCK_BYTES[bits])
    if blocks.device.type == "cpu":
        # With numpy, in one thread: each operation of torch would wait for all of torch's threads. On a busy machine,
        # or in one of several processes, that takes far longer than the computation.
        bytes_ = flat.numpy()
        scales = np.ascontiguousarray(bytes_[:, :2]).view(np.float16).astype(np.float32)
        weights = torch.from_numpy(_unpack(bytes_, scales, bits, np))
    else:
        weights = _unpack(flat, flat[:, :2].contiguous().view(torch.float16).float(), bits, torch)
    width = blocks.shape[-1] // BLOCK_BYTES[bits] * BLOCK_WEIGHTS
    return weights.view(*blocks.shape[:-1], width).to(dtype)


def _unpack(flat: Any, scales: Any, bits: int, xp: Any) -> Any:
    """Decode blocks with numpy or torch (`xp`). Shapes of blocks and scales: (n, bytes), (n, 1)."""
    values = xp.stack([flat[:, 2:18] & 15, flat[:, 2:18] >> 4], 1)
    if bits == 6:
        pairs = flat[:, 18:]
        upper = xp.stack([pairs << 4, pairs << 2, pairs, pairs >> 2], 1) & 0b110000
        values |= upper.reshape(values.shape)
    weights = xp.empty_like(values, dtype=xp.float32)
    weights[:] = values
    weights -= 1 << (bits - 1)
    weights *= scales[:, None]
    return weights


def encode_blocks(weights: Tensor, bits: int = 4) -> Tensor:
    """Encode weights as blocks. The error of a block's largest weight is only that of rounding `d`.

    weights (Tensor): Shape: (..., columns), floating point; columns is a multiple of 32.
    bits (int): Bits per weight, 4 or 6.
    RETURNS (Tensor): Shape: (..., columns / 32 * bytes), uint8.
    """
    zero = 1 << (bits - 1)
    flat = weights.detach().float().reshape(-1, BLOCK_WEIGHTS)
    largest = flat.gather(1, flat.abs().argmax(1, keepdim=True))
    # The range has one value more below zero than above, so the largest weight gets the value 0, and `d` the other
    # sign.
    scales = (largest / -zero).to(torch.float16)
    inverse = torch.where(scales == 0, 0.0, 1 / scales.float())
    values = (flat * inverse + zero).round().clamp(0, 2 * zero - 1).to(torch.uint8)
    parts = [scales.view(torch.uint8), (values[:, :16] & 15) | (values[:, 16:] << 4)]
    if bits == 6:
        pairs = (values >> 4).view(-1, 4, 8)
        parts.append(pairs[:, 0] | (pairs[:, 1] << 2) | (pairs[:, 2] << 4) | (pairs[:, 3] << 6))
    return torch.cat(parts, dim=1).view(*weights.shape[:-1], -1)


def decode_rows(values: Tensor, scales: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Decode 8-bit rows.

    values (Tensor): Shape: (rows, columns), int8.
    scales (Tensor): One per row (output channel of a linear layer). Shape: (rows,), float32.
    dtype (torch.dtype): Type of the result.
    RETURNS (Tensor): Shape: (rows, columns).
    """
    return (values * scales[:, None]).to(dtype)


def encode_rows(weights: Tensor) -> Tuple[Tensor, Tensor]:
    """Encode weights in 8 bits with one scale per row.

    weights (Tensor): Shape: (rows, columns), floating point.
    RETURNS (Tuple[Tensor, Tensor]): Values, int8, and scales, float32. Shapes: (rows, columns), (rows,).
    """
    weights = weights.detach().float()
    scales = weights.abs().amax(1) / 127
    inverse = torch.where(scales == 0, 0.0, 1 / scales)
    return (weights * inverse[:, None]).round().clamp(-127, 127).to(torch.int8), scales
