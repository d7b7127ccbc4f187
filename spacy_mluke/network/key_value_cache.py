"""Keys and values of words that were encoded before their entities (isolated visibility)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from torch import Tensor

from .layout import Layout


@dataclass
class KeyValueCache:
    """Keys and values of words in one layer; empty at first. Shape of each: (n_rows, heads, head size)."""

    key: Optional[Tensor] = None
    value: Optional[Tensor] = None


@dataclass
class WordCache:
    """Keys and values of words in all layers."""

    layout: Layout  # of the words
    layers: List[KeyValueCache]
