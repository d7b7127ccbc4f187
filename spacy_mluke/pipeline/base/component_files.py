"""The folder of a component within a saved pipeline: written atomically, checked when it is loaded."""

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

# Names that components write. Other files in a folder belong to the user.
_PARTS = (
    "cfg",
    "vocab",
    "encoder",
    "head.safetensors",
    "known_names.npz",
    "candidates",
    "reranker",
    "entity_rows",
    MANIFEST,
)
_CONFIG = "config.cfg"


@contextlib.contextmanager
def saving_component(path: Union[str, Path], exclude: Iterable[str] = ()) -> Iterator[Path]:
    """Write the folder of a component with its manifest, and move it to its place when it is complete.

    path (Union[str, Path]): The folder. Files in it that no component writes are kept.
    exclude (Iterable[str]): Parts that are not written; existing files of these parts are kept.
    YIELDS (Path): The temporary folder to write to.
    RAISES (ValueError): ML360 if the folder cannot be written.
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
    """Check that the folder of a component is complete, and was saved together with the pipeline's other components.

    A folder without a manifest, as versions before 0.2 wrote it, is not checked.

    path (Union[str, Path]): The folder.
    RAISES (ValueError): ML363, ML364 if the check fails.
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
    """Return the encoder directories of the components that are saved before a given one.

    path (Union[str, Path]): The component's folder.
    RETURNS (List[Path]): The directories; an equal encoder need not be written again.
    """
    place = Path(os.path.realpath(path))
    return neighbour_encoders(place.parent, earlier_components(place))
