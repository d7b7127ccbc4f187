"""An entity table that stays in its file: 1,200,001 rows, of which a document needs a handful."""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any, Dict, Iterator, List, Optional, Sequence, cast

import torch
from torch import Tensor, nn

from ..errors import Errors

_CHUNK_ROWS = 1 << 16


def table_rows(table: nn.Module) -> Iterator[Tensor]:
    """All rows of a table, a part at a time, without gradients.

    table (nn.Module): An `nn.Embedding`, a MappedEntityTable, or any module ids -> rows that knows `num_embeddings`.
    YIELDS (Tensor): In order. Shape: (up to 65,536, width).
    """
    if isinstance(table, MappedEntityTable):
        yield from table.chunks()
    elif isinstance(table, nn.Embedding):
        yield from table.weight.detach().split(_CHUNK_ROWS)
    else:
        n_rows = cast(Any, table).num_embeddings
        # Rows of a quantized table are made when they are looked up: fewer at a time, so that they stay in the cache.
        device = device_of(table)
        for start in range(0, n_rows, _CHUNK_ROWS // 16):
            with torch.no_grad():
                yield table(torch.arange(start, min(start + _CHUNK_ROWS // 16, n_rows), device=device))


def device_of(table: nn.Module) -> torch.device:
    """Where ids are to be that a table is asked for.

    table (nn.Module): Any module ids -> rows.
    RETURNS (torch.device): The device of its parameters or buffers.
    """
    return next(chain(table.parameters(), table.buffers())).device


class MappedEntityTable(nn.Module):
    """An embedding table whose rows are frozen and memory-mapped, but for those of some entities.

    A row is read when it is looked up. [MASK], [MASK2], [UNK], [PAD] and entities that were added have rows of
    their own, which train, move and change type with the network; the others stay on the CPU, in the type of the
    file. `state_dict` has all rows under the name that a plain table has, `weight`, as a copy; `chunks` gives them
    without one.

    Copies (`copy.deepcopy`) share the frozen rows.

    rows (Tensor): The table, usually mapped from a file. Shape: (n_entities, width).
    special_ids (Sequence[int]): Rows that train.
    RAISES (ValueError): ML049 if the table lacks one of them.
    """

    special_ids: Tensor

    def __init__(self, rows: Tensor, special_ids: Sequence[int]):
        super().__init__()
        ids = sorted(set(special_ids))
        if ids[-1] >= len(rows):
            raise ValueError(Errors.ML049.format(n=len(rows), ids=ids))
        # Not a buffer: it would follow the network to the GPU, all of it.
        self.rows = rows.detach()
        self.register_buffer("special_ids", torch.tensor(ids), persistent=False)
        self.special = nn.Parameter(self.rows[ids].clone())

    def grown(self, rows: Tensor) -> MappedEntityTable:
        """A table with more rows, which train. It shares the frozen ones; this one does not change.

        rows (Tensor): The new rows. Shape: (n_new, width).
        RETURNS (MappedEntityTable): The table.
        """
        other = copy.deepcopy(self)
        new_ids = torch.arange(len(rows), device=self.special_ids.device) + self.num_embeddings
        other.special_ids = torch.cat([self.special_ids, new_ids])
        trained = torch.cat([self.special.detach(), rows.to(self.special)])
        other.special = nn.Parameter(trained, requires_grad=self.special.requires_grad)
        return other

    @property
    def num_embeddings(self) -> int:
        # Rows that were added have no place in the file.
        return max(self.rows.shape[0], int(self.special_ids[-1]) + 1)

    @property
    def embedding_dim(self) -> int:
        return self.rows.shape[1]

    @property
    def shape(self) -> torch.Size:
        return torch.Size((self.num_embeddings, self.embedding_dim))

    @property
    def dtype(self) -> torch.dtype:
        """Type of the rows that come out."""
        return self.special.dtype

    def forward(self, ids: Tensor) -> Tensor:
        """Look up rows.

        ids (Tensor): Any shape, int64.
        RETURNS (Tensor): Shape: (*ids.shape, width), in the type and on the device of the special rows.
        """
        flat = ids.reshape(-1)
        places = torch.searchsorted(self.special_ids, flat).clamp(max=len(self.special_ids) - 1)
        is_trained = self.special_ids[places] == flat
        frozen = self.rows.index_select(0, flat.where(~is_trained, 0).cpu()).to(self.special)
        found = torch.where(is_trained[:, None], self.special[places], frozen)
        return found.view(*ids.shape, self.embedding_dim)

    def chunks(self, dtype: Optional[torch.dtype] = None) -> Iterator[Tensor]:
        """All rows with the special ones in place, a part at a time.

        dtype (Optional[torch.dtype]): Type wanted; by default, that of the special rows.
        YIELDS (Tensor): Shape: (up to 65,536, width), on the CPU.
        """
        special = self.special.detach().to(device="cpu", dtype=dtype)
        ids = self.special_ids.cpu()
        for start in range(0, self.num_embeddings, _CHUNK_ROWS):
            chunk = self.rows[start : start + _CHUNK_ROWS].to(special.dtype, copy=True)
            missing = min(_CHUNK_ROWS, self.num_embeddings - start) - len(chunk)
            chunk = torch.cat([chunk, chunk.new_empty(missing, self.embedding_dim)]) if missing else chunk
            inside = (ids >= start) & (ids < start + len(chunk))
            chunk[ids[inside] - start] = special[inside]
            yield chunk

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, special={self.special_ids[:8].tolist()}"

    def _save_to_state_dict(self, destination: Dict[str, Any], prefix: str, keep_vars: bool) -> None:
        destination[prefix + "weight"] = torch.cat(list(self.chunks()))

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
        key = prefix + "weight"
        given = state_dict.get(key)
        if given is None:
            missing_keys.extend([key] if strict else [])
        elif given.shape != self.shape:
            error_msgs.append(f"{key}: expected {tuple(self.shape)}, found {tuple(given.shape)}")
        else:
            # Taken, not copied into the present rows: those may be a file's, or shared with copies.
            self.rows = cast(Tensor, given).detach().cpu()
            with torch.no_grad():
                self.special.copy_(self.rows[self.special_ids.cpu()])
        unexpected_keys.extend(k for k in state_dict if strict and k.startswith(prefix) and k != key)

    def __deepcopy__(self, memo: Dict[int, Any]) -> MappedEntityTable:
        other = self.__class__.__new__(self.__class__)
        memo[id(self)] = other
        memo[id(self.rows)] = self.rows
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other
