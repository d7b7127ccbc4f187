"""Dropout with fewer random numbers on CPUs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_STEPS = 1 << 16


def dropout(rows: Tensor, p: float) -> Tensor:
    """Set values to zero with a probability, and scale the others so that the mean does not change.

    On CPUs torch draws a random number of 32 bits for each value, one by one; that takes a twentieth of a training
    step. Here four values use one random number of 64 bits, and the probability is exact to 1/65,536.

    rows (Tensor): Any shape.
    p (float): Probability of a value to be zeroed.
    RETURNS (Tensor): The same shape.
    """
    if rows.device.type != "cpu" or not 0.0 < p < 1.0:
        return F.dropout(rows, p)
    n_dropped = round(p * _STEPS)
    n = rows.numel()
    numbers = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = numbers.view(torch.int16)[:n].view(rows.shape) >= n_dropped - _STEPS // 2
    return rows * kept.to(rows.dtype).mul_(_STEPS / (_STEPS - n_dropped))
