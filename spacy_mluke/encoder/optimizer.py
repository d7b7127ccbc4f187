"""AdamW as the papers use it, for the parameters of thinc and of PyTorch."""

import contextlib
import functools
import math
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union, cast

import numpy
import torch
from thinc.api import Model, Optimizer, torch2xp, xp2torch
from thinc.types import Generator
from torch import Tensor, nn
from torch.optim.adamw import adamw

from ..errors import Errors, check_at_least, check_dropout
from .parameters import parameters_of

Key = Tuple[int, str]
FloatOrSeq = Union[float, List[float], Generator]
# Parameters without weight decay. thinc calls a bias "b" and the weight of a layer norm "G".
_NOT_DECAYED = frozenset({"b", "bias", "G"})


class Stepped(NamedTuple):
    """A parameter and its gradient in one step of the optimizer."""

    key: Key  # id of the thinc node or shim, and the parameter's name
    weights: Tensor
    gradient: Tensor


def build_adamw_v1(
    learn_rate: FloatOrSeq = 1e-5,
    *,
    weight_decay: FloatOrSeq = 0.01,
    beta1: FloatOrSeq = 0.9,
    beta2: FloatOrSeq = 0.999,
    eps: FloatOrSeq = 1e-8,
    grad_clip: FloatOrSeq = 1.0,
    use_averages: bool = False,
) -> "AdamW":
    """Build the optimizer of the papers. Registered as `spacy-mluke.AdamW.v1`.

    Each number may be a schedule, such as `warmup_linear.v1`.

    learn_rate (FloatOrSeq): Learning rate.
    weight_decay (FloatOrSeq): Decoupled weight decay (Loshchilov and Hutter, 2019), multiplied by the learning rate.
        Biases and layer norms are not decayed.
    beta1 (FloatOrSeq): Decay rate of the running mean of gradients.
    beta2 (FloatOrSeq): Decay rate of the running mean of squared gradients.
    eps (FloatOrSeq): Added to the root of the mean of squared gradients.
    grad_clip (FloatOrSeq): Maximum norm of all gradients of a component together. 0 for no limit.
    use_averages (bool): Whether to keep running averages of the weights; spaCy evaluates and saves those.
    RETURNS (AdamW): The optimizer.
    RAISES (ValueError): ML071, ML310 for a number out of range. Schedules are not checked.
    """
    numbers = {"learn_rate": learn_rate, "weight_decay": weight_decay, "eps": eps, "grad_clip": grad_clip}
    for option, value in numbers.items():
        if isinstance(value, (int, float)):
            check_at_least(option, value, 0, whole=False)
    for option, value in (("beta1", beta1), ("beta2", beta2)):
        if isinstance(value, (int, float)):
            check_dropout(value, option)
    return AdamW(
        learn_rate,
        weight_decay=weight_decay,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        use_averages=use_averages,
    )


class AdamW(Optimizer):
    """A thinc Optimizer that steps with PyTorch's AdamW, all parameters of a network at once.

    Gradients are clipped by one norm: inside `clipping` by the norm over the whole model, encoder and head; otherwise
    by the norm over the parameters of one call. thinc's own layers call once for each parameter.

    Arguments as for `build_adamw_v1`.
    """

    mom1: Dict[Key, Any]  # torch tensors, float32, in the shapes of the parameters
    mom2: Dict[Key, Any]

    def __init__(
        self,
        learn_rate: FloatOrSeq,
        *,
        weight_decay: FloatOrSeq = 0.01,
        beta1: FloatOrSeq = 0.9,
        beta2: FloatOrSeq = 0.999,
        eps: FloatOrSeq = 1e-8,
        grad_clip: FloatOrSeq = 1.0,
        use_averages: bool = False,
    ):
        super().__init__(
            learn_rate,
            L2=weight_decay,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            grad_clip=grad_clip,
            use_averages=use_averages,
            L2_is_weight_decay=True,
        )
        # The factor of gradients inside `clipping`.
        self._factor: Optional[float] = None
        # float32 copies of half-precision weights: half precision rounds away steps at these learning rates.
        self._full: Dict[Key, Tensor] = {}

    def __call__(self, key: Key, weights: Any, gradient: Any, *, lr_scale: float = 1.0) -> Tuple[Any, Any]:
        """Step one parameter of a thinc layer, in place.

        key (Key): The node's id and the parameter's name.
        weights (FloatsXd): The parameter.
        gradient (FloatsXd): Its gradient, which is set to zero.
        lr_scale (float): Factor of the learning rate.
        RETURNS (Tuple[FloatsXd, FloatsXd]): The same two arrays.
        """
        if gradient.size:
            device = torch.device("cpu") if isinstance(weights, numpy.ndarray) else None
            pair = xp2torch(weights, device=device), xp2torch(gradient, device=device)
            self.step_together([Stepped(key, *pair)], lr_scale=lr_scale)
            gradient *= 0
        return weights, gradient

    def step_parameters(self, owner: int, parameters: Iterable[Tuple[str, nn.Parameter]]) -> None:
        """Step the parameters of a network that have a gradient, and clear their gradients.

        owner (int): Id of the network's shim.
        parameters (Iterable[Tuple[str, nn.Parameter]]): As from `named_parameters`.
        """
        found = [(name, param) for name, param in parameters if param.grad is not None]
        self.step_together([Stepped((owner, name), param.data, cast(Tensor, param.grad)) for name, param in found])
        for _, param in found:
            param.grad = None

    def step_together(self, items: Sequence[Stepped], *, lr_scale: float = 1.0) -> None:
        """Step parameters in place, with gradients clipped by one norm.

        items (Sequence[Stepped]): The parameters. Their gradients may be changed, too.
        lr_scale (float): Factor of the learning rate.
        RAISES (ValueError): ML246 if a gradient is not finite.
        """
        factor = self._factor
        if factor is None:
            factor = self._clip_factor([item.gradient for item in items])
        full = [self._in_full(item) for item in items]
        with torch.no_grad():
            for decays in (True, False):
                chosen = [item for item in full if is_decayed(item.key[1]) == decays]
                for device in {item.weights.device for item in chosen}:
                    together = [item for item in chosen if item.weights.device == device]
                    self._step(together, float(self.L2) if decays else 0.0, lr_scale * self.learn_rate, factor)
            for item, stepped in zip(items, full, strict=True):
                if item.weights.dtype != torch.float32:
                    item.weights.copy_(stepped.weights)
                if self.averages is not None:
                    self._average(stepped)

    def _step(self, items: List[Stepped], decay: float, rate: float, factor: float) -> None:
        for item in items:
            self._make_moments(item)
            self.nr_update[item.key] += 1
        device = items[0].weights.device
        is_fused = device.type == "cuda" or (device.type == "cpu" and _has_fused())
        gradients = [item.gradient for item in items]
        if factor != 1.0 and not is_fused:
            gradients = [gradient * factor for gradient in gradients]
        # torch adds 1 before it uses them.
        counts = [float(self.nr_update[item.key] - 1) for item in items]
        adamw(
            [item.weights for item in items],
            gradients,
            [self.mom1[item.key] for item in items],
            [self.mom2[item.key] for item in items],
            [],
            list(torch.tensor(counts, device=device if is_fused else None).unbind()),
            fused=is_fused,
            foreach=not is_fused,
            # The fused step divides gradients by this while it reads them.
            grad_scale=torch.tensor(1.0 / factor, device=device) if is_fused and factor != 1.0 else None,
            amsgrad=False,
            beta1=float(self.b1),
            beta2=float(self.b2),
            lr=rate,
            weight_decay=decay,
            eps=float(self.eps),
            maximize=False,
        )

    def _make_moments(self, item: Stepped) -> None:
        """Start moments at zero for a parameter that is new, or has grown with its labels."""
        moment = self.mom1.get(item.key)
        if moment is None or moment.shape != item.weights.shape:
            self.mom1[item.key] = torch.zeros_like(item.weights)
            self.mom2[item.key] = torch.zeros_like(item.weights)
            self.nr_update[item.key] = 0
        elif moment.device != item.weights.device:
            self.mom1[item.key] = moment.to(item.weights.device)
            self.mom2[item.key] = self.mom2[item.key].to(item.weights.device)

    def _in_full(self, item: Stepped) -> Stepped:
        """Return the parameter and its gradient in float32."""
        if item.weights.dtype == torch.float32:
            return Stepped(item.key, item.weights, item.gradient.float())
        full = self._full.get(item.key)
        # If the weights were changed in the meantime, for instance loaded, the old copy is dropped.
        if full is not None and full.device != item.weights.device:
            full = self._full[item.key] = full.to(item.weights.device)
        if full is None or full.shape != item.weights.shape or not torch.equal(full.to(item.weights), item.weights):
            full = self._full[item.key] = item.weights.float()
        return Stepped(item.key, full, item.gradient.float())

    def _average(self, item: Stepped) -> None:
        assert self.averages is not None
        average: Any = self.averages.get(item.key)
        if average is None or tuple(average.shape) != tuple(item.weights.shape):
            average = torch2xp(torch.zeros_like(item.weights))
        mean = xp2torch(average, device=item.weights.device)
        n = self.nr_update[item.key]
        # The same formula as thinc.
        mean.lerp_(item.weights, 1.0 - min((1.0 + n) / (10.0 + n), 0.9999))
        # Shares memory with the average, unless the weights moved to another device.
        self.averages[item.key] = cast(Any, torch2xp(mean))

    # --- clipping ---

    @contextlib.contextmanager
    def clipping(self, model: Model) -> Iterator[None]:
        """Clip gradients by their norm over a whole model, encoder and head, while the context is open.

        model (Model): The model that is stepped in the context.
        RAISES (ValueError): ML246 if a gradient is not finite.
        """
        gradients: List[Tensor] = []
        for node in model.walk():
            for shim in node.shims:
                gradients.extend(param.grad for _, param in parameters_of(shim) if param.grad is not None)
            gradients.extend(xp2torch(node.get_grad(name)) for name in node.param_names if node.has_grad(name))
        self._factor = self._clip_factor(gradients)
        try:
            yield
        finally:
            self._factor = None

    def _clip_factor(self, gradients: List[Tensor]) -> float:
        if not self.grad_clip or not gradients:
            return 1.0
        norms = [torch.linalg.vector_norm(gradient, dtype=torch.float32).cpu() for gradient in gradients]
        norm = float(torch.linalg.vector_norm(torch.stack(norms)))
        if not math.isfinite(norm):
            raise ValueError(Errors.ML246.format(norm=norm))
        # The same formula as torch.nn.utils.clip_grad_norm_.
        return min(1.0, self.grad_clip / (norm + 1e-6))


def finish_update(model: Model, optimizer: Optimizer) -> None:
    """Step all parameters of a model; AdamW clips their gradients by one norm.

    model (Model): Encoder and head.
    optimizer (Optimizer): Any thinc optimizer.
    """
    if isinstance(optimizer, AdamW):
        with optimizer.clipping(model):
            model.finish_update(optimizer)
    else:
        model.finish_update(optimizer)


def is_decayed(name: str) -> bool:
    """Return whether weight decay applies to a parameter: to all except biases and layer norms.

    name (str): Its name, in PyTorch or thinc.
    RETURNS (bool): Whether it is decayed.
    """
    *_, last = name.split(".")
    return last not in _NOT_DECAYED and "layernorm" not in name.lower().replace("_", "")


@functools.cache
def _has_fused() -> bool:
    """Return whether this version of PyTorch has a fused AdamW on the CPU."""
    tensors = [[torch.zeros(1)] for _ in range(5)]
    weights, gradients, first, second, steps = tensors
    try:
        adamw(
            weights, gradients, first, second, [], [steps[0][0]], fused=True, foreach=False,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=0.0, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
    except (RuntimeError, NotImplementedError):
        return False
    return True
