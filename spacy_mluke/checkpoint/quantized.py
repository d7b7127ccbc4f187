"""Files of quantized weights, and a word table that is read row by row.

A file is a safetensors file in which each tensor says its own storage (metadata entry "spacy_mluke", JSON):

- `q4`, `q6`: uint8, blocks of 32 weights in 18 or 26 bytes (codecs.py): 4.5 or 6.5 bits a weight.
- `q8`: int8, and float32 `name + ".scale"` with one scale per row: 8 bits.
- `f16`, `bf16`, `f32`: that floating point type.

The bundled checkpoint has two such files, named in its config.json under "spacy_mluke". To load it:

    words = Q4Embedding.open(path / "words.safetensors")    # a module, ids -> rows, mapped into memory
    tensors = read_quantized(path / "encoder.safetensors")  # all the others, dense, by their published names

To save a network that was loaded so: `words.save(path)`, and `write_quantized(path, tensors, storage)` with
the storages of choice. `words.dense()` is the table for a checkpoint that other software reads.
"""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..errors import Errors
from ..network.codecs import BLOCK_BYTES, BLOCK_WEIGHTS, decode_blocks, decode_rows, encode_blocks, encode_rows
from ..storage.files import replacing
from ..storage.untrusted import parse_json

WORDS = "embeddings.word_embeddings.weight"
SCALE = ".scale"
METADATA = "spacy_mluke"
_PLAIN = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
_BITS = {"q4": 4, "q6": 6}
STORAGES = (*_BITS, "q8", *_PLAIN)
_ROW_BYTES = BLOCK_BYTES[4]
_PACKAGE = Path(__file__).resolve().parent.parent


def read_quantized(path: Path, dtype: torch.dtype = torch.float32) -> Dict[str, Tensor]:
    """Read a file of quantized weights as dense tensors.

    path (Path): The file.
    dtype (torch.dtype): Type of the tensors.
    RETURNS (Dict[str, Tensor]): Tensors of the published names and shapes, which own their memory.
    RAISES (ValueError): ML035 if the file cannot be read, ML036 if a storage is unknown, ML037 if a tensor
        does not have the type or shape of its storage.
    """
    tensors, storage, _ = _open(path)
    dense = {}
    for name, tensor in tensors.items():
        if name.endswith(SCALE) and storage.get(name[: -len(SCALE)]) == "q8":
            continue
        kind = _known(storage.get(name, "f32"), name, path)
        scales = tensors.get(name + SCALE)
        if not _fits(kind, tensor, scales):
            found = f"{tensor.dtype} {tuple(tensor.shape)}"
            raise ValueError(Errors.ML037.format(name=name, path=path, storage=kind, found=found))
        if kind in _BITS:
            dense[name] = decode_blocks(tensor, _BITS[kind], dtype)
        elif kind == "q8":
            assert scales is not None
            dense[name] = decode_rows(tensor, scales, dtype)
        else:
            # A copy: the file may be replaced while these weights are in use.
            dense[name] = tensor.to(dtype, copy=True)
    return dense


def write_quantized(path: Path, tensors: Mapping[str, Tensor], storage: Mapping[str, str]) -> None:
    """Write tensors, each in its own storage. The same input gives the same bytes.

    path (Path): The file. One that is there is replaced, not overwritten: who has it mapped keeps the old
        one.
    tensors (Mapping[str, Tensor]): By published name. Blocks (uint8) are written as they are.
    storage (Mapping[str, str]): Name -> storage. A tensor without one is written as float32.
    RAISES (ValueError): ML036 if a storage is unknown, ML038 if a tensor's shape does not allow its storage.
    """
    kept: Dict[str, Tensor] = {}
    kinds = {name: _known(storage.get(name, "f32"), name, path) for name in tensors}
    for name, tensor in tensors.items():
        kind = kinds[name]
        if kind in _BITS:
            is_encoded = tensor.dtype == torch.uint8
            unit = BLOCK_BYTES[_BITS[kind]] if is_encoded else BLOCK_WEIGHTS
            if tensor.dim() != 2 or tensor.shape[1] % unit:
                raise ValueError(Errors.ML038.format(name=name, shape=tuple(tensor.shape), storage=kind))
            kept[name] = tensor if is_encoded else encode_blocks(tensor, _BITS[kind])
        elif kind == "q8":
            if tensor.dim() != 2:
                raise ValueError(Errors.ML038.format(name=name, shape=tuple(tensor.shape), storage=kind))
            kept[name], kept[name + SCALE] = encode_rows(tensor)
        else:
            # A copy: two names may share one tensor, which a file cannot.
            kept[name] = tensor.detach().to(_PLAIN[kind], copy=True)
    _save(path, kept, {"storage": kinds})


def _known(kind: str, name: str, path: Path) -> str:
    if kind not in STORAGES:
        raise ValueError(Errors.ML036.format(name=name, path=path, storage=kind, known=", ".join(STORAGES)))
    return kind


def _save(path: Path, tensors: Mapping[str, Tensor], metadata: Dict[str, Any]) -> None:
    # One entry, in JSON: safetensors writes several in an order that changes from run to run.
    entry = {METADATA: json.dumps(metadata, sort_keys=True)}
    data = save({name: t.cpu().contiguous() for name, t in tensors.items()}, entry)
    with replacing(path) as aside:
        aside.write_bytes(data)


def _open(path: Path) -> Tuple[Dict[str, Tensor], Dict[str, str], str]:
    """Tensors, their storages and the digest of a file.

    The tensors are mapped privately: writing to one would change neither the file nor another mapping.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            entry = (file.metadata() or {}).get(METADATA)
    except (OSError, SafetensorError) as err:
        raise ValueError(Errors.ML035.format(path=path, reason=err)) from err
    try:
        metadata = parse_json(entry or "")
        return tensors, dict(metadata["storage"]), str(metadata.get("sha256", ""))
    except (KeyError, TypeError, ValueError) as err:
        reason = f"its metadata has no entry '{METADATA}' that names a storage for each tensor"
        raise ValueError(Errors.ML035.format(path=path, reason=reason)) from err


def _fits(kind: str, tensor: Tensor, scales: Optional[Tensor]) -> bool:
    if kind in _BITS:
        return tensor.dtype == torch.uint8 and tensor.dim() == 2 and not tensor.shape[1] % BLOCK_BYTES[_BITS[kind]]
    if kind == "q8":
        has_scales = scales is not None and scales.dtype == torch.float32 and scales.shape == tensor.shape[:1]
        return has_scales and tensor.dtype == torch.int8 and tensor.dim() == 2
    return tensor.is_floating_point()


class Q4Embedding(nn.Module):
    """A frozen embedding table that stays in its 4-bit blocks: `forward` dequantizes the rows asked for.

    Blocks that come from a file are memory-mapped: opening costs no time, and only rows in use take memory.
    Rows come out in the type that the module was converted to (`module.to(torch.bfloat16)`), float32 at
    first.

    Copies (`copy.deepcopy`) share the blocks. `state_dict` has them as `blocks`; loading one puts its
    blocks in place of the present ones and writes into neither. A pickle of the bundled table holds its
    place in the package, not its 54 MB; one of another table holds the blocks.

    blocks (Tensor): Shape: (rows, n_blocks * 18), uint8.
    """

    blocks: Tensor
    _probe: Tensor

    def __init__(self, blocks: Tensor):
        super().__init__()
        self.register_buffer("blocks", blocks)
        # No elements, only a type: module.to(dtype) converts it, as it does any floating point buffer.
        self.register_buffer("_probe", torch.empty(0), persistent=False)
        self._digest = ""
        self._file: Optional[Path] = None
        self._mapped: Optional[Tensor] = None

    @classmethod
    def open(cls, path: Path) -> Q4Embedding:
        """Map the table of a file that `save` wrote.

        path (Path): The file.
        RETURNS (Q4Embedding): The table.
        RAISES (ValueError): ML035 if the file cannot be read, ML037 if it holds no 4-bit word table.
        """
        tensors, storage, digest = _open(path)
        kind = storage.get(WORDS, "nothing")
        blocks = tensors.get(WORDS)
        if blocks is None or kind != "q4" or not _fits(kind, blocks, None):
            raise ValueError(Errors.ML037.format(name=WORDS, path=path, storage="q4", found=kind))
        table = cls(blocks)
        table._digest = digest
        table._file, table._mapped = path, blocks
        return table

    def save(self, path: Path) -> None:
        """Write the table to a file, as blocks. One that is there is replaced, not overwritten.

        path (Path): The file.
        """
        blocks = self.blocks.cpu().contiguous()
        # A file's blocks have the digest that the file has.
        known = self._digest if self.blocks is self._mapped else ""
        digest = known or hashlib.sha256(blocks.numpy().data).hexdigest()
        _save(path, {WORDS: blocks}, {"storage": {WORDS: "q4"}, "sha256": digest})

    @property
    def num_embeddings(self) -> int:
        return self.blocks.shape[0]

    @property
    def embedding_dim(self) -> int:
        return self.blocks.shape[1] // _ROW_BYTES * BLOCK_WEIGHTS

    @property
    def dtype(self) -> torch.dtype:
        """Type of the rows that `forward` returns."""
        return self._probe.dtype

    def forward(self, ids: Tensor) -> Tensor:
        """Look up rows.

        ids (Tensor): Any shape, int64 or int32.
        RETURNS (Tensor): Shape: (*ids.shape, embedding_dim).
        """
        return decode_blocks(self._rows(ids.reshape(-1)), dtype=self.dtype).view(*ids.shape, self.embedding_dim)

    def _rows(self, ids: Tensor) -> Tensor:
        # numpy takes ids from the end of a table, too: an error, which torch raises.
        if self.blocks.device.type != "cpu" or (len(ids) and int(ids.min()) < 0):
            return self.blocks.index_select(0, ids)
        # In one thread, for the reason that decode_blocks has.
        return torch.from_numpy(np.take(self.blocks.numpy(), ids.numpy(), axis=0))

    def dense(self) -> Tensor:
        """The whole table, as `nn.Embedding.weight` holds it.

        RETURNS (Tensor): Shape: (num_embeddings, embedding_dim).
        """
        table = torch.empty((self.num_embeddings, self.embedding_dim), dtype=self.dtype, device=self.blocks.device)
        # By parts: the intermediate results of the whole would take several times its size.
        for start in range(0, len(table), 4096):
            table[start : start + 4096] = decode_blocks(self.blocks[start : start + 4096], dtype=self.dtype)
        return table

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
        # Taken, not copied into the present blocks: those may be a file's, or shared with other modules.
        key = prefix + "blocks"
        given = state_dict.get(key)
        if given is None:
            missing_keys.extend([key] if strict else [])
        elif given.dtype != torch.uint8 or given.shape != self.blocks.shape:
            error_msgs.append(
                f"{key}: expected uint8 {tuple(self.blocks.shape)}, found {given.dtype} {tuple(given.shape)}"
            )
        else:
            self.blocks = given.to(self.blocks.device)
        unexpected_keys.extend(k for k in state_dict if strict and k.startswith(prefix) and k != key)

    def __deepcopy__(self, memo: Dict[int, Any]) -> Q4Embedding:
        other = self.__class__.__new__(self.__class__)
        memo[id(self)] = other
        memo[id(self.blocks)] = self.blocks
        memo[id(self._mapped)] = self._mapped
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other

    def __getstate__(self) -> Dict[str, Any]:
        state = self.__dict__.copy()
        state["_mapped"] = None
        place = self._place_in_package()
        state["_file"] = place
        if place is not None:
            state["_buffers"] = {**self._buffers, "blocks": None}
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._file is None:
            return
        path = _PACKAGE / self._file
        found = Q4Embedding.open(path) if path.is_file() else None
        if found is None or found._digest != self._digest:
            raise ValueError(Errors.ML039.format(path=path))
        self.blocks, self._file, self._mapped = found.blocks, found._file, found.blocks

    def _place_in_package(self) -> Optional[str]:
        """Where these blocks lie within the package, if they are those of a file of the package."""
        if self._file is None or self.blocks is not self._mapped or not self._digest:
            return None
        path = self._file.resolve()
        return path.relative_to(_PACKAGE).as_posix() if path.is_relative_to(_PACKAGE) else None
