"""Saving a pipeline so that its folder is whole at any moment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable, List, Union

from confection import Config
from spacy.language import Language

from ..errors import Errors
from .folders import LEFT, link_or_copy, replacing_folder

_CONFIG, _META = "config.cfg", "meta.json"
_PARTS = (_CONFIG, _META, "tokenizer", "vocab")


def save(nlp: Language, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
    """Save a pipeline as `nlp.to_disk` does, in one step: whatever happens meanwhile, the folder holds the old pipeline
    or the new one, whole.

    It is written beside the folder, brought to the disk, and then takes its place. So twice the room is needed for a
    moment. What else lies in the folder of the old pipeline, a README for instance, stays.

    nlp (Language): The pipeline.
    path (Union[str, Path]): The folder: a new one, an empty one, or a saved pipeline, which is replaced.
    exclude (Iterable[str]): Components and parts that are not saved, as for `nlp.to_disk`.
    RAISES (ValueError): ML360 if it cannot be written, ML362 if the folder holds files and is no pipeline.
    """
    target = Path(os.path.realpath(path))
    kept = _others(target)
    with replacing_folder(target, is_synced=True) as aside:
        nlp.to_disk(aside, exclude=list(exclude))
        for entry in kept:
            if not (aside / entry.name).exists():
                link_or_copy(entry, aside / entry.name)


def _others(target: Path) -> List[Path]:
    """What lies in a pipeline's folder and is no part of it."""
    if not target.is_dir():
        return []
    entries = [entry for entry in target.iterdir() if not LEFT.fullmatch(entry.name)]
    if entries and not ((target / _CONFIG).is_file() and (target / _META).is_file()):
        raise ValueError(Errors.ML362.format(path=target))
    own = {*_PARTS, *pipe_names(target)}
    return [entry for entry in entries if entry.name not in own]


def pipe_names(folder: Path) -> List[str]:
    """The components of a saved pipeline.

    folder (Path): The pipeline's folder.
    RETURNS (List[str]): Their names, in order; none if it is no pipeline's.
    """
    try:
        config = Config().from_str((folder / _CONFIG).read_text(encoding="utf8"), interpolate=False)
        names = config["nlp"]["pipeline"]
    except Exception:  # whatever a file of that name holds
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def earlier_components(place: Path) -> List[str]:
    """The components of a pipeline that spaCy saves before one of them.

    place (Path): The component's folder.
    RETURNS (List[str]): Their names; none if the folder is no pipeline's.
    """
    names = pipe_names(place.parent)
    return names[: names.index(place.name)] if place.name in names else []
