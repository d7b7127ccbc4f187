"""The entity store: entities with their names in many languages, types and priors, on disk, opened lazily."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from ..errors import Errors, check_choice
from ..storage.files import replacing, write_files
from ..storage.sqlite import ReadOnlyDatabase, Row
from .name_keys import case_key, loose_key
from .store_format import (
    ALL_ENTITIES,
    ALL_NAMES,
    BY_STEM,
    CANDIDATES,
    ENTITY,
    FORMAT,
    KINDS,
    NAME,
    NAMES_OF,
    SCHEMA,
    STEM,
    CandidateRow,
    check_row,
    read_counts,
)

STORE = "entities.sqlite"
MATCHES = ("exact", "case", "loose")
MAX_ENDING = 4  # letters that may follow a stem: endings of cases, particles


class EntityName(NamedTuple):
    """One name of an entity."""

    name: str
    lang: str = ""  # "" for a name of no language
    # "name": the one that this language calls it by; "alias"; "title" of its page; "stem": the beginning of forms that
    # a few more letters end ("Япони": Японии, Японией).
    kind: str = NAME
    prior: Optional[float] = None  # weight of this entity among those that share the name


@dataclass(frozen=True)
class Entity:
    """An entity of the store."""

    id: str
    type: str = ""
    prior: Optional[float] = None  # its weight, where a name has none of its own: how often it is spoken of
    names: Tuple[EntityName, ...] = ()

    def name(self, lang: Optional[str] = None) -> str:
        """What to call it.

        lang (Optional[str]): Language wanted.
        RETURNS (str): Its name in that language, else one of no language, else the English one, else the first; its id
            if it has none.
        """
        whole = [name for name in self.names if name.kind != STEM]
        own = [name for name in whole if name.kind == NAME] or whole
        for wanted in (lang, "", "en"):
            for name in own:
                if name.lang == wanted:
                    return name.name
        return own[0].name if own else self.id


class Match(NamedTuple):
    """An entity that a mention may mean."""

    id: str
    prior: float  # its share among all that the mention may mean; the shares sum to 1


class EntityStore(ReadOnlyDatabase):
    """Entities on disk. Opening reads a page or two; every look-up is one query of some microseconds.

    Threads may share a store, and so may processes: see `ReadOnlyDatabase`.

    path (Union[str, Path]): A file that `build_store` wrote. It is never written to.
    RAISES (ValueError): ML230 if the file is missing or is no entity store.
    """

    message = Errors.ML230
    version = FORMAT
    schema = SCHEMA

    def __init__(self, path: Union[str, Path]):
        super().__init__(Path(path))
        self._folder: Optional[tempfile.TemporaryDirectory] = None
        try:
            meta = read_counts(self.read_meta())
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError, RecursionError) as err:
            raise self.damaged(f"it does not say what it holds ({err})") from err
        self._n_entities, self.n_names, self.languages, self.types = meta

    def __len__(self) -> int:
        """How many entities there are."""
        return self._n_entities

    def __contains__(self, entity_id: object) -> bool:
        return isinstance(entity_id, str) and self._find(entity_id) is not None

    # --- by id ---

    def get(self, entity_id: str) -> Optional[Entity]:
        """Look up an entity.

        entity_id (str): Its id.
        RETURNS (Optional[Entity]): The entity, None if there is none.
        """
        row = self._find(entity_id)
        return None if row is None else self._entity(row)

    def __getitem__(self, entity_id: str) -> Entity:
        found = self.get(entity_id)
        if found is None:
            raise KeyError(Errors.ML233.format(id=entity_id, path=self.path))
        return found

    def name(self, entity_id: str, lang: Optional[str] = None) -> Optional[str]:
        """What to call an entity: see `Entity.name`.

        entity_id (str): Its id.
        lang (Optional[str]): Language wanted.
        RETURNS (Optional[str]): None if there is no such entity.
        """
        found = self.get(entity_id)
        return None if found is None else found.name(lang)

    def ids(self) -> Iterator[str]:
        """The ids of all entities, sorted.

        YIELDS (str): The id.
        """
        for row in self._rows():
            yield row[1]

    def entities(self) -> Iterator[Entity]:
        """All entities, sorted by id.

        YIELDS (Entity): The entity.
        """
        for row in self._rows():
            yield self._entity(row)

    def __iter__(self) -> Iterator[Entity]:
        return self.entities()

    # --- by name ---

    def candidates(self, mention: str, lang: Optional[str] = None, *, match: str = "loose") -> List[Match]:
        """Find the entities that a mention may mean.

        A mention that is no name may be the form of one: its longest beginning that is a stem decides.

        Names of the language are preferred to those of others, and the strictest spelling that finds any is taken:
        exact, but for case, but for accents and punctuation (`loose_key`). A name's weight is its own prior, else its
        entity's; one that has neither counts as the least of the others.

        mention (str): The mention.
        lang (Optional[str]): Its language. Names of that language and of none count; if they find nothing, all do.
        match (str): The loosest spelling allowed: "exact", "case" or "loose".
        RETURNS (List[Match]): The most likely first; equally likely ones in the order of their ids.
        RAISES (ValueError): ML070 for an unknown way to match.
        """
        check_choice("match", match, MATCHES)
        key = loose_key(mention)
        try:
            rows = self._named(CANDIDATES, key)
            ending = 0
            while not rows and match == "loose" and ending <= min(MAX_ENDING, len(key) - 1):
                rows = self._named(BY_STEM, key[: len(key) - ending])
                ending += 1
        except UnicodeEncodeError:  # a lone surrogate, which no store holds
            return []
        if not rows:
            return []
        kept = _strictest(rows, mention, match)
        if lang is not None:
            own = [row for row in rows if row.lang in (lang, "")]
            kept = (_strictest(own, mention, match) if own else []) or kept
        return _weigh(kept)

    def all_names(self) -> Iterator[Tuple[str, str, str]]:
        """All names, entity after entity.

        YIELDS (Tuple[str, str, str]): Name, its language, and the id of its entity.
        """
        for _, name, lang, entity_id in self._in_parts(ALL_NAMES, "nttt"):
            yield name, lang, entity_id

    # --- files ---

    def to_disk(self, path: Union[str, Path]) -> None:
        """Copy the store.

        path (Union[str, Path]): The file to write; one that is there is replaced.
        """
        target = Path(path)
        if target.exists() and target.samefile(self.path):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as aside:
            shutil.copyfile(self.path, aside)

    def to_bytes(self) -> bytes:
        """The file's content."""
        return self.path.read_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> EntityStore:
        """Open a store that came as bytes.

        data (bytes): As from `to_bytes`.
        RETURNS (EntityStore): It reads a temporary file, which goes with it.
        RAISES (ValueError): ML230 if they are no entity store, ML331 if they are no bytes.
        """
        folder = tempfile.TemporaryDirectory(prefix="spacy_mluke_")
        write_files(Path(folder.name), {STORE: data})
        store = cls(Path(folder.name) / STORE)
        store._folder = folder
        return store

    def __getstate__(self) -> Dict[str, Any]:
        state = super().__getstate__()
        if state.pop("_folder", None) is not None:
            # Another process cannot count on the temporary file.
            state["data"] = self.to_bytes()
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        data = state.pop("data", None)
        super().__setstate__(state)
        if data is not None:
            other = EntityStore.from_bytes(data)
            self.path, self._folder = other.path, other._folder

    def _find(self, entity_id: str) -> Optional[Row]:
        try:
            rows = self._checked(self.query(ENTITY, (entity_id,)), "nttp")
        except UnicodeEncodeError:
            return None
        return rows[0] if rows else None

    def _rows(self) -> Iterator[Row]:
        return self._in_parts(ALL_ENTITIES, "nttp")

    def _in_parts(self, query: str, kinds: str) -> Iterator[Row]:
        # In parts: an open statement would tie the iterator to this thread.
        last = 0
        while rows := self._checked(self.query(query, (last,)), kinds):
            for row in rows:
                if row[0] <= last:
                    raise self.damaged("its rows are not in order")
                last = row[0]
                yield row

    def _named(self, query: str, key: str) -> List[CandidateRow]:
        return [CandidateRow(*row) for row in self._checked(self.query(query, (key,)), "ttptp")]

    def _entity(self, row: Row) -> Entity:
        num, entity_id, kind, prior = row
        names = self._checked(self.query(NAMES_OF, (num,)), "ttkp")
        own = tuple(EntityName(name, lang, KINDS[place], weight) for name, lang, place, weight in names)
        return Entity(entity_id, kind, prior, own)

    def _checked(self, rows: List[Row], kinds: str) -> List[Row]:
        try:
            return [check_row(row, kinds) for row in rows]
        except TypeError as err:
            raise self.damaged(err) from err


def _strictest(rows: List[CandidateRow], mention: str, match: str) -> List[CandidateRow]:
    """The rows whose names are spelt most like the mention."""
    found = [row for row in rows if row.name == mention]
    if not found and match != "exact":
        key = case_key(mention)
        found = [row for row in rows if case_key(row.name) == key]
    if not found and match == "loose":
        found = rows
    return found


def _weigh(rows: List[CandidateRow]) -> List[Match]:
    weights: Dict[str, Optional[float]] = {}
    for row in rows:
        entity_id = row.id
        weight = row.entity_prior if row.prior is None else row.prior
        before = weights.get(entity_id)
        weights[entity_id] = weight if before is None else max(before, weight or 0.0)
    given = [weight for weight in weights.values() if weight is not None]
    least = min(given, default=1.0)
    filled = {entity_id: least if weight is None else weight for entity_id, weight in weights.items()}
    total = sum(filled.values())
    # All of weight 0 are equally likely.
    shares = {i: weight / total if total else 1 / len(filled) for i, weight in filled.items()}
    return [Match(i, share) for i, share in sorted(shares.items(), key=_rank)]


def _rank(item: Tuple[str, float]) -> Tuple[float, str]:
    return -item[1], item[0]
