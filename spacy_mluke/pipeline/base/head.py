"""Base of components with a linear head on an encoder: its weights, also published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, cast

from safetensors import SafetensorError
from safetensors.numpy import load, save
from thinc.api import Model
from thinc.util import to_numpy

from ...checkpoint.directory import open_checkpoint
from ...encoder.access import load_model
from ...errors import Errors
from ...heads.linear import set_weights, start_weights
from ...storage.files import replacing
from .published import has_published_form, load_encoder_model, own_encoder, published_labels, published_tensors
from .serialization import Part
from .task import TaskPipe

HEAD = "head.safetensors"


class HeadPipe(TaskPipe):
    """Base of components with a linear head: initializes its weights, loads published ones, and saves them."""

    head_name = "classifier"  # name of the head in published models

    def head_params(self) -> Dict[str, Tuple[Model, str]]:
        """Return the head's parameters: published name -> layer and parameter name."""
        linear = self.model.get_ref("linear")
        names = {"W": f"{self.head_name}.weight", "b": f"{self.head_name}.bias"}
        return {names[param]: (linear, param) for param in linear.param_names}

    def extra_params(self) -> Dict[str, Tuple[Model, str]]:
        """Return parameters that are saved with the head, but are not part of published models."""
        return {}

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the head: rows of its weight."""
        raise NotImplementedError

    def has_head(self) -> bool:
        return all(layer.has_param(param) for layer, param in self.head_params().values())

    def head_width(self) -> int:
        """Return the number of inputs of the head. Reads the config of the encoder's checkpoint, if necessary.

        RETURNS (int): The number of columns of its weight.
        RAISES (ValueError): ML081 if a listener is not connected to an encoder.
        """
        encoder = self.model.get_ref("encoder")
        if encoder.has_dim("nO") is None:
            encoder.initialize()
        if encoder.has_dim("nO") is None:
            raise ValueError(Errors.ML081)
        return encoder.get_dim("nO") * self.model.attrs.get("size", 1)

    def head_tensors(self) -> Dict[str, Any]:
        if not self.has_head():
            return {}
        return {name: to_numpy(layer.get_param(param)) for name, (layer, param) in self.head_params().items()}

    def needs_annotation(self) -> bool:
        load_encoder_model(self.model)
        return not self.has_head() and not self.load_published_head()

    # --- weights ---

    def initialize_head(self) -> None:
        """Give the head fresh weights for its outputs."""
        start_weights(self.model.get_ref("linear"), self.n_outputs, self.head_width())

    def load_published_head(self) -> bool:
        """Use the head, and its labels, of the checkpoint that the encoder was loaded from.

        RETURNS (bool): Whether the checkpoint has such a head.
        RAISES (ValueError): ML078 for a head of another task, ML079 if labels do not fit it, ML341 if its tensors are
            not weights.
        """
        encoder = own_encoder(self.model)
        if encoder is None or not has_published_form(self.model):
            return False
        checkpoint = open_checkpoint(load_model(encoder).source)
        tensors = published_tensors(checkpoint, self.head_name)
        if not tensors:
            return False
        weight = tensors.get(f"{self.head_name}.weight")
        shape: Tuple[int, ...] = () if weight is None else weight.shape
        width = self.head_width()
        fits = len(shape) == 2 and shape[1] == width
        fits = fits and all(values.shape == shape[:1] for name, values in tensors.items() if name.endswith(".bias"))
        if set(tensors) != set(self.head_params()) or not fits:
            text = Errors.ML078.format(path=checkpoint.path, found=shape, name=self.name, width=width, kind=self.kind)
            raise ValueError(text)
        self.use_published_head(tensors, published_labels(checkpoint, shape[0]))
        return True

    def use_published_head(self, tensors: Mapping[str, Any], labels: List[str]) -> None:
        """Use the weights of a published head.

        tensors (Mapping[str, Floats]): Weights by published name.
        labels (List[str]): Labels of its outputs.
        RAISES (ValueError): ML079 if the number of outputs differs.
        """
        self.set_head(tensors)

    def set_head(self, tensors: Mapping[str, Any]) -> None:
        """Set the head's weights.

        tensors (Mapping[str, Floats]): Weights by published name.
        RAISES (ValueError): ML079 if the number of outputs differs.
        """
        rows = len(next(iter(tensors.values())))
        if self.n_outputs != rows:
            raise ValueError(Errors.ML079.format(name=self.name, labels=self.n_outputs, rows=rows))
        weight, bias = tensors[f"{self.head_name}.weight"], tensors.get(f"{self.head_name}.bias")
        set_weights(self.model.get_ref("linear"), weight, bias)

    # --- saving ---

    def before_saving(self, skipped: Sequence[str]) -> None:
        super().before_saving(skipped)
        if HEAD.partition(".")[0] not in skipped and not self.has_head():
            # The saved encoder has no head, so the checkpoint's head must be loaded now.
            self.load_published_head()

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        head = Part(HEAD, self._write_head, self._read_head, self._head_bytes, self._head_from_bytes)
        return [*super().parts(exclude, place), head]

    def _write_head(self, path: Path) -> None:
        with replacing(path) as aside:
            aside.write_bytes(self._head_bytes())

    def _read_head(self, path: Path) -> None:
        self._parse_head(path.read_bytes(), str(path))

    def _head_bytes(self) -> bytes:
        extra = {
            name: to_numpy(layer.get_param(param))
            for name, (layer, param) in self.extra_params().items()
            if layer.has_param(param)
        }
        return save({**self.head_tensors(), **extra})

    def _head_from_bytes(self, data: bytes) -> None:
        self._parse_head(data, "the bytes")

    def _parse_head(self, data: bytes, source: str) -> None:
        try:
            tensors = load(data)
        except SafetensorError as error:
            raise ValueError(Errors.ML087.format(path=source, name=self.name, reason=error)) from error
        if not tensors:
            # A component that was saved before training has no weights.
            return
        for name, (layer, param) in self.extra_params().items():
            if name in tensors:
                layer.set_param(param, layer.ops.asarray_f(cast(Any, tensors.pop(name))))
        expected = self.head_params()
        if set(tensors) != set(expected):
            reason = f"found {', '.join(sorted(tensors))}, expected {', '.join(sorted(expected))}"
            raise ValueError(Errors.ML087.format(path=source, name=self.name, reason=reason))
        self.set_head(tensors)
