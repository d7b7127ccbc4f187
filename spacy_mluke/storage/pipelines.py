"""Save whole pipelines atomically, and list the components of a saved pipeline."""

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
    """Save a pipeline as `nlp.to_disk` does, but atomically: the folder always holds the complete old pipeline or the
    complete new one.

    The pipeline is written beside the folder, flushed to the disk, and then moved to its place, so saving needs twice
    the disk space for a moment. Other files in the folder of the old pipeline, such as a README, are kept.

    nlp (Language): The pipeline.
    path (Union[str, Path]): A new or empty folder, or a saved pipeline, which is replaced.
    exclude (Iterable[str]): Components and parts to leave out, as for `nlp.to_disk`.
    RAISES (ValueError): ML360 if the folder cannot be written, ML362 if it holds files but no pipeline.
    """
    target = Path(os.path.realpath(path))
    kept = _others(target)
    with replacing_folder(target, is_synced=True) as aside:
        nlp.to_disk(aside, exclude=list(exclude))
        for entry in kept:
            if not (aside / entry.name).exists():
                link_or_copy(entry, aside / entry.name)


def _others(target: Path) -> List[Path]:
    """Files and folders in a pipeline's folder that do not belong to the pipeline."""
    if not target.is_dir():
        return []
    entries = [entry for entry in target.iterdir() if not LEFT.fullmatch(entry.name)]
    if entries and not ((target / _CONFIG).is_file() and (target / _META).is_file()):
        raise ValueError(Errors.ML362.format(path=target))
    own = {*_PARTS, *pipe_names(target)}
    return [entry for entry in entries if entry.name not in own]


def pipe_names(folder: Path) -> List[str]:
    """Return the names of a saved pipeline's components.

    folder (Path): The pipeline's folder.
    RETURNS (List[str]): Names in order; empty if the folder holds no pipeline.
    """
    try:
        config = Config().from_str((folder / _CONFIG).read_text(encoding="utf8"), interpolate=False)
        names = config["nlp"]["pipeline"]
    except Exception:  # the file may hold anything
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def earlier_components(place: Path) -> List[str]:
    """Return the names of the components that spaCy saves before a given one.

    place (Path): The component's folder within the pipeline's folder.
    RETURNS (List[str]): Names in order; empty if the folder is not part of a pipeline.
    """
    names = pipe_names(place.parent)
    return names[: names.index(place.name)] if place.name in names else []
