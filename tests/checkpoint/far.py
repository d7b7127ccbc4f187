"""A simulated second device: tensors that behave as if they were on a GPU, and fail where a GPU's would.

Their numbers are real, so what runs there can be compared with the CPU. The device calls itself "meta"; to the code it
is some device that is not the CPU. What asks for "cuda" gets it.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

FAR = torch.device("meta")
# Operations that accept tensors of both devices.
_CROSSING = ("aten::copy_", "aten::_to_copy", "aten::_copy_from", "aten::_copy_from_and_resize")
# The kernel of attention: 0 is the one of matrix products.
_CHOICE = "aten::_fused_sdp_choice"


class Mixed(AssertionError):
    """Tensors of two devices in one operation."""


class FarTensor(Tensor):
    """A tensor of the simulated device. `near` has its values."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> FarTensor:
        made: Any = torch.Tensor._make_wrapper_subclass(
            cls,
            near.shape,
            strides=near.stride(),
            storage_offset=near.storage_offset(),
            dtype=near.dtype,
            device=FAR,
        )
        made.near = near
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"FarTensor({self.near!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    __torch_function__ = torch._C._disabled_torch_function_impl


class _Far(TorchDispatchMode):
    """Creates tensors on the simulated device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Unseen(TorchFunctionMode):
    """Handles operations that no dispatch mode receives: moving Python numbers to a device, assigning `data`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs["device"]
            return func(*args, **{**kwargs, "device": None}).to(device)
        args, kwargs = tree_map(_far_for_cuda, args), tree_map(_far_for_cuda, kwargs)
        if func == Tensor.data.__set__ and isinstance(args[0], FarTensor):  # type: ignore[attr-defined]
            args[0].near = args[1].near
        return func(*args, **kwargs)


@contextlib.contextmanager
def far_device() -> Iterator[torch.device]:
    """Simulate a second device within a context. An operation with tensors of both devices is an error.

    Networks that are there should be moved back before it closes.

    YIELDS (torch.device): The device.
    """
    with _Unseen(), _Far():
        yield FAR


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    tensors: List[Tensor] = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, Tensor)]
    far = [x for x in tensors if isinstance(x, FarTensor)]
    name = func._schema.name
    if name == _CHOICE:
        return 0
    if far and name not in _CROSSING:
        # A single number on the CPU may be combined with any tensor, as for a GPU.
        near = [x for x in tensors if not isinstance(x, FarTensor) and x.dim()]
        if near:
            raise Mixed(f"{name}: {[(type(x).__name__, tuple(x.shape)) for x in tensors]}")
    device = kwargs.get("device")
    goes_far = bool(far) if device is None else torch.device(device) == FAR
    if name == "aten::copy_":
        goes_far = isinstance(args[0], FarTensor)
    if device is not None:
        kwargs = {**kwargs, "device": "cpu"}
    found = func(*tree_map(_near, args), **tree_map(_near, kwargs))
    if not goes_far:
        return found
    wrapped = tree_map(lambda x: FarTensor(x) if isinstance(x, Tensor) else x, found)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if far else wrapped


def _far_for_cuda(x: Any) -> Any:
    return FAR if isinstance(x, torch.device) and x.type == "cuda" else x


def _near(x: Any) -> Any:
    return x.near if isinstance(x, FarTensor) else x
