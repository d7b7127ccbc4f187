"""Saving a component with a head: JSON, safetensors, a checkpoint directory. No pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Optional, Union, cast

import srsly
from safetensors import SafetensorError
from safetensors.numpy import load, save
from spacy import util
from spacy.pipeline.pipe import deserialize_config
from spacy.vocab import Vocab
from thinc.util import to_numpy

from ..encoder.model import get_shim, load_model
from ..errors import Errors
from ..files import replacing
from ..heads.groups import GroupModel
from ..heads.linear import set_weights
from .published import BIAS, WEIGHT, find_published, own_encoder

HEAD = "head.safetensors"


class HeadFiles:
    """The part of a component that writes and reads it: `cfg`, `head.safetensors`, and `encoder` if it has its own."""

    vocab: Vocab
    model: GroupModel
    name: str
    cfg: Dict[str, Any]

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "head", "encoder", what to leave out.
        """

        def write_head(file: Path) -> None:
            with replacing(Path(file)) as aside:
                aside.write_bytes(self._head_bytes())

        writers: Dict[str, Callable] = {
            HEAD: write_head,
            "cfg": lambda p: srsly.write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
        }
        encoder = own_encoder(self.model)
        if encoder is not None:
            load_model(encoder)
            writers["encoder"] = get_shim(encoder).save
        util.to_disk(util.ensure_path(path), writers, exclude)

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Any:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "head", "encoder", what to leave out.
        RETURNS (GroupPipe): This component.
        RAISES (ValueError): ML079, ML087 for a head that does not fit or cannot be read.
        """
        readers: Dict[str, Callable] = {
            "cfg": lambda p: self.cfg.update(deserialize_config(p)),
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
        }
        encoder = own_encoder(self.model)
        if encoder is not None:
            readers["encoder"] = get_shim(encoder).load
        readers[HEAD] = lambda p: self._set_head(Path(p).read_bytes(), str(p))
        util.from_disk(util.ensure_path(path), readers, exclude)
        if encoder is not None:
            load_model(encoder)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes.

        exclude (Iterable[str]): Of "cfg", "vocab", "head", "encoder", what to leave out.
        RETURNS (bytes): The component.
        """
        writers: Dict[str, Callable] = {
            HEAD: self._head_bytes,
            "cfg": lambda: srsly.json_dumps(self.cfg),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
        }
        encoder = own_encoder(self.model)
        if encoder is not None:
            load_model(encoder)
            writers["encoder"] = get_shim(encoder).to_bytes
        return util.to_bytes(writers, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Any:
        """Load the component from bytes.

        bytes_data (bytes): As from `to_bytes`.
        exclude (Iterable[str]): Of "cfg", "vocab", "head", "encoder", what to leave out.
        RETURNS (GroupPipe): This component.
        RAISES (ValueError): ML079, ML087 for a head that does not fit or cannot be read.
        """
        readers: Dict[str, Callable] = {
            "cfg": lambda b: self.cfg.update(srsly.json_loads(b)),
            "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude),
        }
        encoder = own_encoder(self.model)
        if encoder is not None:
            readers["encoder"] = get_shim(encoder).from_bytes
        readers[HEAD] = lambda b: self._set_head(b, "the bytes")
        util.from_bytes(bytes_data, readers, exclude)
        if encoder is not None:
            load_model(encoder)
        return self

    def _head_bytes(self) -> bytes:
        """The head under its published names; empty if it has no weights."""
        linear = self.model.get_ref("linear")
        if not linear.has_param("W") and not self.cfg["classes"]:
            # The saved encoder is one without a head: this is the last chance to take over a published one.
            find_published(cast(Any, self))
        tensors = {}
        for name, param in ((WEIGHT, "W"), (BIAS, "b")):
            if linear.has_param(param):
                tensors[name] = to_numpy(linear.get_param(param))
        return save(tensors)

    def _set_head(self, data: bytes, source: str) -> None:
        try:
            tensors = load(data)
        except SafetensorError as error:
            raise ValueError(Errors.ML087.format(path=source, name=self.name, reason=error)) from error
        weight: Optional[Any] = tensors.get(WEIGHT)
        rows = 0 if weight is None else len(weight)
        # Labels may have been added to a component that has never been trained.
        if rows != len(self.cfg["classes"]) and weight is not None:
            raise ValueError(Errors.ML079.format(name=self.name, labels=len(self.cfg["classes"]), rows=rows))
        if weight is not None:
            set_weights(self.model.get_ref("linear"), weight, tensors.get(BIAS))
