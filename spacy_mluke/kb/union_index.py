"""The names of several entity stores as one index."""

from __future__ import annotations

from typing import Collection, List, Optional, Sequence

import numpy

from .bundled import open_index
from .name_index import AnyIndex, NameIndex, Names, join_equal
from .store import EntityStore
from .store_union import AnyStore


class UnionIndex:
    """Names of several stores. Each store decides for itself whether it has enough names in a language.

    indexes (Sequence[NameIndex]): The indexes of the stores.
    """

    def __init__(self, indexes: Sequence[NameIndex]):
        self.indexes = list(indexes)
        self.type_names: List[str] = list(dict.fromkeys(name for index in indexes for name in index.type_names))

    def names(self, lang: Optional[str], types: Optional[Collection[str]] = None, min_length: int = 1) -> Names:
        """Select names for text of a language.

        lang (Optional[str]): The language; None for all names.
        types (Optional[Collection[str]]): Types of the entities; None for all.
        min_length (int): Minimum length of a key.
        RETURNS (Names): The names.
        """
        found = [index.names(lang, types, min_length) for index in self.indexes]
        hashes, flags, prefixes, lengths = (numpy.concatenate(parts) for parts in zip(*found, strict=True))
        return Names(*join_equal(hashes, flags, numpy.bitwise_or), *join_equal(prefixes, lengths, numpy.maximum))


def open_any_index(store: AnyStore) -> AnyIndex:
    """Return the index of the names of a store, or of several.

    store (AnyStore): The store.
    RETURNS (AnyIndex): The index.
    """
    if isinstance(store, EntityStore):
        return open_index(store)
    return UnionIndex([open_index(own) for own in store.stores])
