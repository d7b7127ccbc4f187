"""Sources of a linker's candidates: an entity store, or any spaCy knowledge base."""

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Protocol, Sequence, Tuple, Union

from spacy.kb import KnowledgeBase
from spacy.tokens import Span
from spacy.vocab import Vocab

from ..errors import Errors, check_choice, check_flag, check_text
from .affixes import bare_names
from .bundled import is_knowledge_path, is_packaged, open_store
from .entities import Entity, Fact
from .matching import Match
from .name_index import AnyIndex
from .ranking import KIND_OF
from .spacy_candidates import GetCandidates, GetCandidatesBatch, KBCandidates, KBLoader
from .spacy_kb import lang_of
from .store import MATCHES
from .store_files import pack_stores, read_stores, unpack_stores, write_stores
from .store_union import SAME_IDS, AnyStore, StoreUnion
from .text_language import inflecting_languages
from .titles import without_title
from .union_index import open_any_index

AUTO = "auto"
_MAX_CACHED = 1 << 13  # mentions whose candidates are kept
# Candidates by mention, language, and whether it may have an ending of any language.
Known = Dict[Tuple[str, Optional[str], bool], List[Match]]
Paths = Union[str, Path, List[Union[str, Path]]]


class CandidateSource(Protocol):
    """Interface of a source of candidates."""

    inflections: bool  # whether names of all languages are found with endings, such as those of plurals

    def bind(self, vocab: Vocab) -> None:
        """Set the pipeline's vocabulary."""
        ...

    def __call__(self, mentions: Sequence[Span]) -> List[List[Match]]:
        """Return ids and priors of the candidates of each mention, the most likely first."""
        ...

    def __len__(self) -> int:
        """Number of entities."""
        ...

    def ids(self) -> Iterator[str]:
        """Return the ids of all entities."""
        ...

    def entities(self) -> Iterator[Entity]:
        """Return all entities, with their known names."""
        ...

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity, None if there is none with this id."""
        ...

    def type_of(self, entity_id: str) -> Optional[str]:
        """Return the type of an entity without reading its names, None if there is none with this id."""
        ...

    def name_index(self) -> AnyIndex:
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

    def descriptions(self, entity_id: str) -> Dict[str, str]:
        """Return the descriptions of an entity by language."""
        ...

    def keywords(self, entity_id: str) -> List[str]:
        """Return words of names that a text about an entity may have."""
        ...

    @property
    def is_described(self) -> bool:
        """Whether candidates can be compared with a text by what is known of them."""
        ...

    def to_disk(self, path: Path) -> None: ...

    def from_disk(self, path: Path) -> None: ...

    def to_bytes(self) -> bytes: ...

    def from_bytes(self, data: bytes) -> None: ...


class StoreCandidates:
    """Candidates from an entity store, or from several, which are opened at first use.

    path (Optional[Paths]): The store, or "world" or "knowledge" for a bundled one; or a list of stores, the most
        important first (see `StoreUnion`). None if it is loaded or set later.
    lang (Optional[str]): Language whose names are preferred; "auto" for the document's, None for none.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    same_ids (str): What an id that two stores have means: "error" for a conflict, "merge" for the same entity.
    inflections (bool): Whether names of all languages are found with endings of the text's language, such as those of
        plurals (see `inflection.FREE_ENDINGS`).
    RAISES (ValueError): ML070 for an unknown value of `match` or `same_ids`, ML310 for an empty path or language, ML423
        for a list without stores, or with one twice.
    """

    def __init__(
        self,
        path: Optional[Paths] = None,
        *,
        lang: Optional[str] = AUTO,
        match: str = "loose",
        same_ids: str = "error",
        inflections: bool = False,
    ):
        check_choice("match", match, MATCHES)
        check_choice("same_ids", same_ids, SAME_IDS)
        check_flag("inflections", inflections)
        if lang is not None:
            check_text("lang", lang)
        self.path = path
        self.lang = lang
        self.match = match
        self.same_ids = same_ids
        self.inflections = inflections
        for one in self._paths:
            check_text("path", str(one))
        if isinstance(path, list) and (not path or len({*map(str, path)}) < len(path)):
            raise ValueError(Errors.ML423.format(paths=", ".join(map(str, path)) or "empty"))
        self._store: Optional[AnyStore] = None
        self._is_own = True  # whether the store is the one at `path`, not one that was loaded
        self._known: Known = {}  # candidates of mentions
        self._known_for: Tuple[Any, ...] = ()  # what they depend on

    @property
    def _paths(self) -> List[Union[str, Path]]:
        if self.path is None:
            return []
        return list(self.path) if isinstance(self.path, list) else [self.path]

    @property
    def store(self) -> AnyStore:
        """The store, opened at first use.

        RAISES (ValueError): ML236 if there is none, ML230 if it cannot be read, ML422 if two stores have the same ids.
        """
        if self._store is None:
            stores = [open_store(path) for path in self._paths]
            if not stores:
                raise ValueError(Errors.ML236)
            self._store = stores[0] if len(stores) == 1 else StoreUnion(stores, same_ids=self.same_ids)
        return self._store

    def bind(self, vocab: Vocab) -> None:
        """Do nothing: an entity store does not use the pipeline's vocabulary."""

    def __call__(self, mentions: Sequence[Span]) -> List[List[Match]]:
        """Return the candidates of mentions. Those of the last mentions are kept: names recur in a corpus.

        If a mention in a document of an unknown language ("xx") has no candidates, it may be an inflected name of a
        language whose words the document has. If it still has none, it has those of the name in it, without an ending
        after an apostrophe ("Ankara'da") or the mark of a tag or a user name ("@NASA"); and if it begins with a title
        ("King Louis XIV"), the people with the name that follows.

        mentions (Sequence[Span]): The mentions.
        RETURNS (List[List[Match]]): Candidates of each, the most likely first. Equal mentions have one list.
        """
        known = self._recent()
        keys = [(span.text, lang_of(span) if self.lang == AUTO else self.lang) for span in mentions]
        found = [self._look_up(known, *key, inflections=self.inflections) for key in keys]
        if self.lang == AUTO and self.match == MATCHES[-1]:
            languages: Dict[int, Tuple[str, ...]] = {}  # by document: spaCy joins its text at every access
            for i, (span, (text, lang)) in enumerate(zip(mentions, keys, strict=True)):
                if lang is None and not found[i]:
                    key = id(span.doc)
                    codes = languages[key] if key in languages else inflecting_languages(span.doc.text)
                    languages[key] = codes
                    own = (self._look_up(known, text, code, inflections=False) for code in codes)
                    found[i] = next(filter(None, own), [])
        if self.match == MATCHES[-1]:
            for i, (text, lang) in enumerate(keys):
                if not found[i]:
                    found[i] = self._look_up_parts(known, text, lang)
        return found

    def _look_up_parts(self, known: Known, text: str, lang: Optional[str]) -> List[Match]:
        """Return the candidates of what a mention consists of, if it has none as a whole."""
        names = [text, *bare_names(text)]
        for name in names[1:]:
            if own := self._look_up(known, name, lang, inflections=self.inflections):
                return own
        for person in filter(None, map(without_title, names)):
            own = self._look_up(known, person, lang, inflections=self.inflections)
            if people := [match for match in own if KIND_OF.get(match.type) == "PER"]:
                return people
        return []

    def _recent(self) -> Known:
        """Return the candidates that are kept. Other threads may read an older dictionary, which is never emptied."""
        settings = (self.store, self.match)
        if settings != self._known_for or len(self._known) > _MAX_CACHED:
            self._known, self._known_for = {}, settings
        return self._known

    def _look_up(self, known: Known, text: str, lang: Optional[str], *, inflections: bool) -> List[Match]:
        key = (text, lang, inflections)
        if key not in known:
            known[key] = self.store.candidates(text, lang, match=self.match, inflections=inflections)
        return known[key]

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_known": {}, "_known_for": ()}

    def __len__(self) -> int:
        """Number of entities."""
        return len(self.store)

    def ids(self) -> Iterator[str]:
        """Return the ids of all entities of the store."""
        return self.store.ids()

    def entities(self) -> Iterator[Entity]:
        """Return all entities of the store."""
        return self.store.entities()

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity of the store, None if there is none with this id."""
        return self.store.get(entity_id)

    def type_of(self, entity_id: str) -> Optional[str]:
        """Return the type of an entity without reading its names, None if there is none with this id."""
        return self.store.type_of(entity_id)

    def name_index(self) -> AnyIndex:
        """Return the index of all names, for the mention finder."""
        return open_any_index(self.store)

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
        """Copy the stores into a directory, if there are any. "knowledge" is not copied: it is part of the package."""
        if not self._is_empty():
            write_stores(self.store, self._bundled(), path)

    def from_disk(self, path: Path) -> None:
        """Open the stores in a directory, if there are any."""
        found = read_stores(path)
        if found is not None:
            self._store, self._is_own = found, False

    def to_bytes(self) -> bytes:
        """Return the content of the stores' files, empty if there is no store, or if it is "knowledge"."""
        return b"" if self._is_empty() else pack_stores(self.store, self._bundled())

    def from_bytes(self, data: bytes) -> None:
        """Open stores from `to_bytes`."""
        if data:
            self._store, self._is_own = unpack_stores(data), False

    def descriptions(self, entity_id: str) -> Dict[str, str]:
        """Return the descriptions of an entity by language."""
        return self.store.descriptions(entity_id)

    def keywords(self, entity_id: str) -> List[str]:
        """Return words of names that a text about an entity may have."""
        return self.store.keywords(entity_id)

    @property
    def is_described(self) -> bool:
        """Whether candidates can be compared with a text by what is known of them, so that a model for that helps."""
        return self.has_knowledge or (not self._is_empty() and self.store.has_descriptions)

    @property
    def has_knowledge(self) -> bool:
        """Whether the bundled "knowledge" is one of the stores."""
        return (bool(self._paths) or self._store is not None) and any(self._bundled())

    def _is_empty(self) -> bool:
        """Whether there is nothing to save."""
        is_knowledge = self._is_own and len(self._paths) == 1 and is_knowledge_path(self._paths[0])
        return is_knowledge or (self._store is None and not self._paths)

    def _bundled(self) -> List[bool]:
        """For each store, whether it is "knowledge"."""
        if self._is_own:
            return [is_knowledge_path(path) for path in self._paths]
        stores = self.store.stores if isinstance(self.store, StoreUnion) else [self.store]
        return [is_packaged(store) for store in stores]


def build_store_candidates_v1(
    path: Optional[Paths] = None,
    lang: Optional[str] = AUTO,
    match: str = "loose",
    same_ids: str = "error",
    inflections: bool = False,
) -> StoreCandidates:
    """Return a source of candidates from an entity store. Registered as `spacy-mluke.store_candidates.v1`.

    path (Optional[Paths]): The store; or "world" for the bundled countries, cities, languages, currencies
        and continents; or "knowledge" for the bundled people, places, organisations and works; or a list of stores, the
        most important first. A saved pipeline contains its stores, except "knowledge".
    lang (Optional[str]): Language whose names are preferred; "auto" for the document's, None for none.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    same_ids (str): What an id that two stores have means: "error" for a conflict, "merge" for the same entity.
    inflections (bool): Whether names of all languages are found with endings of the text's language: "s" and "es" in
        English (plurals), "nin" in Turkish. It finds more names, and more words that are no names.
    RETURNS (StoreCandidates): The source.
    """
    return StoreCandidates(path, lang=lang, match=match, same_ids=same_ids, inflections=inflections)


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
