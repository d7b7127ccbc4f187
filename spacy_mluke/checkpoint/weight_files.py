"""Read weight files of every published format without copying; write safetensors a part at a time."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import Errors
from ..network.mapped_table import MappedEntityTable
from ..storage.files import replacing
from ..storage.untrusted import parse_json, read_untrusted

SAFETENSORS, PICKLED = "model.safetensors", "pytorch_model.bin"
_MAX_INDEX = 64 << 20  # bytes of an index of shards
_LFS_POINTER = b"version https://git-lfs"
_DTYPES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float64: "F64",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def weight_files(directory: Path) -> List[Path]:
    """Return the files that hold a checkpoint's weights: one file, or the shards of an index.

    directory (Path): A directory in Hugging Face format.
    RETURNS (List[Path]): Existing files, safetensors if there are any; empty if there are no weights.
    RAISES (ValueError): ML044 if an index is damaged or names a missing file.
    """
    for name in (SAFETENSORS, PICKLED):
        if (directory / name).is_file():
            return [directory / name]
        index = directory / f"{name}.index.json"
        if index.is_file():
            return _shards(index)
    return []


def _shards(index: Path) -> List[Path]:
    try:
        content = parse_json(read_untrusted(index, most=_MAX_INDEX))
        names = sorted(set(content["weight_map"].values()))
        # Only files in the directory are read, whatever the index says.
        paths = [index.parent / Path(name).name for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise ValueError(Errors.ML044.format(path=index, reason=f"it is not an index of shards ({err!r})")) from err
    missing = [path.name for path in paths if not path.is_file()]
    if missing or not paths:
        raise ValueError(
            Errors.ML044.format(
                path=index, reason=f"it names missing files: {', '.join(missing)}" if missing else "it names no files"
            )
        )
    return paths


def read_weights(files: Iterable[Path]) -> Dict[str, Tensor]:
    """Read tensors by name. They are memory-mapped, so only what is used is read.

    The mappings are private: writing to a tensor never changes the file. No code in a file is executed.

    files (Iterable[Path]): safetensors, or files of `torch.save` that contain only tensors.
    RETURNS (Dict[str, Tensor]): Tensors on the CPU, in the types of the files.
    RAISES (ValueError): ML045 if a file is damaged, ML046 if it contains other objects than tensors.
    """
    tensors: Dict[str, Tensor] = {}
    for path in files:
        found = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
        twice = sorted(found.keys() & tensors.keys())
        if twice:
            raise _damaged(path, f"it has '{twice[0]}', which another file of the checkpoint also has")
        tensors.update(found)
    return tensors


def _read_safetensors(path: Path) -> Dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as err:
        raise _damaged(path, err) from err


def _read_pickled(path: Path) -> Dict[str, Tensor]:
    try:
        # torch < 1.6 did not write zip archives. Such files cannot be mapped.
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_archive(path))
    except pickle.UnpicklingError as err:
        code = re.search(r"GLOBAL (\S+)", str(err))
        if code is None:
            raise _damaged(path, "it was not written by torch.save") from err
        # Without torch's own message, which recommends to load the file anyway.
        raise ValueError(Errors.ML046.format(path=path, found=f"contains code ({code[1]})")) from None
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, AssertionError, zipfile.BadZipFile) as err:
        raise _damaged(path, err) from err
    if not isinstance(found, Mapping) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise ValueError(Errors.ML046.format(path=path, found="contains other objects than tensors"))
    return {str(name): tensor.detach() for name, tensor in found.items()}


def _is_archive(path: Path) -> bool:
    """Return whether a file is a zip archive.

    RAISES (ValueError): If its tensors are compressed or stored twice. torch would map the compressed bytes.
    """
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    compressed = [
        entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1
    ]
    if compressed:
        raise ValueError(f"its entries are compressed ('{compressed[0]}'); torch.save does not compress them")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("it contains an entry twice")
    return True


def _damaged(path: Path, reason: object) -> ValueError:
    size = 0
    with contextlib.suppress(OSError), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            reason = "it is a Git LFS pointer, not the file itself ('git lfs pull' fetches that)"
    text = str(reason).partition("\n")[0] or type(reason).__name__
    return ValueError(Errors.ML045.format(path=path, size=size, reason=text))


def write_weights(
    path: Path,
    tensors: Mapping[str, Union[Tensor, MappedEntityTable]],
    *,
    dtype: Optional[torch.dtype] = None,
) -> None:
    """Write a safetensors file. Unlike the library's writer, it does not hold the whole file in memory.

    path (Path): The file. An existing file is replaced, not overwritten: processes that have mapped it keep its
        content.
    tensors (Mapping[str, Union[Tensor, MappedEntityTable]]): By name. All rows of a mapped table are written.
    dtype (Optional[torch.dtype]): Type to convert to; by default, the type of each tensor.
    """
    header: Dict[str, Any] = {"__metadata__": {"format": "pt"}}
    # Widest types first, so that each tensor starts at a multiple of its type's size.
    dtypes = {name: dtype or tensor.dtype for name, tensor in tensors.items()}
    names = sorted(tensors, key=lambda name: (-dtypes[name].itemsize, name))
    end = 0
    for name in names:
        shape = list(tensors[name].shape)
        start, end = end, end + math.prod(shape) * dtypes[name].itemsize
        header[name] = {"dtype": _DTYPES[dtypes[name]], "shape": shape, "data_offsets": [start, end]}
    encoded = json.dumps(header, ensure_ascii=False).encode("utf8")
    encoded += b" " * (-len(encoded) % 8)
    with replacing(path) as aside, aside.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for name in names:
            tensor = tensors[name]
            parts = tensor.parts(dtypes[name]) if isinstance(tensor, MappedEntityTable) else [tensor]
            for part in parts:
                rows = part.detach().to(device="cpu", dtype=dtypes[name]).contiguous()
                # As bytes: numpy has no bfloat16.
                file.write(rows.reshape(-1).view(torch.uint8).numpy().data)
