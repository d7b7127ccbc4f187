"""Open an entity store by path, or the bundled one by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from ..errors import Errors
from ..storage.files import replacing
from ..storage.fingerprint import FileVersion, fingerprint_of
from ..storage.sqlite import UnwritableFile
from ..storage.user_folders import build_lock, cache_folders, is_trusted, is_writable
from .store import EntityStore
from .store_build import build_store
from .store_format import FORMAT
from .store_sources import read_rows

BUNDLED = "world"
_SOURCE = Path(__file__).resolve().parent.parent / "assets" / BUNDLED / "names.tsv.xz"


def open_store(path: Union[str, Path]) -> EntityStore:
    """Open an entity store.

    path (Union[str, Path]): A store's file; or "world" for the bundled one: countries, cities, languages, currencies
        and continents.
    RETURNS (EntityStore): The store.
    RAISES (ValueError): ML230 if the file is not a store, ML232 if no folder for the bundled one can be written to.
    """
    # A folder of that name is not a store: a pipeline may have been saved there.
    if str(path) == BUNDLED and not Path(path).is_file():
        return _open_bundled()
    return EntityStore(path)


def _open_bundled() -> EntityStore:
    """Open the bundled store.

    The package contains a compressed table of 0.6 MB. The SQLite file is built at the first use on a machine, in two
    seconds, in the user's cache; if that cannot be written to, in the folder for temporary files (see `cache_folders`).
    A damaged file is built again.
    """
    name = f"{BUNDLED}-{fingerprint_of(_SOURCE)}-{FORMAT}.sqlite"
    places = [folder / name for folder in cache_folders()]
    for place in places:
        found = _open_built(place)
        if found is not None:
            return found
    reason: object = "no folder can be written to by this user alone"
    for place in places:
        if not is_writable(place.parent) or not is_trusted(place.parent):
            continue
        with build_lock(place):
            try:
                # Another process may have built it during the wait.
                found = _open_built(place)
                return _build(place) if found is None else found
            except UnwritableFile as err:  # for instance a full disk: try the next folder
                reason = err.reason
    raise ValueError(Errors.ML232.format(target=" or ".join(map(str, places)), reason=reason))


def _open_built(place: Path) -> Optional[EntityStore]:
    """The store at a path, if there is one and its hash is the recorded one."""
    hash_file = _hash_file(place)
    if not is_trusted(place.parent) or not place.is_file() or not hash_file.is_file():
        return None
    try:
        is_unchanged = hash_file.read_bytes() == FileVersion(place).digest.encode()
        return EntityStore(place) if is_unchanged else None
    except (OSError, ValueError):
        return None


def _build(place: Path) -> EntityStore:
    store = build_store(read_rows(_SOURCE), place, source=_SOURCE)
    try:
        with replacing(_hash_file(place)) as aside:
            aside.write_bytes(FileVersion(place).digest.encode())
    except OSError as err:
        raise UnwritableFile(Errors.ML232.format(target=place, reason=err), err) from err
    return store


def _hash_file(place: Path) -> Path:
    """The file that contains the hash of a built store."""
    return place.with_suffix(".blake2b")
