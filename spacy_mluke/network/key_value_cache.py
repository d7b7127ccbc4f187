"""What entities need to know of words that were read before, where words do not look at entities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from torch import Tensor

from .layout import Layout


@dataclass
class KeyValueCache:
    """Keys and values of words in one layer. Shape of each: (n_rows, heads, head size)."""

    key: Optional[Tensor] = None
    value: Optional[Tensor] = None


@dataclass
class WordCache:
    """Words of some passes, as an encoder with isolated visibility has read them."""

    layout: Layout  # of the words
    layers: List[KeyValueCache]
