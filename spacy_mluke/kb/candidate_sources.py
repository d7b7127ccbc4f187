"""Sources of a linker's candidates: an entity store, or any spaCy knowledge base."""

from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Protocol, Sequence, Tuple, Union

from spacy.kb import KnowledgeBase
from spacy.tokens import Span
from spacy.vocab import Vocab

from ..errors import Errors, check_choice, check_text
from .bundled import KNOWLEDGE, open_index, open_store
from .name_index import NameIndex
from .spacy_candidates import GetCandidates, GetCandidatesBatch, KBCandidates, KBLoader
from .spacy_kb import lang_of
from .store import MATCHES, STORE, Entity, EntityStore, Fact, Match

AUTO = "auto"


class CandidateSource(Protocol):
    """Interface of a source of candidates."""

    def bind(self, vocab: Vocab) -> None:
        """Set the pipeline's vocabulary."""
        ...

    def __call__(self, mentions: Sequence[Span]) -> List[List[Match]]:
        """Return ids and priors of the candidates of each mention, the most likely first."""
        ...

    def __len__(self) -> int:
        """Number of entities."""
        ...

    def entities(self) -> Iterator[Entity]:
        """Return all entities, with their known names."""
        ...

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity, None if there is none with this id."""
        ...

    def name_index(self) -> NameIndex:
        """Return the index of all names, for the mention finder."""
        ...

    @property
    def has_facts(self) -> bool:
        """Whether there are facts about entities."""
        ...

    def facts(self, entity_id: str) -> List[Fact]:
        """Return the facts about an entity."""
        ...

    def classes(self, entity_id: str) -> List[str]:
        """Return the finer types of an entity."""
        ...

    def to_disk(self, path: Path) -> None: ...

    def from_disk(self, path: Path) -> None: ...

    def to_bytes(self) -> bytes: ...

    def from_bytes(self, data: bytes) -> None: ...


class StoreCandidates:
    """Candidates from an entity store, which is opened at first use.

    path (Optional[Union[str, Path]]): The store, or "world" or "knowledge" for a bundled one; None if it is
        loaded or set later.
    lang (Optional[str]): Language whose names are preferred; "auto" for the document's, None for none.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    RAISES (ValueError): ML070 for an unknown value of `match`, ML310 for an empty path or language.
    """

    def __init__(self, path: Optional[Union[str, Path]] = None, *, lang: Optional[str] = AUTO, match: str = "loose"):
        check_choice("match", match, MATCHES)
        if lang is not None:
            check_text("lang", lang)
        if path is not None:
            check_text("path", str(path))
        self.path = path
        self.lang = lang
        self.match = match
        self._store: Optional[EntityStore] = None
        self._is_own = True  # whether the store is the one at `path`, not one that was loaded

    @property
    def store(self) -> EntityStore:
        """The store, opened at first use.

        RAISES (ValueError): ML236 if there is none, ML230 if it cannot be read.
        """
        if self._store is None:
            if self.path is None:
                raise ValueError(Errors.ML236)
            self._store = open_store(self.path)
        return self._store

    def bind(self, vocab: Vocab) -> None:
        """Do nothing: an entity store does not use the pipeline's vocabulary."""

    def __call__(self, mentions: Sequence[Span]) -> List[List[Match]]:
        """Return the candidates of mentions; a repeated text is looked up once.

        mentions (Sequence[Span]): The mentions.
        RETURNS (List[List[Match]]): Candidates of each, the most likely first.
        """
        store = self.store
        known: Dict[Tuple[str, Optional[str]], List[Match]] = {}
        keys = [(span.text, lang_of(span) if self.lang == AUTO else self.lang) for span in mentions]
        for key in keys:
            if key not in known:
                known[key] = store.candidates(*key, match=self.match)
        return [known[key] for key in keys]

    def __len__(self) -> int:
        """Number of entities."""
        return len(self.store)

    def entities(self) -> Iterator[Entity]:
        """Return all entities of the store."""
        return self.store.entities()

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity of the store, None if there is none with this id."""
        return self.store.get(entity_id)

    def name_index(self) -> NameIndex:
        """Return the index of all names, for the mention finder."""
        return open_index(self.store)

    @property
    def has_facts(self) -> bool:
        """Whether there are facts about entities."""
        return self.store.has_facts

    def facts(self, entity_id: str) -> List[Fact]:
        """Return the facts about an entity."""
        return self.store.facts(entity_id)

    def classes(self, entity_id: str) -> List[str]:
        """Return the finer types of an entity."""
        return self.store.classes(entity_id)

    def to_disk(self, path: Path) -> None:
        """Copy the store into a directory, if there is one. "knowledge" is not copied: it is part of the package."""
        if (self._store is not None or self.path is not None) and not self._is_in_package():
            self.store.to_disk(path / STORE)

    def from_disk(self, path: Path) -> None:
        """Open the store in a directory, if there is one."""
        if (path / STORE).is_file():
            self._store, self._is_own = EntityStore(path / STORE), False

    def to_bytes(self) -> bytes:
        """Return the content of the store's file, empty if there is no store, or if it is "knowledge"."""
        if (self._store is None and self.path is None) or self._is_in_package():
            return b""
        return self.store.to_bytes()

    def from_bytes(self, data: bytes) -> None:
        """Open a store from `to_bytes`."""
        if data:
            self._store, self._is_own = EntityStore.from_bytes(data), False

    def _is_in_package(self) -> bool:
        return str(self.path) == KNOWLEDGE and not Path(KNOWLEDGE).is_file() and self._is_own


def build_store_candidates_v1(
    path: Optional[Union[str, Path]] = None, lang: Optional[str] = AUTO, match: str = "loose"
) -> StoreCandidates:
    """Return a source of candidates from an entity store. Registered as `spacy-mluke.store_candidates.v1`.

    path (Optional[Union[str, Path]]): The store; or "world" for the bundled countries, cities, languages, currencies
        and continents; or "knowledge" for the bundled people, places, organisations and works. A saved pipeline
        contains its store, unless it is "knowledge".
    lang (Optional[str]): Language whose names are preferred; "auto" for the document's, None for none.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    RETURNS (StoreCandidates): The source.
    """
    return StoreCandidates(path, lang=lang, match=match)


def build_kb_candidates_v1(
    kb_loader: Optional[KBLoader] = None,
    get_candidates: Optional[GetCandidates] = None,
    get_candidates_batch: Optional[GetCandidatesBatch] = None,
    generate_empty_kb: Optional[Callable[[Vocab, int], KnowledgeBase]] = None,
) -> KBCandidates:
    """Return a source of candidates from a spaCy knowledge base. Registered as `spacy-mluke.kb_candidates.v1`.

    kb_loader (Optional[KBLoader]): Such as `spacy.KBFromFile.v1`. A saved pipeline contains its knowledge base.
    get_candidates (Optional[GetCandidates]): Such as `spacy.CandidateGenerator.v1`.
    get_candidates_batch (Optional[GetCandidatesBatch]): Such as `spacy.CandidateBatchGenerator.v1`.
    generate_empty_kb (Optional[Callable]): Such as `spacy.EmptyKB.v2`.
    RETURNS (KBCandidates): The source.
    """
    return KBCandidates(kb_loader, get_candidates, get_candidates_batch, generate_empty_kb)
