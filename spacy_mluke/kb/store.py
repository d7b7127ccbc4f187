"""The entity store: entities with their names in many languages, types and priors, in a SQLite file."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from ..errors import Errors, check_choice
from ..storage.files import replacing, write_files
from ..storage.sqlite import Row
from . import store_format as sql
from .entities import Entities, Entity, EntityName, Fact
from .inflection import MAX_ENDING, base_keys, declined_keys, free_stems, is_inflecting_script
from .matching import Match, discounted, strictest, weigh
from .name_keys import loose_key
from .store_format import CandidateRow, read_counts
from .store_names import CheckedDatabase, NameTable, PackedNames, StoreNames

STORE = "entities.sqlite"
MATCHES = ("exact", "case", "loose")


class Named(NamedTuple):
    """Names that a mention may be."""

    rows: List[CandidateRow]
    is_inflected: bool  # whether the mention is not one of the names, but perhaps an inflected form of them


class EntityStore(Entities, CheckedDatabase):
    """Entities on disk. Opening a store reads one or two pages; a look-up is one query of a few microseconds.

    Threads and processes may share a store: see `ReadOnlyDatabase`.

    path (Union[str, Path]): A file that `build_store` wrote. It is never written to.
    others (float): Factor of the weights of names that are not in the language of a mention, beside those that are; 0
        not to use them.
    RAISES (ValueError): ML230 if the file is missing or is not an entity store.
    """

    message = Errors.ML230
    version = sql.FORMAT
    schema = sql.SCHEMA
    older: ClassVar[Mapping[int, str]] = {**sql.OLDER, **sql.PACKED_SCHEMAS}

    def __init__(self, path: Union[str, Path], *, others: float = 0.0):
        super().__init__(Path(path))
        self.others = others
        self.others_of: Dict[str, float] = {}  # this factor for mentions in some languages, instead of `others`
        # Whether the weights of names say how well-known the entities are, on the scale of the bundled "knowledge".
        self.has_prominence = False
        self._folder: Optional[tempfile.TemporaryDirectory] = None
        try:
            meta = read_counts(self.read_meta())
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError, RecursionError) as err:
            raise self.damaged(f"its description of the content cannot be read ({err})") from err
        self._n_entities, self.n_names, self.languages, self.types = meta
        version = self.query("PRAGMA user_version")[0][0]
        self._is_packed, self._has_keywords = version in sql.PACKED_SCHEMAS, version == sql.PACKED
        self._has_tables, self._has_texts = version >= sql.WITH_FACTS, version >= sql.FORMAT
        # Whether there are facts about entities; and descriptions.
        self.has_facts = self._has_tables and bool(self.query(sql.ANY_FACT))
        self.has_facts = self.has_facts or (self._has_texts and bool(self.query(sql.ANY_OUTER_FACT)))
        self.has_descriptions = self._has_texts and bool(self.query(sql.ANY_DESCRIPTION))

    def __len__(self) -> int:
        """Number of entities."""
        return self._n_entities

    def __contains__(self, entity_id: object) -> bool:
        return isinstance(entity_id, str) and self._find(entity_id) is not None

    # --- by id ---

    def get(self, entity_id: str) -> Optional[Entity]:
        """Return an entity.

        entity_id (str): Its id, or its id in another register (a name of the kind "xref").
        RETURNS (Optional[Entity]): The entity; None for an unknown id.
        """
        row = self._find(entity_id)
        return None if row is None else self._entity(row)

    def type_of(self, entity_id: str) -> Optional[str]:
        """Return the type of an entity. Its names, of which the bundled knowledge base has dozens, are not read.

        entity_id (str): Its id, or its id in another register.
        RETURNS (Optional[str]): The type, "" without one; None for an unknown id.
        """
        row = self._find(entity_id)
        return None if row is None else row[2]

    @property
    def places(self) -> str:
        return str(self.path)

    def ids(self) -> Iterator[str]:
        """Return the ids of all entities, sorted.

        YIELDS (str): The id.
        """
        for row in self._rows():
            yield row[1]

    def entities(self) -> Iterator[Entity]:
        """Return all entities, sorted by id.

        YIELDS (Entity): The entity.
        """
        for row in self._rows():
            yield self._entity(row)

    def facts(self, entity_id: str) -> List[Fact]:
        """Return what the store knows about an entity.

        entity_id (str): Its id.
        RETURNS (List[Fact]): Facts with the entity as subject; empty for an unknown id. The objects that the store
            lacks come last.
        """
        row = self._find(entity_id)
        if row is None or not self._has_tables:
            return []
        found = self.query(sql.FACTS_OF, (row[0],))
        found += self.query(sql.OUTER_FACTS_OF, (row[0],)) if self._has_texts else []
        return [Fact(*fact) for fact in self.checked(found, "tt")]

    def descriptions(self, entity_id: str) -> Dict[str, str]:
        """Return the descriptions of an entity.

        entity_id (str): Its id.
        RETURNS (Dict[str, str]): Descriptions by language; empty if there are none.
        """
        row = self._find(entity_id) if self.has_descriptions else None
        if row is None:
            return {}
        return dict(self.checked(self.query(sql.DESCRIPTIONS_OF, (row[0],)), "tt"))

    def keywords(self, entity_id: str) -> List[str]:
        """Return the keywords of an entity: words of names that a text about it may have.

        entity_id (str): Its id.
        RETURNS (List[str]): Words, as `loose_key` spells them; empty if there are none.
        """
        row = self._find(entity_id) if self._has_keywords else None
        found = self.checked(self.query(sql.KEYWORDS_OF, (row[0],)), "t") if row else []
        return [word for (words,) in found for word in words.split()]

    def find_id(self, entity_id: str) -> Optional[str]:
        """Return the id of an entity.

        entity_id (str): Its id, or its id in another register.
        RETURNS (Optional[str]): Its id; None if the store does not have it.
        """
        row = self._find(entity_id)
        return None if row is None else row[1]

    def references(self) -> Iterator[Tuple[str, str]]:
        """Return the ids of entities in other registers.

        YIELDS (Tuple[str, str]): Id of an entity, and its id in another register.
        """
        return self._names.references()

    def classes(self, entity_id: str) -> List[str]:
        """Return the classes that an entity is an instance of: its finer types.

        entity_id (str): Its id.
        RETURNS (List[str]): Names of classes ("big city"); empty for an unknown id.
        """
        row = self._find(entity_id)
        if row is None or not self._has_tables:
            return []
        return [name for (name,) in self.checked(self.query(sql.CLASSES_OF, (row[0],)), "t")]

    # --- by name ---

    def candidates(
        self, mention: str, lang: Optional[str] = None, *, match: str = "loose", inflections: bool = False
    ) -> List[Match]:
        """Return the candidates of a mention.

        The strictest spelling that finds a name is used: exact; without case; without accents and punctuation
        (`loose_key`). Names in the language are preferred. If no name is found, the longest beginning of the mention
        that is a stem is used, or a name that the mention may be an inflected form of (`inflection`).

        The weight of a name is its prior, else its entity's prior, else the least weight of the other names.

        mention (str): The mention.
        lang (Optional[str]): Its language. Only names of this language and those without a language are used, or all
            names if none of them is found. In a store with a factor for `others`, names in other languages are used,
            too, with lower weights.
        match (str): The loosest spelling allowed: "exact", "case" or "loose".
        inflections (bool): Whether a mention may also be a name of any language with an ending of the mention's
            language, such as that of a plural (see `inflection.FREE_ENDINGS`).
        RETURNS (List[Match]): The most likely first; equally likely ones sorted by id.
        RAISES (ValueError): ML070 for an unknown value of `match`.
        """
        rows = self.named(mention, lang, match=match, inflections=inflections).rows
        return weigh(rows, has_prominence=self.has_prominence)

    def named(
        self, mention: str, lang: Optional[str] = None, *, match: str = "loose", inflections: bool = False
    ) -> Named:
        """Return the names that a mention may be, as `candidates` selects them.

        mention (str): The mention.
        lang (Optional[str]): Its language.
        match (str): The loosest spelling allowed.
        inflections (bool): Whether a mention may also be a name of any language with an ending.
        RETURNS (Named): The names with their entities.
        RAISES (ValueError): ML070 for an unknown value of `match`.
        """
        check_choice("match", match, MATCHES)
        key = loose_key(mention)
        is_inflected = False
        try:
            rows = self._names.with_key(key)
            if not rows and match == "loose":
                is_inflected = True
                rows = self._with_stem(key) or self._inflected(key, lang) or self._declined(key, lang)
                if not rows and inflections:
                    stems = (self._names.with_key(stem) for stem in free_stems(key, lang))
                    rows = next(filter(None, stems), [])
        except UnicodeEncodeError:  # a lone surrogate, which a store cannot contain
            return Named([], False)
        kept = strictest(rows, mention, match) if rows else []
        if lang is not None:
            own = [row for row in rows if row.lang in (lang, "")]
            found = strictest(own, mention, match) if own else []
            if found:
                factor = self.others_of.get(lang, self.others)
                kept = [*found, *(discounted(kept, lang, factor) if factor else ())]
        return Named(kept, is_inflected)

    def _with_stem(self, key: str) -> List[CandidateRow]:
        for ending in range(min(MAX_ENDING, len(key) - 1) + 1):
            rows = self._names.with_stem(key[: len(key) - ending])
            if rows:
                return rows
        return []

    def _inflected(self, key: str, lang: Optional[str]) -> List[CandidateRow]:
        own = lang if lang in self.languages else None
        # A name without a language is inflected as one of the text's; where that is unknown, only in scripts of which
        # all languages inflect names.
        is_free = is_inflecting_script(key)
        for base, code in base_keys(key, own):
            langs = (code, "") if is_free or code == lang else (code,)
            rows = [row for row in self._names.with_key(base) if row.lang in langs]
            if rows:
                return rows
        return []

    def _declined(self, key: str, lang: Optional[str]) -> List[CandidateRow]:
        keys = declined_keys(key) if lang == "de" else ()
        return next(filter(None, map(self._names.with_key, keys)), [])

    def all_names(self) -> Iterator[Tuple[str, str, str]]:
        """Return all names, entity after entity.

        YIELDS (Tuple[str, str, str]): Name, its language, and the id of its entity.
        """
        return self._names.all()

    # --- files ---

    def to_disk(self, path: Union[str, Path]) -> None:
        """Copy the store.

        path (Union[str, Path]): The file to write; an existing one is replaced.
        """
        target = Path(path)
        if target.exists() and target.samefile(self.path):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as aside:
            shutil.copyfile(self.path, aside)

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return self.path.read_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> EntityStore:
        """Open a store from `to_bytes`.

        data (bytes): The content of a store's file.
        RETURNS (EntityStore): The store. It reads a temporary file, which is deleted with it.
        RAISES (ValueError): ML230 if they are not an entity store, ML331 if they are not bytes.
        """
        folder = tempfile.TemporaryDirectory(prefix="spacy_mluke_")
        write_files(Path(folder.name), {STORE: data})
        store = cls(Path(folder.name) / STORE)
        store._folder = folder
        return store

    def __getstate__(self) -> Dict[str, Any]:
        state = super().__getstate__()
        if state.pop("_folder", None) is not None:
            # The temporary file may not exist in the process that reads the pickle.
            state["data"] = self.to_bytes()
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        data = state.pop("data", None)
        super().__setstate__(state)
        if data is not None:
            other = EntityStore.from_bytes(data)
            self.path, self._folder = other.path, other._folder

    @property
    def _names(self) -> StoreNames:
        return PackedNames(self) if self._is_packed else NameTable(self)

    def _find(self, entity_id: str) -> Optional[Row]:
        try:
            rows = self.checked(self.query(sql.ENTITY, (entity_id,)), "nttp")
            if not rows:
                rows = self._names.by_reference(entity_id)
        except UnicodeEncodeError:
            return None
        return rows[0] if rows else None

    def _rows(self) -> Iterator[Row]:
        return self.in_parts(sql.ALL_ENTITIES, "nttp")

    def _entity(self, row: Row) -> Entity:
        _, entity_id, kind, prior = row
        names: Tuple[EntityName, ...] = tuple(self._names.of(row))
        return Entity(entity_id, kind, prior, names)
