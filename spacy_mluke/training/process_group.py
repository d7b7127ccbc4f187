"""Data-parallel training: several processes train one pipeline, each on a shard of every batch.

Losses and gradients are sums over examples. So the sum of the gradients of all shards is the gradient of the whole
batch, and except for dropout, several processes give the same weights as a single process. The batch size of the
config is that of all processes together. `accelerate launch` or `torchrun` starts the processes, Accelerate connects
them.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import IO, Any, Callable, Dict, Iterator, List, Sequence, Tuple, TypeVar, cast

import torch
from spacy.language import Language
from thinc.api import Model, fix_random_seed, xp2torch
from torch import Tensor

from ..encoder.parameters import models_of, parameters_of
from ..errors import Errors

Item = TypeVar("Item")
_BUCKET_SIZE = 1 << 23  # numbers sent in one message
_TIMEOUT = timedelta(hours=24)  # the other processes wait while the first one evaluates


class ProcessGroup:
    """The processes that train together: only this one, unless it was started as one of several.

    rank (int): Number of this process. The first, 0, evaluates, logs and saves.
    size (int): Number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank = rank
        self.size = size

    @classmethod
    def join(cls, *, use_gpu: int = -1) -> ProcessGroup:
        """Connect to the other processes, if this one was started as one of several.

        use_gpu (int): -1 for the CPU, 0 or more for GPUs. Accelerate gives each process its own
            GPU, whatever the number.
        RETURNS (ProcessGroup): The process group.
        RAISES (ValueError): ML256 without Accelerate.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise ValueError(Errors.ML256) from error
        state = PartialState(cpu=use_gpu < 0, timeout=_TIMEOUT)
        return cls(state.process_index, state.num_processes)

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            torch.distributed.barrier()

    def shard(self, items: Sequence[Item]) -> List[Item]:
        """Return this process's part of a batch.

        items (Sequence[Item]): The batch, the same in all processes.
        RETURNS (List[Item]): Every `size`th item, from item `rank`; may be empty.
        """
        return list(items[self.rank :: self.size])

    def broadcast(self, value: Item) -> Item:
        """Send a value from the first process to all.

        value (Item): Anything that can be pickled; only the first process's value is used.
        RETURNS (Item): The first process's value.
        """
        if self.size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    def all_reduce(self, scalars: Dict[str, float]) -> Dict[str, float]:
        """Sum numbers over all processes.

        scalars (Dict[str, float]): Numbers by name.
        RETURNS (Dict[str, float]): Sums by name, for all names that any process has.
        """
        if self.size == 1:
            return scalars
        found: List[Any] = [None] * self.size
        torch.distributed.all_gather_object(found, scalars)
        return {
            name: sum(one.get(name, 0.0) for one in found) for name in dict.fromkeys(n for one in found for n in one)
        }

    def reseed(self, seed: int, step: int) -> None:
        """Give each process except the first one its own random seed, so that their dropout differs.

        The first keeps the seed of the training, so a single process draws what it would draw without this class.

        seed (int): Seed of the training.
        step (int): The next step: a training that is resumed there draws the same numbers.
        """
        if self.rank:
            fix_random_seed((seed + 1_000_003 * self.rank + step) % 2**32)

    # --- weights and gradients ---

    def broadcast_parameters(self, nlp: Language) -> None:
        """Copy the weights of the first process to all.

        nlp (Language): The pipeline, initialized.
        """
        if self.size > 1:
            for tensors in _buckets([weights for weights, _ in _parameters(nlp)]):
                buffer = _joined(tensors)
                torch.distributed.broadcast(buffer, src=0)
                _copy_parts(buffer, tensors)

    def all_reduce_gradients(self, nlp: Language) -> None:
        """Replace this process's gradients by their sums over all processes, before the optimizer steps.

        nlp (Language): The pipeline.
        """
        if self.size == 1:
            return
        for _, pipe in nlp.pipeline:
            # A shared encoder holds back the gradients of its listeners; `flush_update` passes them on.
            if hasattr(pipe, "flush_update"):
                pipe.flush_update()
        parameters = list(_parameters(nlp))
        has_gradient = torch.tensor([owner.has_gradient for _, owner in parameters], dtype=torch.int32)
        # Every process must send the same tensors, also those for which only another shard has a gradient.
        counts = has_gradient.to(parameters[0][0].device) if parameters else has_gradient
        torch.distributed.all_reduce(counts)
        gradients = [owner.gradient() for (_, owner), n in zip(parameters, counts.tolist(), strict=True) if n]
        for tensors in _buckets(gradients):
            buffer = _joined(tensors)
            torch.distributed.all_reduce(buffer)
            _copy_parts(buffer, tensors)


class _ThincGradient:
    """The gradient of a parameter of a thinc node."""

    def __init__(self, node: Model, name: str):
        self.node, self.name = node, name

    @property
    def has_gradient(self) -> bool:
        return bool(self.node.has_grad(self.name))

    def gradient(self) -> Tensor:
        if not self.has_gradient:
            self.node.set_grad(self.name, cast(Any, self.node.get_param(self.name)) * 0)
        return xp2torch(cast(Any, self.node.get_grad(self.name)))


class _TorchGradient:
    """The gradient of a PyTorch parameter."""

    def __init__(self, parameter: torch.nn.Parameter):
        self.parameter = parameter

    @property
    def has_gradient(self) -> bool:
        return self.parameter.grad is not None

    def gradient(self) -> Tensor:
        if self.parameter.grad is None:
            self.parameter.grad = torch.zeros_like(self.parameter)
        return self.parameter.grad


def _parameters(nlp: Language) -> Iterator[Tuple[Tensor, Any]]:
    """Each trained parameter once, in the same order in all processes: its weights, and the owner of its gradient."""
    seen = set()
    for _, model in models_of(nlp):
        for node in model.walk():
            if id(node) in seen:
                continue
            seen.add(id(node))
            for name in node.param_names:
                if node.has_param(name):
                    yield xp2torch(cast(Any, node.get_param(name))), _ThincGradient(node, name)
            for shim in node.shims:
                for _, parameter in parameters_of(shim):
                    if parameter.requires_grad:
                        yield parameter.data, _TorchGradient(parameter)


def _buckets(tensors: Sequence[Tensor]) -> Iterator[List[Tensor]]:
    """Group neighbouring tensors of one type, at most about 8 million numbers together (or one larger tensor)."""
    bucket: List[Tensor] = []
    n = 0
    for tensor in tensors:
        if bucket and (n + tensor.numel() > _BUCKET_SIZE or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, n = [], 0
        bucket.append(tensor)
        n += tensor.numel()
    if bucket:
        yield bucket


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def _copy_parts(buffer: Tensor, tensors: Sequence[Tensor]) -> None:
    """Copy the numbers of a joined buffer back into its tensors."""
    with torch.no_grad():
        for tensor, part in zip(tensors, buffer.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


def log_nothing(nlp: Language, stdout: IO, stderr: IO) -> Tuple[Callable[[Any], None], Callable[[], None]]:
    """Log nothing: the logger of every process except the first one. Arguments as for spaCy's loggers.

    RETURNS (Tuple[Callable, Callable]): Functions that log a step, and that end logging. Neither does anything.
    """
    return lambda info: None, lambda: None
