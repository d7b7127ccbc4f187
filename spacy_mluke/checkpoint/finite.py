"""Warn of weights that are NaN or infinite: they make all states of an encoder meaningless."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Dict, Iterator, Tuple

import torch
from torch import Tensor, nn

from ..errors import Warnings
from ..network.mapped_table import MappedEntityTable
from ..network.quantized_table import Q4Embedding
from ..network.tables import spaced_ids
from .tensor_names import ENTITIES, WORDS

# Of tables with more values, only some rows are checked: reading a whole mapped table takes longer than all other
# steps.
_LARGE_TABLE = 1 << 22
_CHECKED_ROWS = 1024
_LISTED = 3


def warn_if_not_finite(network: nn.Module, heads: nn.Module, path: Path) -> None:
    """Warn of weights that are NaN or infinite.

    All weights are checked, except in a word or entity table of more than 4 million values: there, 1,024 evenly spaced
    rows are.

    network (nn.Module): A LukeEncoder, on the CPU.
    heads (nn.Module): Its MaskedHeads.
    path (Path): The checkpoint, for the message.
    """
    found: Dict[str, int] = {}
    for name, values in _checked_values(network, heads):
        count = _count(values)
        if count:
            found[name] = found.get(name, 0) + count
    if found:
        names = ", ".join(list(found)[:_LISTED]) + (", ..." if len(found) > _LISTED else "")
        warnings.warn(Warnings.ML117.format(path=path, n=sum(found.values()), names=names), stacklevel=3)


def _checked_values(network: nn.Module, heads: nn.Module) -> Iterator[Tuple[str, Tensor]]:
    tables = {WORDS: "embeddings.word_embeddings", ENTITIES: "entity_embeddings.entity_embeddings"}
    for name, owner in tables.items():
        table = network.get_submodule(owner)
        if isinstance(table, Q4Embedding):
            with torch.no_grad():
                yield name, table(spaced_ids(table.num_embeddings, _CHECKED_ROWS))
        elif isinstance(table, MappedEntityTable):
            yield name, table.rows[spaced_ids(len(table.rows), _CHECKED_ROWS)]
    for module in (network, heads):
        for name, parameter in module.named_parameters():
            values = parameter.detach()
            if name in tables and values.numel() > _LARGE_TABLE:
                values = values[spaced_ids(len(values), _CHECKED_ROWS)]
            yield name, values


def _count(values: Tensor) -> int:
    # First the sum, which is fast: it is finite unless a value is not, or the sum itself overflows.
    wide = torch.promote_types(values.dtype, torch.float32)
    if math.isfinite(float(values.sum(dtype=wide))):
        return 0
    return int((~torch.isfinite(values)).sum())
