"""A word table with 4 bits per weight, decoded row by row."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Protocol

import numpy as np
import torch
from torch import Tensor

from .codecs import BLOCK_BYTES, BLOCK_WEIGHTS, decode_blocks
from .tables import DECODED_ROWS, FileTable

_BITS = 4


class BlockSource(Protocol):
    """A file that the blocks of a table are mapped from."""

    @property
    def digest(self) -> str:
        """The sha256 of the blocks; empty if unknown."""

    @property
    def is_packaged(self) -> bool:
        """Whether the file belongs to the package, so that a pickle need not contain the blocks."""

    def read(self) -> Tensor:
        """Map the blocks."""


class Q4Embedding(FileTable):
    """A frozen embedding table that stays in 4-bit blocks. `forward` decodes the rows that are looked up.

    Blocks from a file are memory-mapped: opening is immediate, and only rows in use take memory. Rows have the type
    that the module was converted to (`module.to(torch.bfloat16)`), float32 at first. `state_dict` has the `blocks`. A
    pickle of the bundled table holds its place in the package, not its 54 MB; a pickle of another table holds the
    blocks.

    blocks (Tensor): Shape: (rows, n_blocks * 18), uint8.
    source (Optional[BlockSource]): The file that they are mapped from, if any.
    """

    storage_name = "blocks"
    blocks: Tensor
    _probe: Tensor

    def __init__(self, blocks: Tensor, source: Optional[BlockSource] = None):
        super().__init__()
        self.register_buffer("blocks", blocks)
        # Empty: it only has a type, which module.to(dtype) changes like that of any floating point buffer.
        self.register_buffer("_probe", torch.empty(0), persistent=False)
        self.source = source
        self._mapped = blocks if source is not None else None

    @property
    def is_unchanged(self) -> bool:
        """Whether the blocks are those of the file."""
        return self._mapped is not None and self.blocks is self._mapped

    @property
    def num_embeddings(self) -> int:
        return self.blocks.shape[0]

    @property
    def embedding_dim(self) -> int:
        return self.blocks.shape[1] // BLOCK_BYTES[_BITS] * BLOCK_WEIGHTS

    @property
    def dtype(self) -> torch.dtype:
        return self._probe.dtype

    def forward(self, ids: Tensor) -> Tensor:
        """Look up rows.

        ids (Tensor): Any shape, int64 or int32.
        RETURNS (Tensor): Shape: (*ids.shape, embedding_dim).
        """
        return decode_blocks(self._rows(ids.reshape(-1)), dtype=self.dtype).view(*ids.shape, self.embedding_dim)

    def _rows(self, ids: Tensor) -> Tensor:
        # numpy would count negative ids from the end of the table; torch raises an error.
        if self.blocks.device.type != "cpu" or (len(ids) and int(ids.min()) < 0):
            return self.blocks.index_select(0, ids)
        # In one thread, for the reason given in decode_blocks.
        return torch.from_numpy(np.take(self.blocks.numpy(), ids.numpy(), axis=0))

    def parts(self, dtype: Optional[torch.dtype] = None) -> Iterator[Tensor]:
        """Yield all rows, decoded, a part at a time.

        dtype (Optional[torch.dtype]): Type of the rows; by default, `self.dtype`.
        YIELDS (Tensor): Shape: (up to 4,096, width).
        """
        for blocks in self.blocks.split(DECODED_ROWS):
            yield decode_blocks(blocks, dtype=dtype or self.dtype)

    def dense(self) -> Tensor:
        """Return the whole table, as `nn.Embedding.weight` holds it.

        RETURNS (Tensor): Shape: (num_embeddings, embedding_dim).
        """
        table = torch.empty(self.shape, dtype=self.dtype, device=self.blocks.device)
        start = 0
        for part in self.parts():
            table[start : start + len(part)] = part
            start += len(part)
        return table

    def shared_storage(self) -> List[Optional[Tensor]]:
        return [self.blocks, self._mapped]

    def replace_storage(self, given: Tensor) -> Optional[str]:
        if given.dtype != torch.uint8 or given.shape != self.blocks.shape:
            return f"expected uint8 {tuple(self.blocks.shape)}, found {given.dtype} {tuple(given.shape)}"
        self.blocks = given.to(self.blocks.device)
        return None

    def __getstate__(self) -> Dict[str, Any]:
        is_packaged = self.is_unchanged and self.source is not None and self.source.is_packaged
        state = {**self.__dict__, "_mapped": None, "source": self.source if is_packaged else None}
        if is_packaged:
            state["_buffers"] = {**self._buffers, "blocks": None}
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        super().__setstate__(state)
        if self.source is not None:
            self.blocks = self._mapped = self.source.read()
