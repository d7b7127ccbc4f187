"""Files of quantized weights.

A file is a safetensors file whose metadata says how each tensor is stored (entry "spacy_mluke", JSON):

- `q4`, `q6`: uint8, blocks of 32 weights in 18 or 26 bytes (network/codecs.py): 4.5 or 6.5 bits per weight.
- `q8`: int8, and float32 `name + ".scale"` with one scale per row: 8 bits per weight.
- `f16`, `bf16`, `f32`: that floating point type.

The bundled checkpoint has two such files, named in its config.json under "spacy_mluke". To load it:

    words = open_words(path / "words.safetensors")          # a Q4Embedding, ids -> rows, mapped into memory
    tensors = read_quantized(path / "encoder.safetensors")  # the other tensors, dense, by their published names

To save a network that was loaded so, call `save_words(words, path)` and `write_quantized(path, tensors, storage)`.
`words.dense()` is the table for a checkpoint that other software reads.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import Errors
from ..network.codecs import BLOCK_BYTES, BLOCK_WEIGHTS, decode_blocks, decode_rows, encode_blocks, encode_rows
from ..network.quantized_table import Q4Embedding
from ..storage.files import replacing
from ..storage.untrusted import parse_json
from .tensor_names import WORDS

SCALE = ".scale"
METADATA = "spacy_mluke"
_PLAIN = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
_BITS = {"q4": 4, "q6": 6}
STORAGES = (*_BITS, "q8", *_PLAIN)
_PACKAGE = Path(__file__).resolve().parent.parent


def read_quantized(path: Path, dtype: torch.dtype = torch.float32) -> Dict[str, Tensor]:
    """Read a file of quantized weights as dense tensors.

    path (Path): The file.
    dtype (torch.dtype): Type of the tensors.
    RETURNS (Dict[str, Tensor]): Tensors with the published names and shapes. They do not share memory with the file.
    RAISES (ValueError): ML035 if the file cannot be read, ML036 if a storage is unknown, ML037 if a tensor
        does not have the type or shape of its storage.
    """
    tensors, metadata = _open(path)
    storage = metadata["storage"]
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
            # Copied, since the file may be replaced while these weights are in use.
            dense[name] = tensor.to(dtype, copy=True)
    return dense


def read_notes(path: Path) -> Dict[str, Any]:
    """Read what a file of quantized weights says about its tensors.

    path (Path): The file.
    RETURNS (Dict[str, Any]): The notes that were given to `write_quantized`, and "storage" by name.
    RAISES (ValueError): ML035 if the file cannot be read.
    """
    return _open(path)[1]


def write_quantized(
    path: Path, tensors: Mapping[str, Tensor], storage: Mapping[str, str], *, notes: Optional[Mapping[str, Any]] = None
) -> None:
    """Write tensors, each in a given storage. The same input gives the same bytes.

    path (Path): The file. An existing file is replaced, not overwritten: processes that have mapped it keep its
        content.
    tensors (Mapping[str, Tensor]): By published name. Blocks (uint8) are written unchanged.
    storage (Mapping[str, str]): Storage by name. Tensors without one are written as float32.
    notes (Optional[Mapping[str, Any]]): What `read_notes` returns: JSON, saved in the file's metadata.
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
            # Copied, since two names may share one tensor, which safetensors does not allow.
            kept[name] = tensor.detach().to(_PLAIN[kind], copy=True)
    _save(path, kept, {**(notes or {}), "storage": kinds})


def _known(kind: str, name: str, path: Path) -> str:
    if kind not in STORAGES:
        raise ValueError(Errors.ML036.format(name=name, path=path, storage=kind, known=", ".join(STORAGES)))
    return kind


def _save(path: Path, tensors: Mapping[str, Tensor], metadata: Dict[str, Any]) -> None:
    # One entry, in JSON: safetensors writes several entries in an order that changes from run to run.
    entry = {METADATA: json.dumps(metadata, sort_keys=True)}
    data = save({name: t.cpu().contiguous() for name, t in tensors.items()}, entry)
    with replacing(path) as aside:
        aside.write_bytes(data)


def _open(path: Path) -> Tuple[Dict[str, Tensor], Dict[str, Any]]:
    """Return the tensors of a file and its metadata: "storage", a dict by name, and other entries.

    The tensors are mapped privately: writing to one changes neither the file nor other mappings.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            entry = (file.metadata() or {}).get(METADATA)
    except (OSError, SafetensorError) as err:
        raise ValueError(Errors.ML035.format(path=path, reason=err)) from err
    try:
        metadata = parse_json(entry or "")
        return tensors, {**metadata, "storage": dict(metadata["storage"])}
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


@dataclass(frozen=True)
class WordsFile:
    """The file of a word table in 4 bits. A pickle of a packaged file holds its place in the package."""

    path: Path
    digest: str  # sha256 of the blocks; empty if the file does not have it

    @property
    def is_packaged(self) -> bool:
        return bool(self.digest) and self.path.resolve().is_relative_to(_PACKAGE)

    def read(self) -> Tensor:
        """Map the blocks.

        RETURNS (Tensor): Shape: (rows, n_blocks * 18), uint8.
        RAISES (ValueError): ML039 if the file is missing or has other blocks.
        """
        if not self.path.is_file():
            raise ValueError(Errors.ML039.format(path=self.path))
        blocks, digest = _read_words(self.path)
        if digest != self.digest:
            raise ValueError(Errors.ML039.format(path=self.path))
        return blocks

    def __reduce__(self) -> Tuple[Callable[..., WordsFile], Tuple[Any, ...]]:
        if self.is_packaged:
            return _packaged_file, (self.path.resolve().relative_to(_PACKAGE).as_posix(), self.digest)
        return WordsFile, (self.path, self.digest)


def _packaged_file(path: str, digest: str) -> WordsFile:
    return WordsFile(_PACKAGE / path, digest)


def open_words(path: Path) -> Q4Embedding:
    """Map the word table of a file that `save_words` wrote.

    path (Path): The file.
    RETURNS (Q4Embedding): The table.
    RAISES (ValueError): ML035 if the file cannot be read, ML037 if it holds no word table in 4 bits.
    """
    blocks, digest = _read_words(path)
    return Q4Embedding(blocks, WordsFile(path, digest))


def _read_words(path: Path) -> Tuple[Tensor, str]:
    tensors, metadata = _open(path)
    kind = metadata["storage"].get(WORDS, "nothing")
    blocks = tensors.get(WORDS)
    if blocks is None or kind != "q4" or not _fits(kind, blocks, None):
        raise ValueError(Errors.ML037.format(name=WORDS, path=path, storage="q4", found=kind))
    return blocks, str(metadata.get("sha256", ""))


def save_words(table: Q4Embedding, path: Path) -> None:
    """Write a word table in 4 bits.

    table (Q4Embedding): The table.
    path (Path): The file. An existing file is replaced, not overwritten.
    """
    blocks = table.blocks.cpu().contiguous()
    known = table.source.digest if table.is_unchanged and table.source is not None else ""
    digest = known or hashlib.sha256(blocks.numpy().data).hexdigest()
    _save(path, {WORDS: blocks}, {"storage": {WORDS: "q4"}, "sha256": digest})
