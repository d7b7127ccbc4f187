"""An entity store as a knowledge base for spaCy's `entity_linker`."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Union, cast

import srsly
from spacy.kb import Candidate, KnowledgeBase
from spacy.tokens import Span
from spacy.vocab import Vocab

from ..errors import Errors, check_choice, check_flag
from ..storage.files import write_files
from .bundled import BUNDLED, open_store
from .store import MATCHES, STORE, EntityStore, Match

VectorOf = Callable[[str], Sequence[float]]
_MULTILINGUAL = "xx"  # spaCy's language code of multilingual pipelines
_SETTINGS = "store_kb.json"
# A valid file of spaCy's InMemoryLookupKB without entities. If a pipeline's config does not say that this is a store,
# spaCy's loader reads this file, and then reports that strings.json is missing. Without this file, it would crash.
_GUARD = "contents"
_GUARD_BYTES = bytes(24)


class StoreKB(KnowledgeBase):
    """Entities of a store, with the interface that spaCy's linker needs.

    A store has no vectors. Without `vector_of`, all vectors are zeros, and the linker needs `incl_context = false`.

    vocab (Vocab): The pipeline's vocabulary; ids and aliases are added to it when they are looked up.
    entity_vector_length (int): Width of the vectors.
    store (Optional[EntityStore]): The entities; None until `from_disk`.
    vector_of (Optional[VectorOf]): Returns the vector of an entity, by its id.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    use_lang (bool): Whether names of the document's language are preferred.
    """

    def __init__(
        self,
        vocab: Vocab,
        entity_vector_length: int,
        store: Optional[EntityStore] = None,
        *,
        vector_of: Optional[VectorOf] = None,
        match: str = "loose",
        use_lang: bool = False,
    ):
        super().__init__(vocab, entity_vector_length)
        self.store = store
        self.vector_of = vector_of
        self.match = match
        self.use_lang = use_lang

    def __len__(self) -> int:
        return 0 if self.store is None else len(self.store)

    def is_empty(self) -> bool:
        """Return whether there are no entities."""
        return not len(self)

    def get_candidates(self, mention: Span) -> Iterator[Candidate]:
        """Return the candidates of a mention.

        mention (Span): The mention.
        RETURNS (Iterator[Candidate]): The most likely first.
        """
        return iter(self._candidates(mention.text, lang_of(mention) if self.use_lang else None))

    def get_candidates_batch(self, mentions: Iterable[Span]) -> List[Iterator[Candidate]]:
        """Return the candidates of several mentions.

        mentions (Iterable[Span]): The mentions.
        RETURNS (List[Iterator[Candidate]]): Candidates of each, as from `get_candidates`.
        """
        return [self.get_candidates(mention) for mention in mentions]

    def get_alias_candidates(self, alias: str) -> List[Candidate]:
        """Return the entities with a name.

        alias (str): The name.
        RETURNS (List[Candidate]): The most likely first.
        """
        return self._candidates(alias, None)

    def get_vector(self, entity: str) -> Sequence[float]:
        """Return the vector of an entity.

        entity (str): Its id.
        RETURNS (Sequence[float]): Its vector; zeros without `vector_of`, or for an unknown id.
        """
        if self.vector_of is None or self.store is None or entity not in self.store:
            return [0.0] * self.entity_vector_length
        return self.vector_of(entity)

    def contains_entity(self, entity: str) -> bool:
        """Return whether there is an entity with this id."""
        return self.store is not None and entity in self.store

    def contains_alias(self, alias: str) -> bool:
        """Return whether an entity has this name."""
        return bool(self._matches(alias, None))

    def get_entity_strings(self) -> List[str]:
        """Return the ids of all entities."""
        return [] if self.store is None else list(self.store.ids())

    # --- saving ---

    def to_disk(self, path: Union[str, Path], exclude: Iterable[str] = ()) -> None:
        """Copy the store.

        path (Union[str, Path]): A directory, created if missing.
        exclude (Iterable[str]): Not used.
        RAISES (ValueError): ML236 if there is no store.
        """
        store = self._required()
        settings = srsly.json_dumps({"match": self.match, "use_lang": self.use_lang}).encode("utf8")
        write_files(Path(path), {_SETTINGS: settings, _GUARD: _GUARD_BYTES})
        store.to_disk(Path(path) / STORE)

    @classmethod
    def saved_in(cls, path: Path, vocab: Vocab) -> Optional["StoreKB"]:
        """Load a knowledge base from `to_disk` with its saved settings, without a config.

        path (Path): The directory.
        vocab (Vocab): The pipeline's vocabulary.
        RETURNS (Optional[StoreKB]): The knowledge base, with vectors of zeros; None if the directory has no store.
        RAISES (ValueError): ML230 for a damaged store, ML316 for damaged settings.
        """
        if not (path / STORE).is_file():
            return None
        found = cls(vocab, 1).from_disk(path)
        if (path / _SETTINGS).is_file():
            try:
                settings = srsly.read_json(path / _SETTINGS)
                found.match, found.use_lang = settings["match"], settings["use_lang"]
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise ValueError(Errors.ML316.format(name=path / _SETTINGS, reason=error)) from error
            check_choice("match", found.match, MATCHES)
            check_flag("use_lang", found.use_lang)
        return found

    def from_disk(self, path: Union[str, Path], exclude: Iterable[str] = ()) -> "StoreKB":
        """Open a store that `to_disk` wrote.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Not used.
        RETURNS (StoreKB): This knowledge base.
        RAISES (ValueError): ML230 if the directory has no valid store.
        """
        self.store = EntityStore(Path(path) / STORE)
        return self

    def to_bytes(self, **kwargs: Any) -> bytes:
        """Return the content of the store's file.

        RETURNS (bytes): The content.
        RAISES (ValueError): ML236 if there is no store.
        """
        return self._required().to_bytes()

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "StoreKB":
        """Open a store from `to_bytes`. It reads a temporary file, which is deleted with it.

        bytes_data (bytes): The content of a store's file.
        exclude (Iterable[str]): Not used.
        RETURNS (StoreKB): This knowledge base.
        """
        self.store = EntityStore.from_bytes(bytes_data)
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        make = partial(StoreKB, vector_of=self.vector_of, match=self.match, use_lang=self.use_lang)
        return make, (self.vocab, self.entity_vector_length, self.store)

    def _required(self) -> EntityStore:
        if self.store is None:
            raise ValueError(Errors.ML236)
        return self.store

    def _matches(self, name: str, lang: Optional[str]) -> List[Match]:
        return [] if self.store is None else self.store.candidates(name, lang, match=self.match)

    def _candidates(self, name: str, lang: Optional[str]) -> List[Candidate]:
        strings = self.vocab.strings
        return [
            Candidate(
                kb=self,
                entity_hash=strings.add(match.id),
                entity_freq=match.prior,
                entity_vector=self.get_vector(match.id),
                alias_hash=strings.add(name),
                prior_prob=match.prior,
            )
            for match in self._matches(name, lang)
        ]


def build_store_kb_v1(
    path: Optional[Union[str, Path]] = None, match: str = "loose", use_lang: bool = False
) -> Callable[[Vocab, int], StoreKB]:
    """Return a function for `generate_empty_kb` of spaCy's `entity_linker`. Registered as `spacy-mluke.store_kb.v1`.

    path (Optional[Union[str, Path]]): An entity store, or "world" or "knowledge" for a bundled one; None in a pipeline
        that is loaded from disk.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    use_lang (bool): Whether names of the document's language are preferred.
    RETURNS (Callable): Creates the knowledge base from a vocabulary and the width of vectors.
    RAISES (ValueError): ML070 for an unknown value of `match`.
    """
    check_choice("match", match, MATCHES)
    check_flag("use_lang", use_lang)
    return partial(_make_kb, path=path, match=match, use_lang=use_lang)


def _make_kb(
    vocab: Vocab, entity_vector_length: int, *, path: Optional[Union[str, Path]], match: str, use_lang: bool
) -> StoreKB:
    # A saved pipeline contains its store, so the original file may be missing.
    exists = path is not None and (str(path) in BUNDLED or Path(path).is_file())
    store = open_store(cast(Any, path)) if exists else None
    return StoreKB(vocab, entity_vector_length, store, match=match, use_lang=use_lang)


def lang_of(span: Span) -> Optional[str]:
    """Return the language of a mention.

    span (Span): The mention.
    RETURNS (Optional[str]): The document's language; None if it is multilingual ("xx").
    """
    lang = span.doc.lang_
    return None if lang == _MULTILINGUAL else lang
