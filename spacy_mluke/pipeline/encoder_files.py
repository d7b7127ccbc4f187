"""Saving the `mluke` component."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, Union

import srsly
from spacy import util
from spacy.pipeline.pipe import deserialize_config
from spacy.vocab import Vocab

from ..encoder.model import EncoderModel, get_shim, load_model


class EncoderFiles:
    """A component's directory: `cfg`, and under `encoder` a checkpoint that can be named in another config."""

    vocab: Vocab
    model: EncoderModel
    cfg: Dict[str, Any]

    def _tell_listeners_width(self) -> None:
        raise NotImplementedError

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component: `cfg` and, under `encoder`, a checkpoint directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "encoder", what to leave out.
        """
        load_model(self.model)
        util.to_disk(
            util.ensure_path(path),
            {
                "cfg": lambda p: srsly.write_json(p, self.cfg),
                "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
                "encoder": get_shim(self.model).save,
            },
            exclude,
        )

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Any:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "encoder", what to leave out.
        RETURNS (MLuke): This component.
        """
        util.from_disk(
            util.ensure_path(path),
            {
                "cfg": lambda p: self.cfg.update(deserialize_config(p)),
                "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),  # type: ignore[dict-item]
                "encoder": get_shim(self.model).load,
            },
            exclude,
        )
        load_model(self.model)
        self._tell_listeners_width()
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes.

        exclude (Iterable[str]): Of "cfg", "vocab", "encoder", what to leave out.
        RETURNS (bytes): The component.
        """
        load_model(self.model)
        return util.to_bytes(
            {
                "cfg": lambda: srsly.json_dumps(self.cfg),
                "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
                "encoder": get_shim(self.model).to_bytes,
            },
            exclude,
        )

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Any:
        """Load the component from bytes.

        bytes_data (bytes): As from `to_bytes`.
        exclude (Iterable[str]): Of "cfg", "vocab", "encoder", what to leave out.
        RETURNS (MLuke): This component.
        """
        util.from_bytes(
            bytes_data,
            {
                "cfg": lambda b: self.cfg.update(srsly.json_loads(b)),
                "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude),
                "encoder": get_shim(self.model).from_bytes,
            },
            exclude,
        )
        load_model(self.model)
        self._tell_listeners_width()
        return self
