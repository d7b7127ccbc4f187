"""Trace modules as ONNX graphs with dynamic lengths."""

from __future__ import annotations

import inspect
import tempfile
import warnings
from pathlib import Path
from typing import Any, Dict, Tuple

import torch
from torch import Tensor, nn

# The oldest version with LayerNormalization.
OPSET = 17
# Names of the dynamic sizes of each input and output.
AXES: Dict[str, Tuple[str, ...]] = {
    "piece_ids": ("sequences", "pieces"),
    "piece_mask": ("sequences", "pieces"),
    "entity_ids": ("sequences", "entities"),
    "entity_mask": ("sequences", "entities"),
    "entity_bounds": ("sequences", "entities", ""),
    "keys": ("sequences", "", "", "pieces", ""),
    "values": ("sequences", "", "", "pieces", ""),
    "pairs": ("pairs", ""),
    "states": ("spans", ""),
    "logits": ("spans", ""),
    "mention_states": ("mentions", ""),
    "places": ("mentions",),
}
# States of a batch, or of one text in the head that classifies pairs of mentions.
_BATCHED = {"piece_states": ("sequences", "pieces", ""), "entity_states": ("sequences", "entities", "")}
_ONE_TEXT = {"piece_states": ("pieces", "")}


def trace(module: Any, inputs: Dict[str, Tensor]) -> Any:
    """Return a module as an ONNX graph.

    The exporter of torch.jit is used: it is much faster than that of torch.export, and does not need the package
    onnxscript.

    module (Any): A module with INPUTS and OUTPUTS, the names of its arguments and results.
    inputs (Dict[str, Tensor]): Examples of its arguments. No size may be 1.
    RETURNS (onnx.ModelProto): The graph.
    """
    import onnx

    assert isinstance(module, nn.Module)
    names = [*module.INPUTS, *module.OUTPUTS]  # type: ignore[misc]
    axes = {**AXES, **(_ONE_TEXT if "mention_states" in names else _BATCHED)}
    options: Dict[str, Any] = {
        "input_names": list(module.INPUTS),  # type: ignore[arg-type]
        "output_names": list(module.OUTPUTS),  # type: ignore[arg-type]
        "dynamic_axes": {name: {i: size for i, size in enumerate(axes[name]) if size} for name in names},
        "opset_version": OPSET,
    }
    # Versions before 2.5 have no other exporter.
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        # That this exporter is not the default, and that sizes of the example would become constants: they do not, as
        # the check with other sizes shows.
        warnings.simplefilter("ignore")
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(module.eval(), tuple(inputs[name] for name in module.INPUTS), str(path), **options)  # type: ignore[union-attr]
        return onnx.load(path)
