"""The weights of all graphs of an export, in one file, each array once.

Encoders of a pipeline share the word table, and the two graphs of an encoder share its layers: ONNX files refer to the
same bytes of this file, and runtimes map it into memory.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Dict, Mapping, Optional, Tuple, Type

import numpy

NAME = "weights.bin"
# Arrays from this size on are in the file; smaller ones stay in their graph.
MIN_BYTES = 1024
# Where arrays start: runtimes map whole pages.
_PAGE = 4096


class WeightFile:
    """Writes arrays to a file, equal ones once.

    path (Path): The file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._places: Dict[bytes, Tuple[int, int]] = {}

    def __enter__(self) -> WeightFile:
        self._file: BinaryIO = self.path.open("wb")
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._file.close()

    def add(self, data: Any) -> Tuple[int, int]:
        """Write an array.

        data (Any): Its bytes, or a C-contiguous array.
        RETURNS (Tuple[int, int]): First byte and number of bytes in the file.
        """
        view = memoryview(data).cast("B")
        digest = hashlib.sha256(view).digest()
        if digest not in self._places:
            self._file.write(b"\0" * (-self._file.tell() % _PAGE))
            self._places[digest] = (self._file.tell(), len(view))
            self._file.write(view)
        return self._places[digest]


def move_weights(model: Any, target: WeightFile, tables: Mapping[str, Any]) -> None:
    """Move the large arrays of a graph to a WeightFile.

    model (onnx.ModelProto): The graph, changed in place.
    target (WeightFile): The file.
    tables (Mapping[str, Any]): Arrays in place of those that the graph was traced with, by the end of their name: a
        graph is traced with a few rows of a large table.
    """
    import onnx

    for tensor in model.graph.initializer:
        table = next((rows for name, rows in tables.items() if tensor.name.endswith(name)), None)
        if table is not None:
            rows = numpy.ascontiguousarray(table)
            assert rows.dtype == onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
            del tensor.dims[:]
            tensor.dims.extend(rows.shape)
            place = target.add(rows)
        else:
            data = onnx.numpy_helper.to_array(tensor).tobytes()
            if len(data) < MIN_BYTES:
                continue
            place = target.add(data)
        for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
            tensor.ClearField(field)
        # What ONNX needs to read a tensor from a file beside it.
        tensor.data_location = onnx.TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in (("location", NAME), ("offset", place[0]), ("length", place[1])):
            tensor.external_data.add(key=key, value=str(value))
