"""Open an entity store by path, or a bundled one by its name."""

from __future__ import annotations

import contextlib
from itertools import chain
from pathlib import Path
from typing import List, Optional, Union

from ..errors import Errors
from ..storage.files import replacing
from ..storage.fingerprint import FileVersion, fingerprint_of, new_digest
from ..storage.sqlite import UnwritableFile
from ..storage.user_folders import build_lock, cache_folders, is_trusted, is_writable
from .name_index import INDEX_FORMAT, NameIndex
from .packed import ENTITIES, read_packed_entities
from .packed_build import build_packed
from .packed_index import index_packed
from .store import EntityStore
from .store_build import build_store
from .store_format import FORMAT, PACKED
from .store_sources import read_rows

WORLD, KNOWLEDGE = BUNDLED = ("world", "knowledge")
# Names in one language are not complete in "knowledge": the club is "Liverpool" in English only.
_OTHERS = 0.1
# Its aliases are known in these languages only. In text of another one, a name in any language may be used.
_WITH_ALIASES = ["el", "en", "es", "fr", "he", "hu", "ja", "ko", "nl", "ru", "sw", "tl", "tr", "vi", "zh"]
_OTHERS_WITHOUT_ALIASES = 0.3
ASSETS = Path(__file__).resolve().parent.parent / "assets"
_SOURCES = {WORLD: ASSETS / WORLD / "names.tsv.xz", KNOWLEDGE: ASSETS / KNOWLEDGE / ENTITIES}


def open_store(path: Union[str, Path]) -> EntityStore:
    """Open an entity store.

    path (Union[str, Path]): A store's file; or the name of a bundled one: "world" (countries, cities, languages,
        currencies and continents) or "knowledge" (a hundred thousand well-known entities).
    RETURNS (EntityStore): The store.
    RAISES (ValueError): ML230 if the file is not a store, ML232 if no folder for the bundled one can be written to.
    """
    # A folder of that name is not a store: a pipeline may have been saved there.
    if str(path) in BUNDLED and not Path(path).is_file():
        found = _open_bundled(str(path))
        if str(path) == KNOWLEDGE:
            found.others, found.has_prominence = _OTHERS_WITHOUT_ALIASES, True
            found.others_of = dict.fromkeys(_WITH_ALIASES, _OTHERS)
        return found
    return EntityStore(path)


def is_knowledge_path(path: Union[str, Path]) -> bool:
    """Return whether a path is the name of the bundled store "knowledge", and not that of a file.

    path (Union[str, Path]): The path.
    RETURNS (bool): Whether it is.
    """
    return str(path) == KNOWLEDGE and not Path(path).is_file()


def is_packaged(store: EntityStore) -> bool:
    """Return whether a store is the bundled "knowledge".

    store (EntityStore): The store.
    RETURNS (bool): Whether it is.
    """
    return store.path.name == _built_name(KNOWLEDGE) and _hash_file(store.path).is_file()


def open_index(store: EntityStore) -> NameIndex:
    """Return the index of a store's names. That of a bundled store, or of a copy of one, is read from the user's cache.

    store (EntityStore): The store.
    RETURNS (NameIndex): The index.
    """
    built = _built_original(store.path)
    if built is None:
        return NameIndex.of(store.entities())
    found = NameIndex.read(_index_file(built))
    if found is None:
        # The store was unpacked by another version.
        if built.name == _built_name(KNOWLEDGE):
            _, found = index_packed(read_packed_entities(_SOURCES[KNOWLEDGE].parent))
        else:
            found = NameIndex.of(store.entities())
        _write_index(found, built)
    return found


def _open_bundled(kind: str) -> EntityStore:
    """Open a bundled store.

    The package contains a compressed table. The SQLite file and the index of its names are built at the first use on a
    machine, in the user's cache; if that cannot be written to, in the folder for temporary files (see `cache_folders`).
    A damaged file is built again.
    """
    places = _places(kind)
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
                return _build(kind, place) if found is None else found
            except UnwritableFile as err:  # for instance a full disk: try the next folder
                reason = err.reason
    raise ValueError(Errors.ML232.format(target=" or ".join(map(str, places)), reason=reason))


def _built_name(kind: str) -> str:
    version = PACKED if kind == KNOWLEDGE else FORMAT
    digest = new_digest()
    for file in sorted(_SOURCES[kind].parent.glob("*.tsv*")):
        digest.update(fingerprint_of(file).encode())
    return f"{kind}-{digest.hexdigest()}-{version}.sqlite"


def _places(kind: str) -> List[Path]:
    """The files that a bundled store may be built in, the preferred one first."""
    return [folder / _built_name(kind) for folder in cache_folders()]


def _built_original(path: Path) -> Optional[Path]:
    """The file in the user's cache that a store is, or is a copy of: a saved pipeline contains one. None if there is
    none."""
    if is_trusted(path.parent) and _hash_file(path).is_file():
        return path
    digest = None
    for place in chain.from_iterable(map(_places, BUNDLED)):
        hash_file = _hash_file(place)
        if not is_trusted(place.parent) or not place.is_file() or not hash_file.is_file():
            continue
        if place.stat().st_size == path.stat().st_size:
            digest = digest or FileVersion(path).digest.encode()
            if hash_file.read_bytes() == digest:
                return place
    return None


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


def _build(kind: str, place: Path) -> EntityStore:
    source = _SOURCES[kind]
    if kind == KNOWLEDGE:
        store, index = build_packed(source.parent, place)
    else:
        store = build_store(read_rows(source), place, source=source, is_checked=True)
        index = NameIndex.of(store.entities())
    try:
        with replacing(_hash_file(place)) as aside:
            aside.write_bytes(FileVersion(place).digest.encode())
    except OSError as err:
        raise UnwritableFile(Errors.ML232.format(target=place, reason=err), err) from err
    _write_index(index, place)
    return store


def _write_index(index: NameIndex, place: Path) -> None:
    # If it cannot be written, it is made again the next time.
    with contextlib.suppress(OSError), replacing(_index_file(place)) as aside:
        index.write(aside)


def _index_file(place: Path) -> Path:
    """The file that contains the index of a bundled store."""
    return place.with_suffix(f".names{INDEX_FORMAT}.npz")


def _hash_file(place: Path) -> Path:
    """The file that contains the hash of a built store."""
    return place.with_suffix(".blake2b")
