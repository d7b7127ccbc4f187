"""Choose the floating point type that an encoder predicts in, for `dtype = "auto"`.

The weights stay in float32, for training and saving. If the processor has units for bfloat16, and a layer of the
encoder is faster in it on this machine, predictions use a copy of the layers in bfloat16. Embeddings are not copied:
they are computed in float32 and shared.
"""

from __future__ import annotations

import copy
import statistics
import threading
import time
from typing import Any, Dict, Optional, Tuple

import torch
from torch import Tensor, nn

from .attention import takes_mixed_layout
from .config import EncoderConfig
from .layout import Layout, make_layout
from .transformer import Layer, LukeEncoder

CPU = torch.device("cpu")
# The layer must be this many times as fast in bfloat16: a smaller gain may be noise, and is not worth the rounding.
MARGIN = 1.2
# The check: rounds in which the layer runs once in each type, and the lengths of the sequences that it reads.
_ROUNDS = 7
_LENGTHS = (64, 64)

# Results of the check in this process, by the sizes of the layer and the device.
_measured: Dict[Tuple[Any, ...], bool] = {}
_lock = threading.Lock()


def choose_dtype(config: EncoderConfig, device: torch.device = CPU) -> str:
    """Return the faster type for predictions. It is measured once per process, for each size of layer and each device,
    and only if there are units for bfloat16.

    config (EncoderConfig): The encoder's sizes.
    device (torch.device): Where it predicts.
    RETURNS (str): "bfloat16", or "float32".
    """
    if not has_bfloat16_units(device):
        return "float32"
    key = (
        config.hidden_size,
        config.intermediate_size,
        config.num_attention_heads,
        config.hidden_act,
        config.use_entity_aware_attention,
        str(device),
    )
    with _lock:
        if key not in _measured:
            _measured[key] = _is_faster(config, device)
        return "bfloat16" if _measured[key] else "float32"


def has_bfloat16_units(device: torch.device) -> bool:
    """Return whether a device has units that multiply in bfloat16: AMX or AVX512-BF16 in a CPU, or CUDA's compute
    capability 8.0. CPUs are recognized with versions of torch that have `torch.cpu.get_capabilities`.

    device (torch.device): The device.
    RETURNS (bool): True if it has.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


def _is_faster(config: EncoderConfig, device: torch.device) -> bool:
    """Return whether a layer is faster in bfloat16 than in float32, by MARGIN or more: the median of several rounds."""
    # Without random numbers: the user's seed stays valid.
    with torch.device("meta"):
        full = Layer(config)
    full = full.to_empty(device=device).eval()
    rows = torch.linspace(-1, 1, sum(_LENGTHS) * config.hidden_size, device=device).view(-1, config.hidden_size)
    mixed = takes_mixed_layout(config.use_entity_aware_attention, "joint")
    layout = make_layout(_LENGTHS, [0] * len(_LENGTHS), mixed=mixed, device=device, round_rows=int)
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False):
        for parameter in full.parameters():
            parameter.fill_(0.01)
        half, half_rows = copy.deepcopy(full).to(torch.bfloat16), rows.to(torch.bfloat16)
        ratios = []
        # In the first round, kernels are compiled.
        for _ in range(1 + _ROUNDS):
            seconds = measure_layer(full, rows, layout)
            ratios.append(seconds / measure_layer(half, half_rows, layout))
    return statistics.median(ratios[1:]) >= MARGIN


def measure_layer(layer: Layer, rows: Tensor, layout: Layout) -> float:
    """Measure one run of a layer.

    layer (Layer): The layer.
    rows (Tensor): Its input, in the type of its weights. Shape: (n_rows, width).
    layout (Layout): The order of the rows.
    RETURNS (float): Seconds.
    """
    _wait_for(rows.device)
    started = time.perf_counter()
    layer(rows, layout, "joint")
    _wait_for(rows.device)
    return time.perf_counter() - started


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class BFloat16Copy:
    """A copy of an encoder with its layers in bfloat16, made at first use. Its embeddings are those of the encoder."""

    def __init__(self) -> None:
        self._network: Optional[LukeEncoder] = None
        self._lock = threading.Lock()

    def get(self, network: LukeEncoder) -> LukeEncoder:
        """Return the copy.

        network (LukeEncoder): The encoder, in float32; the same one in every call until `clear`.
        RETURNS (LukeEncoder): The copy, for predictions.
        """
        with self._lock:
            if self._network is None:
                self._network = with_bfloat16_layers(network)
            return self._network

    def clear(self) -> None:
        """Remove the copy, after the weights have changed."""
        with self._lock:
            self._network = None


def with_bfloat16_layers(network: LukeEncoder) -> LukeEncoder:
    """Return an encoder with the same embeddings, whose layers are copied to bfloat16.

    network (LukeEncoder): The encoder; it does not change.
    RETURNS (LukeEncoder): The copy, in evaluation mode, for predictions.
    """
    memo: Dict[int, Any] = {id(part): part for name, part in network.named_children() if name != "encoder"}
    with torch.inference_mode(False), torch.no_grad():
        for parameter in network.encoder.parameters():
            memo[id(parameter)] = nn.Parameter(parameter.detach().to(torch.bfloat16), requires_grad=False)
        return copy.deepcopy(network, memo)
