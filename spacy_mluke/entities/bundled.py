"""The entity store that comes with the package, and opening a store by name or by path."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import List, Union

from ..errors import Errors
from .cache import fingerprint_of, is_writable, one_at_a_time, user_cache
from .store import EntityStore
from .store_build import build_store
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
    seconds, in the user's cache (see `cache.user_cache`), or where that cannot be written to, in the folder for
    temporary files."""
    places = [folder / f"{WORLD}-{fingerprint_of(_SOURCE)}.sqlite" for folder in _folders()]
    for place in places:
        if place.is_file():
            return EntityStore(place)
    for place in places:
        if is_writable(place.parent):
            with one_at_a_time(place):
                # Another process may have built it while this one waited.
                if not place.is_file():
                    build_store(read_rows(_SOURCE), place, source=_SOURCE)
            return EntityStore(place)
    raise ValueError(Errors.ML232.format(target=" or ".join(map(str, places)), reason="no folder can be written to"))


def _folders() -> List[Path]:
    return [user_cache(), Path(tempfile.gettempdir()) / "spacy_mluke"]
