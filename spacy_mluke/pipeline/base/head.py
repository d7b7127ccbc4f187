"""Saving a component with a head: JSON, safetensors, a checkpoint directory. No pickle."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union, cast

from safetensors import SafetensorError
from safetensors.numpy import load, save
from spacy import util
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.util import to_numpy

from ...encoder.access import (
    EncoderModel,
    encoder_from_bytes,
    encoder_to_bytes,
    load_encoder_from,
    load_model,
    save_encoder_to,
)
from ...errors import Errors
from ...heads.linear import set_weights
from ...storage.files import read_parts, replacing
from .component_files import check_component, earlier_encoders, saving_component
from .options import Options, without_model
from .published import find_published, own_encoder

HEAD = "head.safetensors"
ENCODER = "encoder"
Self = TypeVar("Self", bound="HeadFiles")


class HeadFiles(Options):
    """The part of a component that writes and reads it: `cfg`, `head.safetensors`, and `encoder` if it has its own."""

    kind = ""  # of published model that has such a head
    head_name = "classifier"  # what published models call it
    left_out: Sequence[str] = ()  # files that this component has not
    vocab: Vocab
    model: Model[Any, Any]

    def head_params(self) -> Dict[str, Tuple[Model, str]]:
        """Where the head's tensors are: by published name, a layer and its parameter."""
        linear = self.model.get_ref("linear")
        names = {"W": f"{self.head_name}.weight", "b": f"{self.head_name}.bias"}
        return {names[param]: (linear, param) for param in linear.param_names}

    def extra_params(self) -> Dict[str, Tuple[Model, str]]:
        """Weights beside the head's, that are saved where there are any and are part of no published model: by name, a
        layer and its parameter."""
        return {}

    @property
    def n_rows(self) -> int:
        """Rows of the head."""
        return len(self.cfg["classes"])

    @property
    def is_trained(self) -> bool:
        """Whether the head has weights."""
        return all(layer.has_param(param) for layer, param in self.head_params().values())

    @property
    def head_width(self) -> int:
        """Columns of the head.

        RAISES (ValueError): ML081 if a listener has not found its encoder.
        """
        encoder = self.model.get_ref("encoder")
        if encoder.has_dim("nO") is None:
            encoder.initialize()
        if encoder.has_dim("nO") is None:
            raise ValueError(Errors.ML081)
        return encoder.get_dim("nO") * self.model.attrs.get("size", 1)

    def head_tensors(self) -> Dict[str, Any]:
        """The head's weights under their published names; none if it has none yet."""
        if not self.is_trained:
            return {}
        return {name: to_numpy(layer.get_param(param)) for name, (layer, param) in self.head_params().items()}

    def extra_writers(self) -> Dict[str, Callable[[Path], None]]:
        """What a component saves beside these files: by name, what writes it."""
        return {}

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out; of the model, "encoder" or "head".
        RAISES (ValueError): ML360 if it cannot be written: then the directory is as it was.
        """

        def write_head(file: Path) -> None:
            with replacing(Path(file)) as aside:
                aside.write_bytes(self._head_bytes())

        writers: Dict[str, Callable] = {
            HEAD: write_head,
            "cfg": self.cfg_to_disk,
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
        }
        skipped = [*without_model(exclude), *self.left_out]
        encoder = self._own_encoder(skipped)
        if encoder is not None:
            load_model(encoder)
            writers[ENCODER] = partial(save_encoder_to, encoder, neighbours=earlier_encoders(path))
        with saving_component(path, skipped) as folder:
            util.to_disk(folder, {**writers, **self.extra_writers()}, skipped)

    def from_disk(self: Self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out; of the model, "encoder" or "head".
        RETURNS (GroupPipe): This component.
        RAISES (ValueError): ML079, ML087 for a head that does not fit or cannot be read; ML363, ML364 for a directory
            that is not whole.
        """
        check_component(path)
        readers: Dict[str, Callable] = {
            "cfg": self.cfg_from_disk,
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
        }
        skipped = [*without_model(exclude), *self.left_out]
        encoder = self._own_encoder(skipped)
        if encoder is not None:
            readers[ENCODER] = partial(load_encoder_from, encoder)
        readers[HEAD] = lambda p: self._set_head(Path(p).read_bytes(), str(p))
        util.from_disk(util.ensure_path(path), readers, skipped)
        return self._loaded(encoder)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes.

        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out; of the model, "encoder" or "head".
        RETURNS (bytes): The component.
        """
        writers: Dict[str, Callable] = {
            HEAD: self._head_bytes,
            "cfg": self.cfg_to_bytes,
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
        }
        skipped = [*without_model(exclude), *self.left_out]
        encoder = self._own_encoder(skipped)
        if encoder is not None:
            load_model(encoder)
            writers[ENCODER] = partial(encoder_to_bytes, encoder)
        return util.to_bytes(writers, skipped)

    def from_bytes(self: Self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from bytes.

        bytes_data (bytes): As from `to_bytes`.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out; of the model, "encoder" or "head".
        RETURNS (GroupPipe): This component.
        RAISES (ValueError): ML079, ML087 for a head that does not fit or cannot be read.
        """
        readers: Dict[str, Callable] = {
            "cfg": self.cfg_from_bytes,
            "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude),
        }
        skipped = [*without_model(exclude), *self.left_out]
        encoder = self._own_encoder(skipped)
        if encoder is not None:
            readers[ENCODER] = partial(encoder_from_bytes, encoder)
        readers[HEAD] = lambda b: self._set_head(b, "the bytes")
        read_parts(bytes_data, readers, skipped)
        return self._loaded(encoder)

    def _own_encoder(self, skipped: Sequence[str]) -> Optional[EncoderModel]:
        """The encoder that is saved with the head: None for a listener's, and where it is left out."""
        return None if ENCODER in skipped else own_encoder(self.model)

    def _loaded(self: Self, encoder: Optional[EncoderModel]) -> Self:
        if encoder is not None:
            load_model(encoder)
        # The strings of a vocabulary that was left out do not hold them.
        for label in self.cfg["classes"]:
            self.vocab.strings.add(label)
        return self

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Check what a file says of the state: labels are strings.

        state (Mapping[str, Any]): The content of `cfg`.
        RAISES (ValueError): ML316 for anything else.
        """
        classes = state.get("classes", [])
        if not isinstance(classes, list) or not all(isinstance(label, str) for label in classes):
            raise ValueError(Errors.ML316.format(name=self.name, reason="'classes' is no list of strings"))

    def _head_bytes(self) -> bytes:
        if not self.is_trained and not self.cfg["classes"]:
            # The saved encoder is one without a head: this is the last chance to take over a published one.
            find_published(self)
        extra = {
            name: to_numpy(layer.get_param(param))
            for name, (layer, param) in self.extra_params().items()
            if layer.has_param(param)
        }
        return save({**self.head_tensors(), **extra})

    def _set_head(self, data: bytes, source: str) -> None:
        try:
            tensors = load(data)
        except SafetensorError as error:
            raise ValueError(Errors.ML087.format(path=source, name=self.name, reason=error)) from error
        if not tensors:
            # Labels may have been added to a component that has never been trained.
            return
        for name, (layer, param) in self.extra_params().items():
            if name in tensors:
                layer.set_param(param, layer.ops.asarray_f(cast(Any, tensors.pop(name))))
        wanted = self.head_params()
        if set(tensors) != set(wanted):
            reason = f"found {', '.join(sorted(tensors))}, expected {', '.join(sorted(wanted))}"
            raise ValueError(Errors.ML087.format(path=source, name=self.name, reason=reason))
        self.set_head(tensors)

    def take_published(self, tensors: Mapping[str, Any], labels: List[str]) -> None:
        """Take over the head of a published checkpoint.

        tensors (Mapping[str, Floats]): By published name.
        labels (List[str]): What its rows stand for.
        RAISES (ValueError): ML079 if labels do not fit.
        """
        before = self.cfg["classes"]
        self.cfg["classes"] = labels
        try:
            self.set_head(tensors)
        except ValueError:
            self.cfg["classes"] = before
            raise
        for label in labels:
            self.vocab.strings.add(label)

    def set_head(self, tensors: Mapping[str, Any]) -> None:
        """Give the head weights, as many rows as it has classes.

        tensors (Mapping[str, Floats]): By published name.
        RAISES (ValueError): ML079 if labels do not fit.
        """
        rows = len(next(iter(tensors.values())))
        if self.n_rows != rows:
            raise ValueError(Errors.ML079.format(name=self.name, labels=self.n_rows, rows=rows))
        set_weights(
            self.model.get_ref("linear"), tensors[f"{self.head_name}.weight"], tensors.get(f"{self.head_name}.bias")
        )
