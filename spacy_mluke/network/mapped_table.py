"""An entity table that stays in its file: a document uses a few of its 1,200,001 rows."""

from __future__ import annotations

import copy
from typing import Any, Dict, Iterator, List, Optional, Sequence

import torch
from torch import Tensor, nn

from ..errors import Errors
from .tables import PART_ROWS, FileTable


class MappedEntityTable(FileTable):
    """An embedding table with frozen, memory-mapped rows, and trainable rows for some entities.

    [MASK], [MASK2], [UNK], [PAD] and added entities have separate rows, which train, move and change type with the
    network. The others stay on the CPU, in the type of the file. `state_dict` has all rows as `weight`, the name that a
    plain table has, as a copy; `parts` yields them without a copy of the whole.

    rows (Tensor): The table, usually mapped from a file. Shape: (n_entities, width).
    special_ids (Sequence[int]): Rows that train.
    RAISES (ValueError): ML049 if the table lacks one of them.
    """

    storage_name = "weight"
    special_ids: Tensor

    def __init__(self, rows: Tensor, special_ids: Sequence[int]):
        super().__init__()
        ids = sorted(set(special_ids))
        if ids[-1] >= len(rows):
            raise ValueError(Errors.ML049.format(n=len(rows), ids=ids))
        # Not a buffer: the whole table would follow the network to the GPU.
        self.rows = rows.detach()
        self.register_buffer("special_ids", torch.tensor(ids), persistent=False)
        self.special = nn.Parameter(self.rows[ids].clone())

    def extended(self, rows: Tensor) -> MappedEntityTable:
        """Return a table with further rows, which train. It shares the frozen rows; this table does not change.

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
        # Added rows are not in the file.
        return max(self.rows.shape[0], int(self.special_ids[-1]) + 1)

    @property
    def embedding_dim(self) -> int:
        return self.rows.shape[1]

    @property
    def dtype(self) -> torch.dtype:
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

    def parts(self, dtype: Optional[torch.dtype] = None) -> Iterator[Tensor]:
        """Yield all rows, trained ones included, a part at a time.

        dtype (Optional[torch.dtype]): Type of the rows; by default, that of the special rows.
        YIELDS (Tensor): Shape: (up to 65,536, width), on the CPU.
        """
        special = self.special.detach().to(device="cpu", dtype=dtype)
        ids = self.special_ids.cpu()
        for start in range(0, self.num_embeddings, PART_ROWS):
            part = self.rows[start : start + PART_ROWS].to(special.dtype, copy=True)
            missing = min(PART_ROWS, self.num_embeddings - start) - len(part)
            part = torch.cat([part, part.new_empty(missing, self.embedding_dim)]) if missing else part
            inside = (ids >= start) & (ids < start + len(part))
            part[ids[inside] - start] = special[inside]
            yield part

    def shared_storage(self) -> List[Optional[Tensor]]:
        return [self.rows]

    def replace_storage(self, given: Tensor) -> Optional[str]:
        if given.shape != self.shape:
            return f"expected {tuple(self.shape)}, found {tuple(given.shape)}"
        self.rows = given.detach().cpu()
        with torch.no_grad():
            self.special.copy_(self.rows[self.special_ids.cpu()])
        return None

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, special={self.special_ids[:8].tolist()}"

    def _save_to_state_dict(self, destination: Dict[str, Any], prefix: str, keep_vars: bool) -> None:
        destination[prefix + self.storage_name] = torch.cat(list(self.parts()))
