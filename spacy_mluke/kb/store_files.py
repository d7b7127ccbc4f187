"""How the entity stores of a saved pipeline are written and read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import List, Sequence

import srsly

from ..errors import Errors
from ..storage.files import pack_files, unpack_files, write_files
from .bundled import KNOWLEDGE, open_store
from .store import STORE, EntityStore
from .store_union import AnyStore, StoreUnion

_LIST = "stores.json"
_SQLITE = b"SQLite format 3\x00"


def write_stores(store: AnyStore, bundled: Sequence[bool], folder: Path) -> None:
    """Write a store, or several, into a folder.

    store (AnyStore): The store.
    bundled (Sequence[bool]): For each store of a union, whether it is "knowledge", which is not copied.
    folder (Path): The folder.
    """
    if isinstance(store, EntityStore):
        (folder / _LIST).unlink(missing_ok=True)
        store.to_disk(folder / STORE)
        return
    (folder / STORE).unlink(missing_ok=True)
    names = [KNOWLEDGE if is_bundled else _file(place) for place, is_bundled in enumerate(bundled)]
    content = {"stores": names, "same_ids": store.same_ids}
    write_files(folder, {_LIST: srsly.json_dumps(content).encode("utf8")})
    for own, name in zip(store.stores, names, strict=True):
        if name != KNOWLEDGE:
            own.to_disk(folder / name)


def read_stores(folder: Path) -> AnyStore | None:
    """Open the store, or the stores, that `write_stores` wrote. The files need not be trusted.

    folder (Path): The folder.
    RETURNS (Optional[AnyStore]): The store; None if the folder has none.
    RAISES (ValueError): ML230 for a damaged store, ML316 for a damaged list of stores.
    """
    path = folder / _LIST
    if not path.is_file():
        return EntityStore(folder / STORE) if (folder / STORE).is_file() else None
    stores: List[EntityStore] = []
    try:
        content = srsly.read_json(path)
        names, same_ids = content["stores"], content["same_ids"]
        # Only these names: a damaged list leads to no other file.
        if not names or names != [name if name == KNOWLEDGE else _file(place) for place, name in enumerate(names)]:
            raise ValueError(f"'stores' is {names!r:.80}")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(Errors.ML316.format(name=path, reason=error)) from error
    for name in names:
        stores.append(open_store(KNOWLEDGE) if name == KNOWLEDGE else EntityStore(folder / name))
    return StoreUnion(stores, same_ids=same_ids)


def pack_stores(store: AnyStore, bundled: Sequence[bool]) -> bytes:
    """Return the content of a store's file, or of the files of several stores.

    store (AnyStore): The store.
    bundled (Sequence[bool]): As of `write_stores`.
    RETURNS (bytes): The content.
    """
    if isinstance(store, EntityStore):
        return store.to_bytes()
    with tempfile.TemporaryDirectory(prefix="spacy_mluke_") as folder:
        write_stores(store, bundled, Path(folder))
        return pack_files(Path(folder))


def unpack_stores(data: bytes) -> AnyStore:
    """Open stores from `pack_stores`. They read temporary files, which are deleted with them.

    data (bytes): The content. It need not be trusted.
    RETURNS (AnyStore): The store.
    RAISES (ValueError): ML230, ML316, ML330, ML331 for bytes of another kind.
    """
    if not isinstance(data, bytes) or data.startswith(_SQLITE):
        return EntityStore.from_bytes(data)
    with tempfile.TemporaryDirectory(prefix="spacy_mluke_") as folder:
        unpack_files(data, Path(folder))
        found = read_stores(Path(folder))
        if not isinstance(found, StoreUnion):
            return EntityStore.from_bytes(data)
        packed = [store for store in found.stores if store.path.parent == Path(folder)]
        opened = {id(store): EntityStore.from_bytes(store.to_bytes()) for store in packed}
        return StoreUnion([opened.get(id(store), store) for store in found.stores], same_ids=found.same_ids)


def _file(place: int) -> str:
    return f"entities-{place + 1}.sqlite"
