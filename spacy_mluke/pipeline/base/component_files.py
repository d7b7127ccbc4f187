"""The folder of a component within a pipeline: replaced at once, and checked when it is loaded."""

from __future__ import annotations

import contextlib
import os
import warnings
from pathlib import Path
from typing import Iterable, Iterator, List, Union

from ...checkpoint.reuse import neighbour_encoders
from ...errors import Errors, Warnings
from ...storage.folders import has_leftovers, link_or_copy, recover_folder, replacing_folder
from ...storage.manifest import MANIFEST, check_manifest, is_config_changed, write_manifest
from ...storage.pipelines import earlier_components

# What components write. Anything else in a folder is somebody else's.
_PARTS = ("cfg", "vocab", "encoder", "head.safetensors", "candidates", MANIFEST)
_CONFIG = "config.cfg"


@contextlib.contextmanager
def saving_component(path: Union[str, Path], exclude: Iterable[str] = ()) -> Iterator[Path]:
    """Write the folder of a component. It takes its place when it is whole, with a list of its files.

    path (Union[str, Path]): The folder. Files in it that no component writes stay there.
    exclude (Iterable[str]): Parts that are not written: what the folder has of them stays.
    YIELDS (Path): Where to write.
    RAISES (ValueError): ML360 if it cannot be written.
    """
    place, skipped = Path(os.path.realpath(path)), set(exclude)
    with replacing_folder(place, own=_PARTS, first=MANIFEST) as aside:
        yield aside
        for part in _PARTS:
            is_kept = part.partition(".")[0] in skipped and part != MANIFEST
            if is_kept and (place / part).exists() and not (aside / part).exists():
                link_or_copy(place / part, aside / part)
        write_manifest(aside, place=place, earlier=earlier_components(place))


def check_component(path: Union[str, Path]) -> None:
    """See that the folder of a component is whole, and was saved together with its neighbours. One without a list of
    files, as earlier versions wrote it, is taken as it is.

    path (Union[str, Path]): The folder.
    RAISES (ValueError): ML363, ML364 if it is not.
    """
    folder = Path(path)
    recover_folder(folder)
    content = check_manifest(folder)
    if content is not None and is_config_changed(folder, content):
        config = folder.parent / _CONFIG
        if has_leftovers(folder.parent):
            raise ValueError(Errors.ML363.format(path=config, name=folder.name, manifest=folder / MANIFEST))
        warnings.warn(Warnings.ML122.format(path=config), stacklevel=3)


def earlier_encoders(path: Union[str, Path]) -> List[Path]:
    """The encoders that a component may share: those of components that are saved before it.

    path (Union[str, Path]): The component's folder.
    RETURNS (List[Path]): Their directories.
    """
    place = Path(os.path.realpath(path))
    return neighbour_encoders(place.parent, earlier_components(place))
