"""Saving the `mluke` component."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Iterable, Sequence, TypeVar, Union

from spacy import util
from spacy.vocab import Vocab

from ...encoder.access import (
    EncoderModel,
    encoder_from_bytes,
    encoder_to_bytes,
    load_encoder_from,
    load_model,
    save_encoder_to,
)
from ...storage.files import read_parts
from ..base.component_files import check_component, earlier_encoders, saving_component
from ..base.options import Options, without_model

_ENCODER = "encoder"
Self = TypeVar("Self", bound="EncoderFiles")


class EncoderFiles(Options):
    """A component's directory: `cfg`, and under `encoder` a checkpoint that can be named in another config."""

    vocab: Vocab
    model: EncoderModel

    def _tell_listeners_width(self) -> None:
        raise NotImplementedError

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component: `cfg` and, under `encoder`, a checkpoint directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out. "encoder" is another name for
            "model".
        RAISES (ValueError): ML360 if it cannot be written: then the directory is as it was.
        """
        skipped = without_model(exclude)
        if _ENCODER not in skipped:
            load_model(self.model)
        with saving_component(path, skipped) as folder:
            util.to_disk(
                folder,
                {
                    "cfg": self.cfg_to_disk,
                    "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
                    _ENCODER: partial(save_encoder_to, self.model, neighbours=earlier_encoders(path)),
                },
                skipped,
            )

    def from_disk(self: Self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out. "encoder" is another name for
            "model".
        RETURNS (MLuke): This component.
        RAISES (ValueError): ML363, ML364 for a directory that is not whole.
        """
        check_component(path)
        skipped = without_model(exclude)
        util.from_disk(
            util.ensure_path(path),
            {
                "cfg": self.cfg_from_disk,
                "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),  # type: ignore[dict-item]
                _ENCODER: partial(load_encoder_from, self.model),
            },
            skipped,
        )
        return self._loaded(skipped)

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes.

        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out. "encoder" is another name for
            "model".
        RETURNS (bytes): The component.
        """
        skipped = without_model(exclude)
        if _ENCODER not in skipped:
            load_model(self.model)
        return util.to_bytes(
            {
                "cfg": self.cfg_to_bytes,
                "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
                _ENCODER: partial(encoder_to_bytes, self.model),
            },
            skipped,
        )

    def from_bytes(self: Self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from bytes.

        bytes_data (bytes): As from `to_bytes`.
        exclude (Iterable[str]): Of "cfg", "vocab", "model", what to leave out. "encoder" is another name for
            "model".
        RETURNS (MLuke): This component.
        """
        skipped = without_model(exclude)
        read_parts(
            bytes_data,
            {
                "cfg": self.cfg_from_bytes,
                "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude),
                _ENCODER: partial(encoder_from_bytes, self.model),
            },
            skipped,
        )
        return self._loaded(skipped)

    def _loaded(self: Self, skipped: Sequence[str]) -> Self:
        if _ENCODER not in skipped:
            load_model(self.model)
            self._tell_listeners_width()
        return self
