"""An entity store as a knowledge base of spaCy's own `entity_linker`."""

from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Union, cast

import srsly
from spacy.kb import Candidate, KnowledgeBase
from spacy.tokens import Span
from spacy.vocab import Vocab

from ..errors import Errors, check_choice, check_flag
from ..storage.files import write_files
from .bundled import WORLD, open_store
from .store import MATCHES, STORE, EntityStore, Match

VectorOf = Callable[[str], Sequence[float]]
_MANY = "xx"  # what spaCy calls the language of pipelines for several
_SETTINGS = "store_kb.json"
# A whole file of spaCy's InMemoryLookupKB, without entities: its loader crashes where there is none. It then looks for
# strings.json, and says that it is missing, where a pipeline's config does not know that this is a store.
_GUARD = "contents"
_GUARD_BYTES = bytes(24)


class StoreKB(KnowledgeBase):
    """Entities of a store, as spaCy's linker wants them.

    A store holds no vectors: without `vector_of` they are zeros, and the linker wants `incl_context = false`.

    vocab (Vocab): The pipeline's vocabulary; it gets the ids and aliases that are looked up.
    entity_vector_length (int): Width of the vectors.
    store (Optional[EntityStore]): The entities; None until `from_disk`.
    vector_of (Optional[VectorOf]): Gives the vector of an id.
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
        """Whether there are no entities."""
        return not len(self)

    def get_candidates(self, mention: Span) -> Iterator[Candidate]:
        """Entities that a mention may mean.

        mention (Span): The mention.
        RETURNS (Iterator[Candidate]): The most likely first.
        """
        return iter(self._candidates(mention.text, lang_of(mention) if self.use_lang else None))

    def get_candidates_batch(self, mentions: Iterable[Span]) -> List[Iterator[Candidate]]:
        """Entities that each of several mentions may mean.

        mentions (Iterable[Span]): The mentions.
        RETURNS (List[Iterator[Candidate]]): As from `get_candidates`.
        """
        return [self.get_candidates(mention) for mention in mentions]

    def get_alias_candidates(self, alias: str) -> List[Candidate]:
        """Entities that have a name.

        alias (str): The name.
        RETURNS (List[Candidate]): The most likely first.
        """
        return self._candidates(alias, None)

    def get_vector(self, entity: str) -> Sequence[float]:
        """The vector of an entity.

        entity (str): Its id.
        RETURNS (Sequence[float]): Zeros without `vector_of`.
        """
        if self.vector_of is None or self.store is None or entity not in self.store:
            return [0.0] * self.entity_vector_length
        return self.vector_of(entity)

    def contains_entity(self, entity: str) -> bool:
        """Whether there is an entity of that id."""
        return self.store is not None and entity in self.store

    def contains_alias(self, alias: str) -> bool:
        """Whether an entity has that name."""
        return bool(self._matches(alias, None))

    def get_entity_strings(self) -> List[str]:
        """The ids of all entities."""
        return [] if self.store is None else list(self.store.ids())

    # --- saving ---

    def to_disk(self, path: Union[str, Path], exclude: Iterable[str] = ()) -> None:
        """Copy the store.

        path (Union[str, Path]): A directory, made if missing.
        exclude (Iterable[str]): Not used: there is one file.
        RAISES (ValueError): ML236 if there is no store.
        """
        store = self._required()
        settings = srsly.json_dumps({"match": self.match, "use_lang": self.use_lang}).encode("utf8")
        write_files(Path(path), {_SETTINGS: settings, _GUARD: _GUARD_BYTES})
        store.to_disk(Path(path) / STORE)

    @classmethod
    def saved_in(cls, path: Path, vocab: Vocab) -> Optional["StoreKB"]:
        """Open what `to_disk` wrote, without a config that says how.

        path (Path): The directory.
        vocab (Vocab): The pipeline's vocabulary.
        RETURNS (Optional[StoreKB]): With its settings, and vectors of zeros; None if it holds no store.
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
        exclude (Iterable[str]): Not used: there is one file.
        RETURNS (StoreKB): This knowledge base.
        RAISES (ValueError): ML230 for what is no store.
        """
        self.store = EntityStore(Path(path) / STORE)
        return self

    def to_bytes(self, **kwargs: Any) -> bytes:
        """The store's file.

        RETURNS (bytes): Its content.
        RAISES (ValueError): ML236 if there is no store.
        """
        return self._required().to_bytes()

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "StoreKB":
        """Open a store that came as bytes, from a temporary file that lives as long as it does.

        bytes_data (bytes): As from `to_bytes`.
        exclude (Iterable[str]): Not used: there is one file.
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
    """A knowledge base for spaCy's `entity_linker`: for its `generate_empty_kb`. Registered as
    `spacy-mluke.store_kb.v1`.

    path (Optional[Union[str, Path]]): An entity store, or "world" for the bundled one; None in a pipeline that is
        loaded from disk.
    match (str): The loosest spelling allowed: "exact", "case" or "loose".
    use_lang (bool): Whether names of the document's language are preferred.
    RETURNS (Callable): Makes it from a vocabulary and the width of vectors.
    RAISES (ValueError): ML070 for an unknown way to match.
    """

    check_choice("match", match, MATCHES)
    check_flag("use_lang", use_lang)
    return partial(_make_kb, path=path, match=match, use_lang=use_lang)


def _make_kb(
    vocab: Vocab, entity_vector_length: int, *, path: Optional[Union[str, Path]], match: str, use_lang: bool
) -> StoreKB:
    # A saved pipeline brings its store along: the file that it was made from may be gone.
    is_there = path is not None and (str(path) == WORLD or Path(path).is_file())
    store = open_store(cast(Any, path)) if is_there else None
    return StoreKB(vocab, entity_vector_length, store, match=match, use_lang=use_lang)


def lang_of(span: Span) -> Optional[str]:
    """The language of a mention.

    span (Span): The mention.
    RETURNS (Optional[str]): None where the pipeline is one of several languages ("xx").
    """
    lang = span.doc.lang_
    return None if lang == _MANY else lang
