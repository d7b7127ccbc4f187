"""Put the matrices of a graph into eight bits."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any


def to_int8(graph: Any) -> Any:
    """Return a graph whose products with weights are computed in eight bits.

    Weights are rounded once, with a scale for each output; activations are rounded in each product ("dynamic").

    graph (onnx.ModelProto): The graph in float32.
    RETURNS (onnx.ModelProto): The graph in eight bits.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(graph, source)
        logger = logging.getLogger()
        level = logger.level
        # It recommends a preparation for convolutional networks.
        logger.setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                weight_type=QuantType.QInt8,
                # Seven bits of each weight: sums of two products of eight bits overflow on processors without VNNI.
                reduce_range=True,
            )
        finally:
            logger.setLevel(level)
        return onnx.load(target)
