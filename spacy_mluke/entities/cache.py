"""Where the database of an entity_vocab.json lies, and building it when it is missing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
import warnings
from pathlib import Path
from typing import Iterator, List, Optional

from ..errors import Errors, Warnings
from .database import EntityDatabase, Progress, build_database

DATABASE = "entity_vocab.sqlite"
_SAMPLE = 1 << 16


def open_database(source: Path, *, progress: Optional[Progress] = None) -> EntityDatabase:
    """Open the database of an entity_vocab.json; build it first if there is none, or if the file has changed
    since.

    It is built beside the file, or, where that cannot be written to, in the user's cache:
    `$SPACY_MLUKE_CACHE`, `$XDG_CACHE_HOME/spacy_mluke` or `~/.cache/spacy_mluke`.

    source (Path): The entity_vocab.json.
    progress (Optional[Progress]): Follows the building. Without one, a warning says that it takes a while.
    RETURNS (EntityDatabase): The database.
    RAISES (ValueError): What `build_database` raises; ML063 if neither place can be written to.
    """
    found = find_database(source)
    if found is not None:
        return found
    fingerprint = fingerprint_of(source)
    places = _places(source, fingerprint)
    for place in places:
        if not is_writable(place.parent):
            continue
        with one_at_a_time(place):
            found = _current(place, fingerprint)  # another process may have built it while this one waited
            if found is None:
                if progress is None:
                    size = source.stat().st_size >> 20
                    warnings.warn(Warnings.ML160.format(source=source, size=size, target=place), stacklevel=2)
                build_database(source, place, fingerprint=fingerprint, progress=progress)
                found = EntityDatabase(place)
            return found
    reason = "neither folder can be written to"
    raise ValueError(Errors.ML063.format(source=source, target=" or ".join(map(str, places)), reason=reason))


def find_database(source: Path) -> Optional[EntityDatabase]:
    """Open the database of an entity_vocab.json if it has been built.

    source (Path): The entity_vocab.json.
    RETURNS (Optional[EntityDatabase]): The database, None if there is none, or only one of another file.
    """
    fingerprint = fingerprint_of(source)
    found = (_current(place, fingerprint) for place in _places(source, fingerprint))
    return next(filter(None, found), None)


def user_cache() -> Path:
    """The user's folder for databases whose checkpoints lie where they cannot be written.

    RETURNS (Path): The folder; it need not exist.
    """
    own = os.environ.get("SPACY_MLUKE_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spacy_mluke"


def fingerprint_of(source: Path) -> str:
    """Tell a file from others by its size and samples of its content. Copies of a file have the same
    fingerprint.

    source (Path): The file.
    RETURNS (str): The fingerprint, 32 hexadecimal digits.
    """
    size = source.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with source.open("rb") as file:
        for step in range(9):
            file.seek(max(0, (size - _SAMPLE) * step // 8))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def _places(source: Path, fingerprint: str) -> List[Path]:
    return [source.with_name(DATABASE), user_cache() / f"{fingerprint}.sqlite"]


def _current(place: Path, fingerprint: str) -> Optional[EntityDatabase]:
    if not place.is_file():
        return None
    try:
        found = EntityDatabase(place)
    except ValueError:
        return None  # damaged, or another version's: it is built again
    return found if found.source == fingerprint else None


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder.

    folder (Path): The folder; made if missing.
    RETURNS (bool): Whether they can.
    """
    probe = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def one_at_a_time(place: Path) -> Iterator[None]:
    """Let one process or thread build, the others wait.

    Where there are no such locks, several build, each its own file, and the last to finish leaves the one
    that stays.

    place (Path): The file that is to be built.
    """
    lock = place.with_name(f".{place.name}.lock")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(stack.enter_context(lock.open("w")), fcntl.LOCK_EX)
            stack.callback(lock.unlink, missing_ok=True)
        yield
