"""Candidates from a spaCy knowledge base."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, cast

from spacy.kb import Candidate, InMemoryLookupKB, KnowledgeBase
from spacy.tokens import Span
from spacy.vocab import Vocab

from ..errors import Errors
from ..storage.files import pack_files, unpack_files
from .name_index import NameIndex
from .spacy_aliases import aliases_by_entity, matches_of
from .spacy_kb import StoreKB
from .store import Entity, EntityName, Fact, Match

KB = "kb"
_CONTENTS = "contents"  # spaCy's name for the entities and aliases of an InMemoryLookupKB
KBLoader = Callable[[Vocab], KnowledgeBase]
GetCandidates = Callable[[KnowledgeBase, Span], Iterable[Candidate]]
GetCandidatesBatch = Callable[[KnowledgeBase, Iterable[Span]], Iterable[Iterable[Candidate]]]


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

    inflections = False  # its names are found as they are
    is_described = False  # spaCy's knowledge bases have no descriptions

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
        return [matches_of(candidates) for candidates in found]

    def __len__(self) -> int:
        """Number of entities; 0 if the knowledge base does not say."""
        return len(self.kb) if hasattr(self.kb, "__len__") else 0

    def ids(self) -> Iterator[str]:
        """Return the ids of all entities, if the knowledge base can list them."""
        strings = getattr(self.kb, "get_entity_strings", None)
        yield from sorted(strings()) if strings is not None else ()

    def entities(self) -> Iterator[Entity]:
        """Return all entities, if the knowledge base can list them."""
        yield from map(self._entity, self.ids())

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity, None if there is none with this id."""
        contains = getattr(self.kb, "contains_entity", None)
        return None if contains is not None and not contains(entity_id) else self._entity(entity_id)

    def type_of(self, entity_id: str) -> Optional[str]:
        """Return "", None if there is no entity with this id: a knowledge base of spaCy's has no types."""
        found = self.get(entity_id)
        return None if found is None else found.type

    def name_index(self) -> NameIndex:
        """Return the index of all aliases, for the mention finder."""
        return NameIndex.of(self.entities())

    has_facts = False

    def facts(self, entity_id: str) -> List[Fact]:
        """Return nothing: a knowledge base of spaCy's has no facts."""
        return []

    def classes(self, entity_id: str) -> List[str]:
        """Return nothing: a knowledge base of spaCy's has no finer types."""
        return []

    def descriptions(self, entity_id: str) -> Dict[str, str]:
        """Return nothing: a knowledge base of spaCy's has no descriptions."""
        return {}

    def keywords(self, entity_id: str) -> List[str]:
        """Return nothing: a knowledge base of spaCy's has no keywords."""
        return []

    def _entity(self, entity_id: str) -> Entity:
        if self._names is None:
            self._names = aliases_by_entity(self.kb)
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
