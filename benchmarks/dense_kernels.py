"""Measure which library multiplies fastest in few bits: layers without attention, with the same weights.

    python -m benchmarks.dense_kernels --compile

Only installed libraries run: `pip install onnxruntime onnx onnxscript openvino torchao` for all of them. A layer has
four matrix products, activation, residuals and norms; attention, which is not quantized, is omitted. Prints
microseconds for each row and layer, speed relative to PyTorch in float32, and the lowest cosine to its states.
"""

from __future__ import annotations

import copy
import functools
import importlib.util
import tempfile
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn
from wasabi import msg

from spacy_mluke.network.int8 import Int8Linear, round_to_steps

from .timing import take_turns, timed

SIZES = {"base": (768, 3072), "small": (384, 1536)}
SIZE = typer.Option(list(SIZES), help="Sizes to measure")
N_ROWS = typer.Option(1024, help="Number of rows in a call")
ROUNDS = typer.Option(15, help="Number of rounds")
COMPILE = typer.Option(False, "--compile", help="Also measure torch.compile, which needs a C++ compiler")
N_LAYERS = 4
Run = Callable[[Tensor], Tensor]


class Dense(nn.Module):
    """A layer without attention."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.projections = nn.Linear(width, 3 * width)
        self.output = nn.Linear(3 * width, width)
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def forward(self, rows: Tensor) -> Tensor:
        rows = self.norms[0](self.output(self.projections(rows)) + rows)
        return self.norms[1](self.outer(F.gelu(self.inner(rows))) + rows)


class Ours(nn.Module):
    """A linear layer in eight bits."""

    def __init__(self, layer: nn.Linear):
        super().__init__()
        self.int8 = Int8Linear(layer.weight, layer.bias)

    def forward(self, rows: Tensor) -> Tensor:
        return self.int8(rows)


class OursCompiled(Ours):
    """A linear layer in eight bits, with everything but the matrix product compiled."""

    def forward(self, rows: Tensor) -> Tensor:
        rounded, scales, least = _compiled_rounding(rows)
        return _compiled_sum(self.int8.multiply(rounded), scales, least, self.int8._shifts, self.int8._bias)


_compiled_rounding = torch.compile(round_to_steps, dynamic=True)


@functools.partial(torch.compile, dynamic=True)
def _compiled_sum(products: Tensor, scales: Tensor, least: Tensor, shifts: Tensor, bias: Tensor) -> Tensor:
    return products * scales + least * shifts + bias


def main(size: List[str] = SIZE, n_rows: int = N_ROWS, rounds: int = ROUNDS, compiled: bool = COMPILE) -> None:
    """Measure every installed library."""
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    table = []
    for name in size:
        network = nn.Sequential(*[Dense(*SIZES[name]) for _ in range(N_LAYERS)]).eval().requires_grad_(False)
        rows = torch.randn(n_rows, SIZES[name][0])
        with torch.no_grad():
            expected = network(rows)
            runs = prepare(network, rows)
            if compiled:
                runs.update(_of_torch_compile(network, rows))
            calls = {key: functools.partial(run, rows) for key, run in runs.items()}
            timings = take_turns(calls, rounds, warm_up=1)
        plain = timings.median("torch, float32")
        for key, states in timings.results.items():
            median = timings.median(key)
            cosine = float(torch.cosine_similarity(states.float(), expected, dim=1).min())
            per_row = 1e6 * median / n_rows / N_LAYERS
            table.append((name, key, f"{per_row:.1f}", f"{plain / median:.2f}", f"{cosine:.4f}"))
    header = ("size", "library", "us per row and layer", "relative speed", "lowest cosine")
    msg.table(table, header=header, aligns=tuple("llrrr"), divider=True)


def prepare(network: nn.Module, rows: Tensor) -> Dict[str, Run]:
    """Return the layers of every installed library, by name."""
    runs: Dict[str, Run] = {
        "torch, float32": network,
        "torch, bfloat16": _in_bfloat16(network),
        "ours, int8": _replaced(network, Ours),
    }
    for engine in ("onednn", "fbgemm"):
        if engine in torch.backends.quantized.supported_engines:
            runs[f"torch.ao dynamic int8, {engine}"] = _of_torch_ao(network, engine)
    if importlib.util.find_spec("torchao"):
        runs["torchao, int8"] = _of_torchao(network)
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnxscript"):
        runs.update(_of_onnx_runtime(network, rows))
    if importlib.util.find_spec("openvino"):
        runs.update(_of_openvino(network, rows))
    return runs


def _in_bfloat16(network: nn.Module) -> Run:
    halved = copy.deepcopy(network).bfloat16()
    return lambda rows: halved(rows.bfloat16())


def _replaced(network: nn.Module, make: Callable[[nn.Linear], nn.Module]) -> nn.Module:
    copied = copy.deepcopy(network)
    for layer in copied.modules():
        for name, child in list(layer.named_children()):
            if isinstance(child, nn.Linear):
                setattr(layer, name, make(child))
    return copied


def _of_torch_compile(network: nn.Module, rows: Tensor) -> Dict[str, Run]:
    runs: Dict[str, Run] = {
        "torch.compile, float32": torch.compile(network, dynamic=True),
        "ours, int8, torch.compile": _replaced(network, OursCompiled),
    }
    for key, run in runs.items():
        seconds, _ = timed(functools.partial(run, rows))
        msg.text(f"{key}: compiled in {seconds:.0f} s")
    return runs


def _of_torch_ao(network: nn.Module, engine: str) -> Run:
    def make(layer: nn.Linear) -> nn.Module:
        torch.backends.quantized.engine = engine
        found = torch.ao.nn.quantized.dynamic.Linear(layer.in_features, layer.out_features)
        scales = (layer.weight.abs().amax(1) / 127).double()
        zeros = torch.zeros(layer.out_features, dtype=torch.long)
        found.set_weight_bias(torch.quantize_per_channel(layer.weight, scales, zeros, 0, torch.qint8), layer.bias)
        return found

    quantized = _replaced(network, make)

    def run(rows: Tensor) -> Tensor:
        torch.backends.quantized.engine = engine
        return quantized(rows)

    return run


def _of_torchao(network: nn.Module) -> Run:
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    copied = copy.deepcopy(network)
    quantize_(copied, Int8DynamicActivationInt8WeightConfig())
    return copied


def _of_onnx_runtime(network: nn.Module, rows: Tensor) -> Dict[str, Run]:
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as name:
        plain, small = Path(name) / "plain.onnx", Path(name) / "int8.onnx"
        torch.onnx.export(
            network, (rows,), plain, input_names=["rows"], output_names=["states"], dynamo=True, verbose=False
        )
        quantize_dynamic(plain, small, weight_type=QuantType.QInt8, per_channel=True)
        sessions = {
            "ONNX Runtime, float32": onnxruntime.InferenceSession(plain),
            "ONNX Runtime, int8": onnxruntime.InferenceSession(small),
        }
    return {key: _session(session) for key, session in sessions.items()}


def _session(session: Any) -> Run:
    return lambda rows: torch.from_numpy(session.run(None, {"rows": rows.numpy()})[0])


def _of_openvino(network: nn.Module, rows: Tensor) -> Dict[str, Run]:
    import openvino

    model = openvino.convert_model(network, example_input=rows)
    runs = {}
    for key, precision in (("float32", "f32"), ("bfloat16", "bf16")):
        hints = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        runs[f"OpenVINO, {key}"] = _compiled(openvino.Core().compile_model(model, "CPU", hints))
    return runs


def _compiled(compiled: Any) -> Run:
    return lambda rows: torch.from_numpy(compiled(rows.numpy())[0])


if __name__ == "__main__":
    typer.run(main)
