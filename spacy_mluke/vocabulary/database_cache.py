"""Find the database of an entity_vocab.json, and build it if it is missing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import List, Optional

from ..errors import Errors, Warnings
from ..storage.fingerprint import FileVersion
from ..storage.sqlite import UnwritableFile
from ..storage.user_folders import build_lock, is_trusted, is_writable, user_cache
from .database import EntityDatabase, Progress, build_database

DATABASE = "entity_vocab.sqlite"


def open_database(source: Path, *, progress: Optional[Progress] = None) -> EntityDatabase:
    """Open the database of an entity_vocab.json; build it first if there is none, or if the file has changed since.

    It is built beside the file. If that folder cannot be written to or its disk is full, it is built in the user's
    cache: `$SPACY_MLUKE_CACHE`, `$XDG_CACHE_HOME/spacy_mluke` or `~/.cache/spacy_mluke`.

    source (Path): The entity_vocab.json.
    progress (Optional[Progress]): Called with the progress of building. Without it, a warning says that it takes time.
    RETURNS (EntityDatabase): The database.
    RAISES (ValueError): What `build_database` raises; ML063 if neither place can be written to.
    """
    version = FileVersion(source)
    places = _places(version)
    found = _find(version, places)
    if found is not None:
        return found
    reason: object = "neither folder can be written to"
    for place in places:
        if not is_writable(place.parent) or not _is_trusted(place, version):
            continue
        with build_lock(place):
            found = _current(place, version)  # another process may have built it during the wait
            if found is None:
                if progress is None:
                    size = source.stat().st_size >> 20
                    warnings.warn(Warnings.ML160.format(source=source, size=size, target=place), stacklevel=2)
                try:
                    build_database(source, place, progress=progress)
                    found = EntityDatabase(place)
                except UnwritableFile as err:  # for instance a full disk: try the next folder
                    reason = err.reason
                    continue
            return found
    raise ValueError(Errors.ML063.format(source=source, target=" or ".join(map(str, places)), reason=reason))


def find_database(source: Path) -> Optional[EntityDatabase]:
    """Open the database of an entity_vocab.json if it has been built.

    source (Path): The entity_vocab.json.
    RETURNS (Optional[EntityDatabase]): The database; None if there is none of this version of the file.
    """
    version = FileVersion(source)
    return _find(version, _places(version))


def _find(version: FileVersion, places: List[Path]) -> Optional[EntityDatabase]:
    found = (_current(place, version) for place in places if _is_trusted(place, version))
    return next(filter(None, found), None)


def _places(version: FileVersion) -> List[Path]:
    return [version.path.with_name(DATABASE), user_cache() / f"{version.sample}.sqlite"]


def _is_trusted(place: Path, version: FileVersion) -> bool:
    """Whether a database at this path may be used: beside the source file, it is trusted like the file."""
    return place.parent == version.path.parent or is_trusted(place.parent)


def _current(place: Path, version: FileVersion) -> Optional[EntityDatabase]:
    """The database at a path, if it was built from this version of the file.

    The time of the file's last change, its size and samples of it are compared first. If they differ, the hash of the
    whole file is compared, because copies of a checkpoint keep their databases.
    """
    if not place.is_file():
        return None
    try:
        found = EntityDatabase(place)
    except ValueError:
        return None  # damaged, or of another version: it is built again
    is_same = bool(version.stamp) and found.stamp == version.stamp
    return found if is_same or found.source == version.digest else None
