"""Check spacy_mluke on a GPU: same results as on the CPU, memory, and speed compared with the reference.

    python -m scripts.check_gpu [--device cuda] [--gpu-id 0] [--encoder mluke-small] [--output gpu.json]

Takes less than four minutes. For each component, it compares the CPU and the device: predictions, gradients of a
training step, and three steps with AdamW; also mixed-precision training and half-precision predictions with float32.
It measures peak memory, and sequences a second of the encoder and of transformers' `LukeModel` with the same weights.
`--device cpu` compares the CPU with itself, to test the script.

Prints a table and writes a JSON file. The exit code is 1 if a check fails, and 2 without a device.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy
import torch
from thinc.api import require_cpu, require_gpu, use_ops
from wasabi import msg

from scripts.gpu.pipelines import NAMES, Case, copy_case, gradients, make_case, predictions, steps
from scripts.gpu.speed import measure_speed

# GPUs may multiply matrices in TF32, and add numbers in another order.
FORWARD, BACKWARD, LOSSES = 2e-3, 2e-2, 2e-2
COSINE = 0.99
# Gradients of the first step of a randomly initialized head, in bfloat16.
MIXED = 0.95
SPEED = "speed"


@dataclass
class Check:
    """A measured value; a check, if it has a limit."""

    part: str
    name: str
    value: float
    limit: Optional[float] = None
    is_least: bool = False  # whether the limit is a minimum instead of a maximum

    @property
    def ok(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.is_least else self.value <= self.limit


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Read the command line, run the checks, and report.

    arguments (Optional[Sequence[str]]): Default: the arguments of the process.
    RETURNS (int): Exit code.
    """
    parser = argparse.ArgumentParser(description="Check spacy_mluke on a GPU.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--gpu-id", type=int, default=0)
    parser.add_argument("--encoder", default="mluke-small", help="a checkpoint with heads for words and entities")
    parser.add_argument("--components", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument(
        "--sequences", "--passes", type=int, default=256, help="number of sequences in a round of the speed measurement"
    )
    parser.add_argument("--seconds", type=float, default=230, help="parts that would start later are skipped")
    parser.add_argument("--output", type=Path, default=Path("check_gpu.json"))
    given = parser.parse_args(arguments)
    missing = what_is_missing(given.device)
    if missing:
        msg.fail(missing)
        return 2
    started = time.perf_counter()
    found: List[Check] = []
    left_out: List[str] = []
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(scratch)
        for part in [*given.components, SPEED]:
            if time.perf_counter() - started > given.seconds:
                left_out.append(part)
                continue
            found += check_speed(given) if part == SPEED else check_component(part, given, folder)
    seconds = time.perf_counter() - started
    rows = [(c.part, c.name, f"{c.value:.4g}", _limit(c), "yes" if c.ok else "NO") for c in found]
    if rows:
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        msg.table(rows, header=("part", "check", "value", "limit", "ok"), divider=True, widths=widths)
    if left_out:
        msg.warn(f"Skipped because of the time limit: {', '.join(left_out)}")
    report = {
        "device": describe_device(given.device, given.gpu_id), "encoder": given.encoder, "seconds": seconds,
        "torch": torch.__version__, "python": platform.python_version(), "left_out": left_out,
        "checks": [{**asdict(check), "ok": check.ok} for check in found],
    }  # fmt: skip
    given.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf8")
    failed = [check for check in found if not check.ok]
    text = f"{len(found)} values, {len(failed)} beyond their limits, {seconds:.0f} s: {given.output}"
    if failed:
        msg.fail(text)
    else:
        msg.good(text)
    return 1 if failed else 0


def what_is_missing(device: str) -> str:
    """Return why a device cannot be used.

    device (str): "cuda" or "cpu".
    RETURNS (str): The reason and what to do; empty for a usable device.
    """
    if device == "cpu":
        return ""
    if not torch.cuda.is_available():
        return "PyTorch finds no GPU, so nothing was checked. '--device cpu' runs the same checks on the CPU."
    try:
        import cupy  # noqa: F401
    except ImportError:
        return "thinc needs CuPy for GPUs, which is not installed: pip install cupy-cuda12x (for CUDA 12)."
    return ""


@contextlib.contextmanager
def on(device: str, gpu_id: int) -> Iterator[None]:
    """Make and run pipelines on a device.

    device (str): "cuda" or "cpu".
    gpu_id (int): GPU id.
    """
    if device == "cpu":
        yield
        return
    require_gpu(gpu_id)
    try:
        yield
    finally:
        require_cpu()


def describe_device(device: str, gpu_id: int) -> str:
    """Return the name of a device."""
    return torch.cuda.get_device_name(gpu_id) if device == "cuda" else platform.processor() or platform.machine()


def check_component(name: str, given: Any, folder: Path) -> List[Check]:
    """Compare a component on the device with the same component on the CPU.

    name (str): The factory.
    given (argparse.Namespace): The command line.
    folder (Path): A folder for files.
    RETURNS (List[Check]): The checks.
    """
    with use_ops("numpy"):
        case = make_case(name, given.encoder, folder)
        expected = predictions(case)
        loss, slopes = gradients(copy_case(case))
        history = steps(copy_case(case), 3)
    with on(given.device, given.gpu_id):
        _reset_memory(given.device)
        moved = copy_case(case)
        found = predictions(moved)
        moved_loss, moved_slopes = gradients(moved)
        moved_history = steps(moved, 3)
        peak = _peak_memory(given.device)
        mixed = _mixed(case, slopes)
    checks = [
        Check(name, "predictions: difference", _distance(found, expected), FORWARD),
        Check(name, "loss: difference", _relative(moved_loss, loss), LOSSES),
        Check(name, "gradients: difference, of the largest", _worst(moved_slopes, slopes), BACKWARD),
        Check(name, "loss after three steps: difference", _relative(moved_history[-1], history[-1]), LOSSES),
        Check(name, "mixed precision: cosine of gradients", mixed, MIXED, is_least=True),
    ]
    if name == "mluke":
        with on(given.device, given.gpu_id):
            checks += [
                Check(name, f"{dtype}: cosine of vectors", _half(case, given, folder, dtype), COSINE, is_least=True)
                for dtype in ("bfloat16", "float16")
            ]
    if peak is not None:
        checks.append(Check(name, "memory at most, MB", peak))
    # An encoder that is moved back to the CPU gives the same results.
    if given.device != "cpu":
        with on(given.device, given.gpu_id):
            back = copy_case(case)
        back.pipe.model.to_cpu()
        checks.append(Check(name, "predictions after to_cpu", _distance(predictions(back), expected), FORWARD))
    return checks


def check_speed(given: Any) -> List[Check]:
    """Measure sequences a second of the encoder and of the reference, and words a second of a pipeline."""
    with on(given.device, given.gpu_id):
        device = torch.device(f"cuda:{given.gpu_id}" if given.device == "cuda" else "cpu")
        found = measure_speed(given.encoder, device, given.sequences)
    return [Check(SPEED, name, value) for name, value in found.items()]


def _mixed(case: Case, slopes: Dict[str, numpy.ndarray]) -> float:
    """Return the cosine of gradients in mixed precision and in float32."""
    moved = copy_case(case)
    moved.encoder.shims[0].cfg["mixed_precision"] = True
    _, found = gradients(moved)
    return _cosine(
        numpy.concatenate([found[name].ravel() for name in sorted(slopes)] or [numpy.zeros(0)]),
        numpy.concatenate([slopes[name].ravel() for name in sorted(slopes)] or [numpy.zeros(0)]),
    )


def _half(case: Case, given: Any, folder: Path, dtype: str) -> float:
    other = make_case(case.name, given.encoder, folder, dtype=dtype)
    full = make_case(case.name, given.encoder, folder)
    return _cosine(predictions(other), predictions(full))


def _cosine(a: numpy.ndarray, b: numpy.ndarray) -> float:
    norms = float(numpy.linalg.norm(a) * numpy.linalg.norm(b))
    # Gradients of a zero-initialized head are zero in every precision.
    return float(a @ b) / norms if norms else float(not a.any() and not b.any())


def _distance(found: numpy.ndarray, expected: numpy.ndarray) -> float:
    """Return the largest difference; infinite if only one of two values is NaN."""
    if found.shape != expected.shape or not numpy.array_equal(numpy.isfinite(found), numpy.isfinite(expected)):
        return float("inf")
    finite = numpy.isfinite(expected)
    return float(numpy.abs(found[finite] - expected[finite]).max(initial=0.0))


def _relative(found: float, expected: float) -> float:
    return abs(found - expected) / max(abs(expected), 1e-6)


def _worst(found: Dict[str, numpy.ndarray], expected: Dict[str, numpy.ndarray]) -> float:
    if found.keys() != expected.keys():
        return float("inf")
    largest = max((float(numpy.abs(slope).max(initial=0.0)) for slope in expected.values()), default=0.0)
    worst = max((float(numpy.abs(found[name] - expected[name]).max(initial=0.0)) for name in expected), default=0.0)
    return worst / max(largest, 1e-6)


def _reset_memory(device: str) -> None:
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peak_memory(device: str) -> Optional[float]:
    return torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else None


def _limit(check: Check) -> str:
    if check.limit is None:
        return ""
    return f"{'>=' if check.is_least else '<='} {check.limit:g}"


if __name__ == "__main__":
    sys.exit(main())
