"""Finders of a knowledge base's names, one for each language of text."""

from __future__ import annotations

from typing import Collection, Dict, List, Optional, Protocol, Tuple, Type

from .mention_finder import MentionFinder
from .name_index import AnyIndex


class HasNames(Protocol):
    """Something with an index of names."""

    inflections: bool  # whether names of all languages are found with endings

    def name_index(self) -> AnyIndex:
        """Return the index."""
        ...


class Finders:
    """Makes the finder of a language at its first use. A copy in another process makes its own.

    source (HasNames): The knowledge base.
    types (Optional[Collection[str]]): Types of the entities to find; None for all.
    min_length (int): Minimum number of characters of a name.
    skip_parts (bool): Whether to skip a name of one word beside another capitalised word.
    """

    def __init__(
        self,
        source: HasNames,
        types: Optional[Collection[str]] = None,
        min_length: int = 1,
        skip_parts: bool = False,
    ):
        self.source, self.types, self.min_length, self.skip_parts = source, types, min_length, skip_parts
        self._index: Optional[AnyIndex] = None
        self._finders: Dict[str, MentionFinder] = {}

    @property
    def index(self) -> AnyIndex:
        """The index of all names, read at first use."""
        if self._index is None:
            self._index = self.source.name_index()
        return self._index

    @property
    def known_types(self) -> List[str]:
        """Types of the knowledge base's entities, sorted."""
        return sorted({*self.index.type_names} - {""})

    def __call__(self, lang: str) -> MentionFinder:
        """Return the finder of names in text of a language.

        lang (str): The language; "xx" or "" for any.
        RETURNS (MentionFinder): The finder.
        """
        if lang not in self._finders:
            names = self.index.names(None if lang in ("xx", "") else lang, self.types, self.min_length)
            options = {"skip_parts": self.skip_parts, "inflections": self.source.inflections}
            self._finders[lang] = MentionFinder(names, lang, **options)
        return self._finders[lang]

    def __reduce__(self) -> Tuple[Type[Finders], Tuple]:
        return type(self), (self.source, self.types, self.min_length, self.skip_parts)
