"""Several processes that train one pipeline, each on its share of every batch.

Losses and gradients are sums over examples. So the gradients of all shares, added up, are those of the whole batch, and
what several processes train is what one would, but for dropout: the batch of the config stays the batch, however many
they are. `accelerate launch` or `torchrun` starts them; Accelerate connects them.
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
# Floats that are sent together.
_BUCKET = 1 << 23
# A process waits while the first one evaluates.
_PATIENCE = timedelta(hours=24)


class Team:
    """The processes that train together: one by itself, unless it was started as one of several.

    rank (int): Which one this is. The first, 0, evaluates, logs and saves.
    size (int): How many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank = rank
        self.size = size

    @classmethod
    def join(cls, *, use_gpu: int = -1) -> Team:
        """Find the others, if this process was started as one of several.

        use_gpu (int): Below 0 for the CPU.
        RETURNS (Team): The team.
        RAISES (ValueError): ML256 without Accelerate.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise ValueError(Errors.ML256) from error
        state = PartialState(cpu=use_gpu < 0, timeout=_PATIENCE)
        return cls(state.process_index, state.num_processes)

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Go on when all have come so far."""
        if self.size > 1:
            torch.distributed.barrier()

    def share(self, items: Sequence[Item]) -> List[Item]:
        """What of a batch is this process's to do.

        items (Sequence[Item]): The batch, the same for all.
        RETURNS (List[Item]): Its share; may be empty.
        """
        return list(items[self.rank :: self.size])

    def agree(self, value: Item) -> Item:
        """Let all have what the first one has.

        value (Item): The first one's counts. Anything that can be pickled.
        RETURNS (Item): Its value.
        """
        if self.size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    def add_numbers(self, numbers: Dict[str, float]) -> Dict[str, float]:
        """Sums over all processes.

        numbers (Dict[str, float]): Numbers by name.
        RETURNS (Dict[str, float]): The sums, of all names that any process has.
        """
        if self.size == 1:
            return numbers
        found: List[Any] = [None] * self.size
        torch.distributed.all_gather_object(found, numbers)
        return {
            name: sum(one.get(name, 0.0) for one in found) for name in dict.fromkeys(n for one in found for n in one)
        }

    def reseed(self, seed: int, step: int) -> None:
        """Let the other processes than the first one draw dropout of their own.

        seed (int): Of the training.
        step (int): The step that comes next: a training that goes on there draws the same.
        """
        if self.rank:
            fix_random_seed((seed + 1_000_003 * self.rank + step) % 2**32)

    # --- weights and gradients ---

    def align(self, nlp: Language) -> None:
        """Give all the weights of the first one.

        nlp (Language): The pipeline, initialized.
        """
        if self.size > 1:
            for tensors in _buckets([weights for weights, _ in _parameters(nlp)]):
                buffer = _joined(tensors)
                torch.distributed.broadcast(buffer, src=0)
                _part(buffer, tensors)

    def add_up(self, nlp: Language) -> None:
        """Replace the gradients of this process's share by those of the batch, before the optimizer steps.

        nlp (Language): The pipeline.
        """
        if self.size == 1:
            return
        for _, pipe in nlp.pipeline:
            # What listeners have sent to a shared encoder, and waits there for more.
            if hasattr(pipe, "flush_update"):
                pipe.flush_update()
        parameters = list(_parameters(nlp))
        is_there = torch.tensor([holder.has_gradient for _, holder in parameters], dtype=torch.int32)
        # A share may have none where another one has: every process must send the same.
        counts = is_there.to(parameters[0][0].device) if parameters else is_there
        torch.distributed.all_reduce(counts)
        gradients = [holder.gradient() for (_, holder), n in zip(parameters, counts.tolist(), strict=True) if n]
        for tensors in _buckets(gradients):
            buffer = _joined(tensors)
            torch.distributed.all_reduce(buffer)
            _part(buffer, tensors)


class _OfNode:
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


class _OfNetwork:
    """The gradient of a parameter of torch's."""

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
    """All that trains, once, in an order that all processes have: weights, and who holds their gradient."""
    seen = set()
    for _, model in models_of(nlp):
        for node in model.walk():
            if id(node) in seen:
                continue
            seen.add(id(node))
            for name in node.param_names:
                if node.has_param(name):
                    yield xp2torch(cast(Any, node.get_param(name))), _OfNode(node, name)
            for shim in node.shims:
                for _, parameter in parameters_of(shim):
                    if parameter.requires_grad:
                        yield parameter.data, _OfNetwork(parameter)


def _buckets(tensors: Sequence[Tensor]) -> Iterator[List[Tensor]]:
    """Tensors that are sent together: neighbours of one type, about 8 million numbers."""
    bucket: List[Tensor] = []
    n = 0
    for tensor in tensors:
        if bucket and (n + tensor.numel() > _BUCKET or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, n = [], 0
        bucket.append(tensor)
        n += tensor.numel()
    if bucket:
        yield bucket


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def _part(buffer: Tensor, tensors: Sequence[Tensor]) -> None:
    """Put a bucket's numbers back into their places."""
    with torch.no_grad():
        for tensor, part in zip(tensors, buffer.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


def log_nothing(nlp: Language, stdout: IO, stderr: IO) -> Tuple[Callable[[Any], None], Callable[[], None]]:
    """The logger of a process that is not the first one. Arguments as for spaCy's loggers.

    RETURNS (Tuple[Callable, Callable]): What logs a step, and what ends it: neither does anything.
    """
    return lambda info: None, lambda: None
