"""The file of a delta: the tensors that training has changed, or their differences from those of the base.

It is a file of quantized weights (quantized_files.py). Its notes say which tensors are differences ("differences",
names), and which hold only some rows of a table ("rows", ids by name).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import torch
from torch import Tensor

from ..errors import Errors
from .quantized_files import read_notes, read_quantized, write_quantized

DELTA_FILE = "delta.safetensors"
_DIFFERENCES, _ROWS = "differences", "rows"


@dataclass(frozen=True)
class Change:
    """How a tensor differs from the base's tensor of the same name."""

    values: Tensor  # floating point; new values, or differences from the base's values
    storage: str = "f32"  # one of `quantized_files.STORAGES`
    is_difference: bool = False
    rows: Optional[List[int]] = None  # the rows that changed, ascending; None if the values are for all rows


def write_changes(path: Path, changes: Mapping[str, Change]) -> None:
    """Write the file of a delta.

    path (Path): The file. An existing file is replaced.
    changes (Mapping[str, Change]): By the tensor's published name, without the encoder's prefix.
    """
    write_quantized(
        path,
        {name: change.values for name, change in changes.items()},
        {name: change.storage for name, change in changes.items()},
        notes={
            _DIFFERENCES: sorted(name for name, change in changes.items() if change.is_difference),
            _ROWS: {name: change.rows for name, change in changes.items() if change.rows is not None},
        },
    )


def read_changes(path: Path) -> Dict[str, Change]:
    """Read the file of a delta.

    path (Path): The file.
    RETURNS (Dict[str, Change]): By the tensor's name, with values in float32.
    RAISES (ValueError): ML035 to ML037 if it is no file of quantized weights, ML055 if it does not describe changes.
    """
    tensors, notes = read_quantized(path), read_notes(path)
    differences, rows = notes.get(_DIFFERENCES, []), notes.get(_ROWS, {})
    are_names = isinstance(differences, list) and all(isinstance(name, str) for name in differences)
    if not are_names or not isinstance(rows, dict) or not all(_are_ids(ids) for ids in rows.values()):
        raise ValueError(Errors.ML055.format(path=path, reason="its notes are damaged"))
    unknown = sorted({*differences, *rows} - tensors.keys())
    if unknown:
        raise ValueError(Errors.ML055.format(path=path, reason=f"it has no tensor '{unknown[0]}'"))
    return {
        name: Change(tensor, notes["storage"].get(name, "f32"), name in differences, rows.get(name))
        for name, tensor in tensors.items()
    }


def _are_ids(ids: Any) -> bool:
    return (
        isinstance(ids, list)
        and all(isinstance(row, int) and not isinstance(row, bool) and row >= 0 for row in ids)
        and all(low < high for low, high in pairwise(ids))
    )


def apply_changes(
    tensors: Mapping[str, Tensor], changes: Mapping[str, Change], shapes: Mapping[str, Sequence[int]], path: Path
) -> Dict[str, Tensor]:
    """Return the tensors of a trained encoder.

    tensors (Mapping[str, Tensor]): The tensors of the base. Tables of which some rows changed may be changed in place.
    changes (Mapping[str, Change]): As from `read_changes`.
    shapes (Mapping[str, Sequence[int]]): Shapes of the trained encoder's tensors. Tables may have more rows than those
        of the base.
    path (Path): The file of the changes, for messages.
    RETURNS (Dict[str, Tensor]): All tensors.
    RAISES (ValueError): ML055 if a change does not fit the tensor of the base.
    """
    applied = dict(tensors)
    for name, change in changes.items():
        if change.rows is None and not change.is_difference:
            applied[name] = change.values
            continue
        base = tensors.get(name)
        if base is None or base.is_meta:
            raise ValueError(Errors.ML055.format(path=path, reason=f"the base has no '{name}'"))
        if change.rows is None and base.shape == change.values.shape:
            applied[name] = base.float() + change.values
            continue
        n_rows = (*shapes.get(name, base.shape), 0)[0]
        if change.rows is None or not _fits(base, change, change.rows, n_rows):
            found = f"{tuple(change.values.shape)} for a table of {tuple(base.shape)}"
            raise ValueError(Errors.ML055.format(path=path, reason=f"'{name}' has the shape {found}"))
        applied[name] = _with_rows(base, change, change.rows, n_rows)
    return applied


def _fits(base: Tensor, change: Change, rows: List[int], n_rows: int) -> bool:
    if base.dim() != 2:
        return False
    n_added = max(n_rows - len(base), 0)
    return (
        change.values.shape == (len(rows), base.shape[1])
        and (not rows or rows[-1] < n_rows)
        # Every added row must be there, so that no file can ask for a table larger than itself.
        and n_added <= len(rows)
        and rows[len(rows) - n_added :] == list(range(n_rows - n_added, n_rows))
    )


def _with_rows(base: Tensor, change: Change, rows: List[int], n_rows: int) -> Tensor:
    # A table that is mapped from a file is changed in place: the mapping is private, and only these rows are copied.
    table = base.float()
    if n_rows > len(table):
        table = torch.cat([table, table.new_zeros(n_rows - len(table), table.shape[1])])
    ids = torch.tensor(rows, dtype=torch.int64)
    table[ids] = table[ids] + change.values if change.is_difference else change.values
    return table
