"""The entity store that comes with the package, and opening a store by name or by path."""

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
from .store_rows import read_rows

WORLD = "world"
_SOURCE = Path(__file__).resolve().parent.parent / "assets" / WORLD / "names.tsv.xz"


def open_store(path: Union[str, Path]) -> EntityStore:
    """Open an entity store.

    path (Union[str, Path]): A store's file; or "world", the countries, cities, languages, currencies and continents
        that come with the package.
    RETURNS (EntityStore): The store.
    RAISES (ValueError): ML230 if there is no such store, ML232 if the bundled one can be unpacked nowhere.
    """
    # A folder of that name is no store: a pipeline may have been saved there.
    if str(path) == WORLD and not Path(path).is_file():
        return _open_world()
    return EntityStore(path)


def _open_world() -> EntityStore:
    """The bundled store. It is packed as a table of 0.6 MB; its SQLite is built at the first use on a machine, in two
    seconds, in the user's cache, or where that cannot be written to, among the temporary files (see `cache_folders`). A
    file that is damaged is built again."""
    name = f"{WORLD}-{fingerprint_of(_SOURCE)}-{FORMAT}.sqlite"
    places = [folder / name for folder in cache_folders()]
    for place in places:
        found = _built(place)
        if found is not None:
            return found
    reason: object = "no folder can be written to, or everybody can write to it"
    for place in places:
        if not is_writable(place.parent) or not is_trusted(place.parent):
            continue
        with build_lock(place):
            try:
                # Another process may have built it while this one waited.
                found = _built(place)
                return _build(place) if found is None else found
            except UnwritableFile as err:  # a full disk: the next one may have room
                reason = err.reason
    raise ValueError(Errors.ML232.format(target=" or ".join(map(str, places)), reason=reason))


def _built(place: Path) -> Optional[EntityStore]:
    """The store of a place, if it is as it was built."""
    seal = _seal_of(place)
    if not is_trusted(place.parent) or not place.is_file() or not seal.is_file():
        return None
    try:
        is_whole = seal.read_bytes() == FileVersion(place).digest.encode()
        return EntityStore(place) if is_whole else None
    except (OSError, ValueError):
        return None


def _build(place: Path) -> EntityStore:
    store = build_store(read_rows(_SOURCE), place, source=_SOURCE)
    try:
        with replacing(_seal_of(place)) as aside:
            aside.write_bytes(FileVersion(place).digest.encode())
    except OSError as err:
        raise UnwritableFile(Errors.ML232.format(target=place, reason=err), err) from err
    return store


def _seal_of(place: Path) -> Path:
    """The file that says what a built store hashes to."""
    return place.with_suffix(".blake2b")
