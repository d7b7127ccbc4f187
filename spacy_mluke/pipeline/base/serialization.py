"""Save components to disk and to bytes: a component lists its parts, and this module writes and reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional, Sequence, TypeVar, Union

from spacy import util
from spacy.vocab import Vocab

from ...encoder.access import (
    encoder_from_bytes,
    encoder_to_bytes,
    load_encoder_from,
    load_model,
    save_encoder_to,
)
from ...encoder.request import EncoderModel
from ...storage.files import read_parts
from .component_files import check_component, earlier_encoders, saving_component
from .options import Options

CFG, VOCAB, ENCODER = "cfg", "vocab", "encoder"
_MODEL, _HEAD = "model", "head"
Self = TypeVar("Self", bound="Serializable")


@dataclass(frozen=True)
class Part:
    """One part of a saved component: a file or folder in its directory, and an entry of its bytes."""

    name: str
    to_disk: Callable[[Path], Any]
    from_disk: Callable[[Path], Any]
    to_bytes: Callable[[], bytes]
    from_bytes: Callable[[bytes], Any]

    @classmethod
    def of(cls, name: str, owner: Any) -> Part:
        """Make a part of an object that has the methods `to_disk`, `from_disk`, `to_bytes` and `from_bytes`.

        name (str): The part's name.
        owner (Any): The object.
        RETURNS (Part): The part.
        """
        return cls(name, owner.to_disk, owner.from_disk, owner.to_bytes, owner.from_bytes)


class Serializable(Options):
    """Base of components that are saved in named parts. Subclasses list them in `parts`."""

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        """List the parts of the component. They are written and read in this order.

        exclude (Sequence[str]): The names that the caller excluded.
        place (Optional[Path]): The component's folder, if it is saved to disk now.
        RETURNS (List[Part]): The parts.
        """
        return [Part(CFG, self.cfg_to_disk, self.cfg_from_disk, self.cfg_to_bytes, self.cfg_from_bytes)]

    def before_saving(self, skipped: Sequence[str]) -> None:
        """Prepare for saving; called before the first part is written.

        skipped (Sequence[str]): Names of parts that are not saved.
        """

    def after_loading(self, skipped: Sequence[str]) -> None:
        """Complete loading; called after the last part was read.

        skipped (Sequence[str]): Names of parts that were not loaded.
        """

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the component to a directory.

        path (Union[str, Path]): The directory. It is replaced in one step.
        exclude (Iterable[str]): Parts to leave out: "cfg", "vocab", "encoder", "head", "candidates"; "model" stands for
            encoder and head.
        RAISES (ValueError): ML360 if the directory cannot be written; it is then unchanged.
        """
        exclude = list(exclude)
        skipped = skipped_parts(exclude)
        self.before_saving(skipped)
        writers = {part.name: part.to_disk for part in self.parts(exclude, Path(path))}
        with saving_component(path, skipped) as folder:
            util.to_disk(folder, writers, skipped)

    def from_disk(self: Self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Parts to leave out, as for `to_disk`.
        RETURNS (Self): This component.
        RAISES (ValueError): ML363, ML364 if the directory is not complete; ML079, ML087 if the head does not fit or
            cannot be read.
        """
        exclude = list(exclude)
        check_component(path)
        skipped = skipped_parts(exclude)
        util.from_disk(util.ensure_path(path), {part.name: part.from_disk for part in self.parts(exclude)}, skipped)
        self.after_loading(skipped)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Save the component as bytes.

        exclude (Iterable[str]): Parts to leave out, as for `to_disk`.
        RETURNS (bytes): The component.
        """
        exclude = list(exclude)
        skipped = skipped_parts(exclude)
        self.before_saving(skipped)
        return util.to_bytes({part.name: part.to_bytes for part in self.parts(exclude)}, skipped)

    def from_bytes(self: Self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> Self:
        """Load the component from bytes.

        bytes_data (bytes): Bytes as returned by `to_bytes`.
        exclude (Iterable[str]): Parts to leave out, as for `to_disk`.
        RETURNS (Self): This component.
        RAISES (ValueError): ML331 for bytes of another kind; ML079, ML087 if the head does not fit or cannot be read.
        """
        exclude = list(exclude)
        skipped = skipped_parts(exclude)
        read_parts(bytes_data, {part.name: part.from_bytes for part in self.parts(exclude)}, skipped)
        self.after_loading(skipped)
        return self


class EncoderComponent(Serializable):
    """Base of components that are saved with an encoder and the vocabulary.

    The part "encoder" is a checkpoint directory, which another config can name.
    """

    vocab: Vocab

    def saved_encoder(self) -> Optional[EncoderModel]:
        """Return the encoder that is saved with the component; None for a listener."""
        raise NotImplementedError

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        vocab, encoder = self.vocab, self.saved_encoder()
        parts = super().parts(exclude, place)
        parts.append(
            Part(
                VOCAB,
                lambda path: vocab.to_disk(path, exclude=exclude),
                lambda path: vocab.from_disk(path, exclude=exclude),
                lambda: vocab.to_bytes(exclude=exclude),
                lambda data: vocab.from_bytes(data, exclude=exclude),
            )
        )
        if encoder is not None:
            neighbours = [] if place is None else earlier_encoders(place)
            parts.append(
                Part(
                    ENCODER,
                    lambda path: save_encoder_to(encoder, path, neighbours),
                    lambda path: load_encoder_from(encoder, path),
                    lambda: encoder_to_bytes(encoder),
                    lambda data: encoder_from_bytes(encoder, data),
                )
            )
        return parts

    def before_saving(self, skipped: Sequence[str]) -> None:
        self._load_saved_encoder(skipped)

    def after_loading(self, skipped: Sequence[str]) -> None:
        self._load_saved_encoder(skipped)

    def _load_saved_encoder(self, skipped: Sequence[str]) -> None:
        encoder = self.saved_encoder()
        if encoder is not None and ENCODER not in skipped:
            load_model(encoder)


def skipped_parts(exclude: Iterable[str]) -> List[str]:
    """Return the parts that are neither saved nor loaded. As in spaCy's components, "model" stands for all weights.

    exclude (Iterable[str]): Names that the caller excluded.
    RETURNS (List[str]): The names; "model" adds "encoder" and "head".
    """
    names = list(exclude)
    return [*names, ENCODER, _HEAD] if _MODEL in names else names
