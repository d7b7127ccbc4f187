"""Whether weights are numbers: NaN and infinities make all that comes out of an encoder mean nothing."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Dict, Iterator, Tuple

import torch
from torch import Tensor, nn

from ..errors import Warnings
from ..network.mapped_table import MappedEntityTable
from .quantized import Q4Embedding
from .tensor_names import ENTITIES, WORDS

# Values from which on a table is looked at here and there only: it lies in its file, and reading all of it would take
# longer than everything else.
_LARGE_TABLE = 1 << 22
_ROWS = 1024
_LISTED = 3


def warn_if_not_finite(network: nn.Module, heads: nn.Module, path: Path) -> None:
    """Warn of weights that are NaN or infinite.

    Layers, norms, heads and small tables are looked at whole; of a word or entity table of more than 4 million values,
    1,024 rows, evenly spread, the first and the last among them.

    network (nn.Module): A LukeEncoder, on the CPU.
    heads (nn.Module): Its MaskedHeads.
    path (Path): The checkpoint, for the message.
    """
    found: Dict[str, int] = {}
    for name, values in _looked_at(network, heads):
        count = _count(values)
        if count:
            found[name] = found.get(name, 0) + count
    if found:
        names = ", ".join(list(found)[:_LISTED]) + (", ..." if len(found) > _LISTED else "")
        warnings.warn(Warnings.ML117.format(path=path, n=sum(found.values()), names=names), stacklevel=3)


def _looked_at(network: nn.Module, heads: nn.Module) -> Iterator[Tuple[str, Tensor]]:
    tables = {WORDS: "embeddings.word_embeddings", ENTITIES: "entity_embeddings.entity_embeddings"}
    for name, owner in tables.items():
        table = network.get_submodule(owner)
        if isinstance(table, Q4Embedding):
            with torch.no_grad():
                yield name, table(_spread(table.num_embeddings))
        elif isinstance(table, MappedEntityTable):
            yield name, table.rows[_spread(len(table.rows))]
    for module in (network, heads):
        for name, parameter in module.named_parameters():
            values = parameter.detach()
            if name in tables and values.numel() > _LARGE_TABLE:
                values = values[_spread(len(values))]
            yield name, values


def _spread(n_rows: int) -> Tensor:
    return torch.linspace(0, n_rows - 1, min(n_rows, _ROWS), dtype=torch.float64).long()


def _count(values: Tensor) -> int:
    # A sum is one quick pass, and tells: it is finite unless a value is not, or the sum itself is too large.
    wide = torch.promote_types(values.dtype, torch.float32)
    if math.isfinite(float(values.sum(dtype=wide))):
        return 0
    return int((~torch.isfinite(values)).sum())
