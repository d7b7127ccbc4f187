"""Dropout, for less random numbers on the CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_STEPS = 1 << 16


def dropout(rows: Tensor, share: float) -> Tensor:
    """Set a share of the values to zero, and scale up the others, so that the mean stays.

    On the CPU torch draws a random number of 32 bits for each value, one by one; that alone is a twentieth of a
    training step. Here four values share one of 64 bits, and the share is exact to 1/65,536.

    rows (Tensor): Any shape.
    share (float): Of values that are dropped.
    RETURNS (Tensor): The same shape.
    """
    if rows.device.type != "cpu" or not 0.0 < share < 1.0:
        return F.dropout(rows, share)
    n_dropped = round(share * _STEPS)
    n = rows.numel()
    numbers = torch.empty(-(-n // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = numbers.view(torch.int16)[:n].view(rows.shape) >= n_dropped - _STEPS // 2
    return rows * kept.to(rows.dtype).mul_(_STEPS / (_STEPS - n_dropped))
