"""Sources of a linker's candidates: an entity store, or any spaCy knowledge base."""

import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Protocol, Sequence, Tuple, Union, cast

from spacy.kb import Candidate, InMemoryLookupKB, KnowledgeBase
from spacy.tokens import Span
from spacy.vocab import Vocab

from ..errors import Errors, check_choice, check_text
from ..storage.files import pack_files, unpack_files
from .bundled import open_store
from .spacy_kb import StoreKB, lang_of
from .store import MATCHES, STORE, Entity, EntityName, EntityStore, Match

AUTO = "auto"
KB = "kb"
_CONTENTS = "contents"  # spaCy's name for the entities and aliases of an InMemoryLookupKB
KBLoader = Callable[[Vocab], KnowledgeBase]
GetCandidates = Callable[[KnowledgeBase, Span], Iterable[Candidate]]
GetCandidatesBatch = Callable[[KnowledgeBase, Iterable[Span]], Iterable[Iterable[Candidate]]]


class CandidateSource(Protocol):
    """Interface of a source of candidates."""

    def bind(self, vocab: Vocab) -> None:
        """Set the pipeline's vocabulary."""
        ...

    def __call__(self, mentions: Sequence[Span]) -> List[List[Match]]:
        """Return ids and priors of the candidates of each mention, the most likely first."""
        ...

    def entities(self) -> Iterator[Entity]:
        """Return all entities, with their known names."""
        ...

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity, None if there is none with this id."""
        ...

    def to_disk(self, path: Path) -> None: ...

    def from_disk(self, path: Path) -> None: ...

    def to_bytes(self) -> bytes: ...

    def from_bytes(self, data: bytes) -> None: ...


class StoreCandidates:
    """Candidates from an entity store, which is opened at first use.

    path (Optional[Union[str, Path]]): The store, or "world" for the bundled one; None if it is loaded or set later.
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

    def entities(self) -> Iterator[Entity]:
        """Return all entities of the store."""
        return self.store.entities()

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity of the store, None if there is none with this id."""
        return self.store.get(entity_id)

    def to_disk(self, path: Path) -> None:
        """Copy the store into a directory, if there is one."""
        if self._store is not None or self.path is not None:
            self.store.to_disk(path / STORE)

    def from_disk(self, path: Path) -> None:
        """Open the store in a directory, if there is one."""
        if (path / STORE).is_file():
            self._store = EntityStore(path / STORE)

    def to_bytes(self) -> bytes:
        """Return the content of the store's file, empty if there is no store."""
        return self.store.to_bytes() if self._store is not None or self.path is not None else b""

    def from_bytes(self, data: bytes) -> None:
        """Open a store from `to_bytes`."""
        if data:
            self._store = EntityStore.from_bytes(data)


class KBCandidates:
    """Candidates from a spaCy knowledge base, which is created at first use.

    Names of its entities are their aliases, if the knowledge base can list them (`InMemoryLookupKB` can).

    kb_loader (Optional[KBLoader]): Creates it from the vocabulary; None if it is loaded or set later.
    get_candidates (Optional[GetCandidates]): Returns the candidates of a mention; by default, the knowledge base's
        method.
    get_candidates_batch (Optional[GetCandidatesBatch]): Returns the candidates of several mentions, if that is faster.
    generate_empty_kb (Optional[Callable]): Creates an empty knowledge base of the same class, to load one from disk; by
        default an `InMemoryLookupKB`.
    """

    def __init__(
        self,
        kb_loader: Optional[KBLoader] = None,
        get_candidates: Optional[GetCandidates] = None,
        get_candidates_batch: Optional[GetCandidatesBatch] = None,
        generate_empty_kb: Optional[Callable[[Vocab, int], KnowledgeBase]] = None,
    ):
        self.kb_loader = kb_loader
        self.get_candidates = get_candidates
        self.get_candidates_batch = get_candidates_batch
        self.generate_empty_kb = generate_empty_kb
        self._vocab: Optional[Vocab] = None
        self._kb: Optional[KnowledgeBase] = None
        self._names: Optional[Dict[str, List[EntityName]]] = None

    @property
    def kb(self) -> KnowledgeBase:
        """The knowledge base, created at first use.

        RAISES (ValueError): ML237 if there is none.
        """
        if self._kb is None:
            if self.kb_loader is None or self._vocab is None:
                raise ValueError(Errors.ML237)
            self._kb = self.kb_loader(self._vocab)
        return self._kb

    def bind(self, vocab: Vocab) -> None:
        """Set the pipeline's vocabulary.

        vocab (Vocab): Stores the strings of ids and aliases.
        """
        self._vocab = vocab

    def __call__(self, mentions: Sequence[Span]) -> List[List[Match]]:
        """Return the candidates of mentions.

        mentions (Sequence[Span]): The mentions.
        RETURNS (List[List[Match]]): Candidates of each, the most likely first, with the knowledge base's priors.
        """
        kb = self.kb
        if self.get_candidates_batch is not None:
            found: Iterable[Iterable[Candidate]] = self.get_candidates_batch(kb, mentions)
        elif self.get_candidates is not None:
            found = [self.get_candidates(kb, mention) for mention in mentions]
        else:
            found = kb.get_candidates_batch(mentions)
        return [_matches(candidates) for candidates in found]

    def entities(self) -> Iterator[Entity]:
        """Return all entities, if the knowledge base can list them."""
        strings = getattr(self.kb, "get_entity_strings", None)
        for entity_id in sorted(strings()) if strings is not None else ():
            yield self._entity(entity_id)

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity, None if there is none with this id."""
        contains = getattr(self.kb, "contains_entity", None)
        return None if contains is not None and not contains(entity_id) else self._entity(entity_id)

    def _entity(self, entity_id: str) -> Entity:
        if self._names is None:
            self._names = _aliases_by_entity(self.kb)
        return Entity(entity_id, names=tuple(self._names.get(entity_id, ())))

    def to_disk(self, path: Path) -> None:
        """Save the knowledge base, if there is one."""
        if self._kb is not None or self.kb_loader is not None:
            path.mkdir(parents=True, exist_ok=True)
            self.kb.to_disk(path / KB)

    def from_disk(self, path: Path) -> None:
        """Load the knowledge base in a directory, if there is one.

        path (Path): The directory.
        RAISES (ValueError): ML333 if it cannot be read, or is of another class than `generate_empty_kb` creates.
        """
        folder = path / KB
        if not folder.exists():
            return
        kb = self._empty_kb()
        if isinstance(kb, InMemoryLookupKB):
            # `set_kb` may have set a StoreKB, which the config does not contain.
            found = StoreKB.saved_in(folder, cast(Vocab, self._vocab))
            # Without this file, spaCy's reader crashes the process.
            if found is None and not (folder / _CONTENTS).is_file():
                reason = f"it has no file '{_CONTENTS}': if it is of another class, set generate_empty_kb"
                raise ValueError(Errors.ML333.format(path=folder, reason=reason))
            kb = kb if found is None else found
        try:
            kb.from_disk(folder)
        except (AssertionError, RuntimeError, MemoryError, OSError) as err:
            reason = f"{type(err).__name__} {err}".strip()
            raise ValueError(Errors.ML333.format(path=folder, reason=reason)) from err
        self._kb, self._names = kb, None

    def to_bytes(self) -> bytes:
        """Return the knowledge base as bytes, empty if there is none."""
        if self._kb is None and self.kb_loader is None:
            return b""
        with tempfile.TemporaryDirectory() as folder:
            self.to_disk(Path(folder))
            return pack_files(Path(folder))

    def from_bytes(self, data: bytes) -> None:
        """Load a knowledge base from `to_bytes`."""
        if data:
            with tempfile.TemporaryDirectory() as folder:
                unpack_files(data, Path(folder))
                self.from_disk(Path(folder))

    def __getstate__(self) -> Dict[str, Any]:
        """Pickle the knowledge base instead of its loader: spaCy's loaders cannot be pickled. An `InMemoryLookupKB`
        cannot be pickled, either, and is saved as bytes."""
        state = {**self.__dict__, "_names": None}
        if self._kb is not None or self.kb_loader is not None:
            state["kb_loader"] = None
            if isinstance(self.kb, InMemoryLookupKB):
                state.update(_kb=None, generate_empty_kb=None, data=self.to_bytes())
            else:
                state["_kb"] = self.kb
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        data = state.pop("data", b"")
        self.__dict__.update(state)
        self.from_bytes(data)

    def _empty_kb(self) -> KnowledgeBase:
        make = self.generate_empty_kb or InMemoryLookupKB
        return make(cast(Vocab, self._vocab), 1)


def build_store_candidates_v1(
    path: Optional[Union[str, Path]] = None, lang: Optional[str] = AUTO, match: str = "loose"
) -> StoreCandidates:
    """Return a source of candidates from an entity store. Registered as `spacy-mluke.store_candidates.v1`.

    path (Optional[Union[str, Path]]): The store, or "world" for the bundled one: countries, cities, languages,
        currencies and continents. A saved pipeline contains its store.
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


def _matches(candidates: Iterable[Candidate]) -> List[Match]:
    # The sort is stable: equally likely candidates keep the order of the knowledge base.
    found = [Match(candidate.entity_, float(candidate.prior_prob)) for candidate in candidates]
    return sorted(found, key=_descending_prior)


def _descending_prior(match: Match) -> float:
    return -match.prior


def _aliases_by_entity(kb: Any) -> Dict[str, List[EntityName]]:
    """Names of each entity, those with the greatest prior first."""
    names: Dict[str, List[EntityName]] = {}
    if not hasattr(kb, "get_alias_strings") or not hasattr(kb, "get_alias_candidates"):
        return names
    for alias in sorted(kb.get_alias_strings()):
        for candidate in kb.get_alias_candidates(alias):
            names.setdefault(candidate.entity_, []).append(EntityName(alias, prior=candidate.prior_prob))
    for own in names.values():
        own.sort(key=_descending_name_prior)
    return names


def _descending_name_prior(name: EntityName) -> float:
    return -(name.prior or 0.0)
