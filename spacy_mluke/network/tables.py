"""The base class of embedding tables that stay in their file, and functions over the rows of any table."""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any, ClassVar, Dict, Iterator, List, Optional, Tuple, cast

import torch
from torch import Tensor, nn

# Rows that are converted together; fewer if they are decoded, so that they stay in the processor's cache.
PART_ROWS = 1 << 16
DECODED_ROWS = PART_ROWS // 16
_SAMPLED_ROWS = 4096


class FileTable(nn.Module):
    """An embedding table whose frozen storage is usually mapped from a file.

    Rows are read when they are looked up. Copies (`copy.deepcopy`) share the storage. Loading a state dict replaces the
    storage; it does not write into it, since it may be a file's, or shared with other modules.
    """

    storage_name: ClassVar[str]  # name of the storage in state dicts

    @property
    def num_embeddings(self) -> int:
        """Number of rows."""
        raise NotImplementedError

    @property
    def embedding_dim(self) -> int:
        """Width of a row."""
        raise NotImplementedError

    @property
    def dtype(self) -> torch.dtype:
        """Type of the rows that `forward` returns."""
        raise NotImplementedError

    @property
    def shape(self) -> torch.Size:
        return torch.Size((self.num_embeddings, self.embedding_dim))

    def parts(self, dtype: Optional[torch.dtype] = None) -> Iterator[Tensor]:
        """Yield all rows, a part at a time.

        dtype (Optional[torch.dtype]): Type of the rows; by default, `self.dtype`.
        YIELDS (Tensor): Shape: (up to 65,536, width).
        """
        raise NotImplementedError

    def shared_storage(self) -> List[Optional[Tensor]]:
        """Return the tensors that copies share."""
        raise NotImplementedError

    def replace_storage(self, given: Tensor) -> Optional[str]:
        """Replace the storage by a tensor of a state dict.

        given (Tensor): The tensor.
        RETURNS (Optional[str]): What is wrong with the tensor, if it does not fit; then nothing is replaced.
        """
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"

    def _load_from_state_dict(
        self,
        state_dict: Dict[str, Any],
        prefix: str,
        local_metadata: Dict[str, Any],
        strict: bool,
        missing_keys: List[str],
        unexpected_keys: List[str],
        error_msgs: List[str],
    ) -> None:
        key = prefix + self.storage_name
        given = state_dict.get(key)
        if given is None:
            missing_keys.extend([key] if strict else [])
        else:
            problem = self.replace_storage(cast(Tensor, given))
            error_msgs.extend([f"{key}: {problem}"] if problem else [])
        unexpected_keys.extend(k for k in state_dict if strict and k.startswith(prefix) and k != key)

    def __deepcopy__(self, memo: Dict[int, Any]) -> FileTable:
        other = self.__class__.__new__(self.__class__)
        memo[id(self)] = other
        memo.update({id(tensor): tensor for tensor in self.shared_storage()})
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other


def table_parts(table: nn.Module) -> Iterator[Tensor]:
    """Yield all rows of a table, a part at a time, without gradients.

    table (nn.Module): An `nn.Embedding`, a FileTable, or any module ids -> rows with the attribute `num_embeddings`.
    YIELDS (Tensor): In order. Shape: (up to 65,536, width).
    """
    if isinstance(table, FileTable):
        yield from table.parts()
    elif isinstance(table, nn.Embedding):
        yield from table.weight.detach().split(PART_ROWS)
    else:
        n_rows, device = cast(Any, table).num_embeddings, table_device(table)
        for start in range(0, n_rows, DECODED_ROWS):
            with torch.no_grad():
                yield table(torch.arange(start, min(start + DECODED_ROWS, n_rows), device=device))


def row_spread(table: nn.Module) -> Tuple[Tensor, Tensor]:
    """Return the mean of a table's rows and their mean distance from it, estimated from 4,096 rows.

    table (nn.Module): Any module ids -> rows with the attribute `num_embeddings`.
    RETURNS (Tuple[Tensor, Tensor]): Shapes: (width,), (), float32, on the CPU.
    """
    ids = spaced_ids(cast(Any, table).num_embeddings, _SAMPLED_ROWS)
    with torch.no_grad():
        rows = table(ids.to(table_device(table))).float().cpu()
    mean = rows.mean(dim=0)
    return mean, (rows - mean).norm(dim=1).mean()


def spaced_ids(n_rows: int, n: int) -> Tensor:
    """Return evenly spaced row numbers, from the first to the last.

    n_rows (int): Number of rows of the table.
    n (int): Maximum number of row numbers.
    RETURNS (Tensor): Shape: (min(n, n_rows),), int64.
    """
    return torch.linspace(0, n_rows - 1, min(n_rows, n), dtype=torch.float64).long()


def table_device(table: nn.Module) -> torch.device:
    """Return the device that ids must be on to be looked up in a table.

    table (nn.Module): Any module ids -> rows.
    RETURNS (torch.device): The device of its parameters or buffers.
    """
    return next(chain(table.parameters(), table.buffers())).device
