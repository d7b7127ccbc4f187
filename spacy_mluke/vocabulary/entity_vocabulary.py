"""The entity vocabulary: name -> id, id -> names."""

from __future__ import annotations

import heapq
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import (
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
    cast,
    overload,
)

import numpy
from thinc.types import Ints1d

from ..errors import Errors
from ..kb.names_file import dump_names, read_names
from ..storage.files import replacing
from ..storage.manifest import checksum
from .database import MAX_ID, EntityDatabase, Progress, add_names, build_database
from .database_cache import DATABASE, find_database, open_database
from .special_entities import SpecialEntities, find_special_entities, special_from_names

NAMES_FILE = "entity_vocab.json"
_SMALL = 4 << 20  # bytes of a file whose names stay in memory
_LANGUAGE = re.compile(r"([a-z]{2,3}):.")
_Default = TypeVar("_Default")


class EntityVocabulary:
    """Entity names and their ids. Names are `lang:Title` in mLUKE, titles in LUKE; several may share an id.

    Opening one reads the ids of the special entities and, of a small vocabulary, its names. The names of a
    large one are read from SQLite as they are looked up; if there is no database yet, the first look-up
    builds it. Threads may share a vocabulary; pickles and copies refer to a large one by its path.

    special (SpecialEntities): Ids of the special entities.
    names (Optional[Mapping[str, int]]): All names, for a vocabulary in memory.
    source (Optional[Path]): An entity_vocab.json, for a large one.
    database (Optional[EntityDatabase]): A database, for a large one.
    added (Optional[Mapping[str, int]]): Names of a large one that are not in its file or database.
    """

    def __init__(
        self,
        special: SpecialEntities,
        *,
        names: Optional[Mapping[str, int]] = None,
        source: Optional[Path] = None,
        database: Optional[EntityDatabase] = None,
        added: Optional[Mapping[str, int]] = None,
    ):
        self.special = special
        self._names = dict(names) if names is not None else None
        self._by_id: Optional[Dict[int, List[str]]] = None
        self._source = source
        self._database = database
        self._added = dict(added or {})
        self.n_rows: Optional[int] = None  # of the encoder's entity table, once there is one: no id lies beyond

    @classmethod
    def from_names(cls, names: Mapping[str, int], *, source: object = "names") -> EntityVocabulary:
        """Make a vocabulary that stays in memory.

        names (Mapping[str, int]): Name -> id, the special entities among them.
        source (object): Where they are from, for messages.
        RETURNS (EntityVocabulary): The vocabulary.
        RAISES (ValueError): ML060 if a special entity is missing, ML062 if an id is not a number of 0 or more.
        """
        for name, entity_id in names.items():
            if type(entity_id) is not int or not 0 <= entity_id < MAX_ID:
                raise ValueError(Errors.ML062.format(path=source, reason=f"the id of {name!a} is {entity_id!r:.40}"))
        return cls(special_from_names(names, source), names=names)

    @classmethod
    def from_dir(cls, directory: Path) -> EntityVocabulary:
        """Open the vocabulary of a checkpoint directory: its entity_vocab.json or entity_vocab.sqlite.

        directory (Path): The directory.
        RETURNS (EntityVocabulary): The vocabulary.
        RAISES (ValueError): ML060 if a special entity is missing, ML061 for a damaged database, ML062 for a
            damaged file, ML064 if there is neither.
        """
        source, database = directory / NAMES_FILE, directory / DATABASE
        if source.is_file():
            return cls.from_json(source)
        if database.is_file():
            opened = EntityDatabase(database)
            return cls(opened.special, database=opened)
        raise ValueError(Errors.ML064.format(path=directory, files=f"{NAMES_FILE}, {DATABASE}"))

    @classmethod
    def from_json(cls, path: Path) -> EntityVocabulary:
        """Open an entity_vocab.json. A large one is not read, only searched for the special entities.

        path (Path): The file.
        RETURNS (EntityVocabulary): The vocabulary.
        RAISES (ValueError): ML060 if a special entity is missing, ML062 if a small file is no vocabulary.
            Damage in a large one shows at the first look-up.
        """
        if not path.is_file():
            raise ValueError(Errors.ML062.format(path=path, reason="it is not a file"))
        if path.stat().st_size > _SMALL:
            return cls(find_special_entities(path), source=path.absolute())
        return cls.from_names(read_names(path), source=path)

    # --- special entities ---

    @property
    def mask_id(self) -> int:
        return self.special.mask

    @property
    def unk_id(self) -> int:
        return self.special.unk

    @property
    def pad_id(self) -> int:
        return self.special.pad

    @property
    def mask2_id(self) -> int:
        return self.special.mask2

    # --- look-ups ---

    def __len__(self) -> int:
        """How many names there are."""
        return self.open().n_names + len(self._added) if self._names is None else len(self._names)

    @property
    def n_ids(self) -> int:
        """How many ids there are, the special entities among them."""
        if self._names is None:
            return max(self.open().n_ids, max(self._added.values(), default=-1) + 1)
        return max(self._names.values()) + 1

    @overload
    def get(self, name: str) -> Optional[int]: ...
    @overload
    def get(self, name: str, default: _Default) -> Union[int, _Default]: ...
    def get(self, name, default=None):
        """Look up a name.

        name (str): The name.
        default (Any): What to return for a name that is not there.
        RETURNS (Optional[int]): The id, or the default.
        RAISES (ValueError): ML332 for an id that the encoder's entity table does not have.
        """
        if self._names is not None:
            found = self._names.get(name)
        else:
            found = self._added.get(name)
            found = self.open().get(name) if found is None else found
        if found is not None and self.n_rows is not None and found >= self.n_rows:
            raise ValueError(Errors.ML332.format(name=name, id=found, n=self.n_rows))
        return default if found is None else found

    def __getitem__(self, name: str) -> int:
        found = self.get(name)
        if found is None:
            raise KeyError(Errors.ML065.format(name=name))
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def ids(self, names: Sequence[str]) -> Ints1d:
        """Look up several names.

        names (Sequence[str]): The names.
        RETURNS (Ints1d): Their ids, [UNK]'s for a name that is not there. Shape: (n_names,), int64.
        """
        found = (self.get(name, self.unk_id) for name in names)
        return cast(Ints1d, numpy.fromiter(found, dtype="int64", count=len(names)))

    def names(self, entity_id: int) -> List[str]:
        """Look up an id.

        entity_id (int): The id.
        RETURNS (List[str]): Its names, sorted; none if there is no such id.
        """
        if self._by_id is None:
            by_id: Dict[int, List[str]] = {}
            in_memory = self._added if self._names is None else self._names
            for name in sorted(in_memory):
                by_id.setdefault(in_memory[name], []).append(name)
            self._by_id = by_id
        found = self._by_id.get(int(entity_id), [])
        if self._names is None:
            return sorted([*self.open().names(int(entity_id)), *found])
        return list(found)

    def items(self) -> Iterator[Tuple[str, int]]:
        """All names and their ids, sorted by name.

        YIELDS (Tuple[str, int]): Name and id.
        """
        if self._names is None:
            return heapq.merge(self.open().items(), sorted(self._added.items()))
        return iter(sorted(self._names.items()))

    def grown(self, names: Mapping[str, int]) -> EntityVocabulary:
        """A vocabulary with more names. Those of a large one stay in memory until it is saved.

        names (Mapping[str, int]): New names, none of them in the vocabulary -> id.
        RETURNS (EntityVocabulary): The vocabulary; this one does not change.
        """
        if self._names is not None:
            other = EntityVocabulary(self.special, names={**self._names, **names})
        else:
            added = {**self._added, **names}
            other = EntityVocabulary(self.special, source=self._source, database=self._database, added=added)
        if self.n_rows is not None:
            other.n_rows = max([self.n_rows, *(entity_id + 1 for entity_id in names.values())])
        return other

    @property
    def languages(self) -> Dict[str, int]:
        """Names per language, by code; none in a vocabulary whose names say no language."""
        counts = self._count_languages()
        special = len(set(self.special))
        # A title may begin like a code ("os:..."): what only a few names say is no language.
        return counts if sum(counts.values()) * 2 > len(self) - special else {}

    def _count_languages(self) -> Dict[str, int]:
        if self._names is not None:
            return _languages_of(self._names)
        # From language to language, not from name to name: a range of the index is counted 50 times as fast.
        counts = Counter(_languages_of(self._added))
        database, start = self.open(), "a"
        while (name := database.first(start)) is not None and name < "{":
            match = _LANGUAGE.match(name)
            if match:
                start = match[1] + ";"  # the character after ":"
                counts[match[1]] += database.count(match[1] + ":", start)
            else:
                start = name + "\0"
        return dict(sorted(counts.items()))

    # --- files ---

    def open(self, progress: Optional[Progress] = None) -> EntityDatabase:
        """Open the database of a large vocabulary, built now if there is none.

        progress (Optional[Progress]): Follows the building.
        RETURNS (EntityDatabase): The database.
        RAISES (ValueError): ML062 if the vocabulary's file is damaged, ML063 if the database cannot be
            written.
        """
        if self._database is None:
            assert self._source is not None
            self._database = open_database(self._source, progress=progress)
        return self._database

    def build(self, directory: Path, *, progress: Optional[Progress] = None) -> EntityVocabulary:
        """Put the vocabulary into a directory as `to_dir` does, but build a missing database there, not
        beside the source.

        directory (Path): The directory.
        progress (Optional[Progress]): Follows the building.
        RETURNS (EntityVocabulary): The vocabulary in the directory.
        RAISES (ValueError): What `open` raises.
        """
        if self.is_ready or self._source is None:
            self.to_dir(directory)
        else:
            build_database(self._source, directory / DATABASE, progress=progress)
            add_names(directory / DATABASE, self._added)
            self._drop_other(directory / NAMES_FILE)
        return EntityVocabulary.from_dir(directory)

    @property
    def is_ready(self) -> bool:
        """Whether a name can be looked up at once: no database has to be built first."""
        if self._names is None and self._database is None and self._source is not None:
            self._database = find_database(self._source)
        return self._names is not None or self._database is not None

    @property
    def in_memory(self) -> bool:
        """Whether all names are in memory: there is no database, and no need of one."""
        return self._names is not None

    def to_dir(self, directory: Path) -> Path:
        """Write the vocabulary into a directory, for `from_dir`: a large one as SQLite, a small one as JSON.

        directory (Path): The directory.
        RETURNS (Path): The file.
        """
        if self._names is not None:
            (directory / DATABASE).unlink(missing_ok=True)
            source = self.to_json(directory / NAMES_FILE)
            if source.stat().st_size > _SMALL:
                # Whoever opens it would have to build this.
                build_database(source, directory / DATABASE)
            return source
        target = directory / DATABASE
        database = self.open()
        if self._added or not (target.exists() and target.samefile(database.path)):
            with replacing(target) as aside:
                shutil.copyfile(database.path, aside)
                add_names(aside, self._added)
        self._drop_other(directory / NAMES_FILE)
        return target

    @staticmethod
    def files(directory: Path) -> List[Path]:
        """The files that `from_dir` reads.

        directory (Path): The directory.
        RETURNS (List[Path]): Those that are there.
        """
        return [path for path in (directory / NAMES_FILE, directory / DATABASE) if path.is_file()]

    def is_same(self, other: EntityVocabulary) -> bool:
        """Whether another vocabulary surely has the same names and ids.

        other (EntityVocabulary): The other one.
        RETURNS (bool): False also for equal ones whose files are of different kinds.
        """
        if self._names is not None or other._names is not None:
            return self._names == other._names
        if self._added or other._added:
            return False
        return self._checksum() == other._checksum()

    def _checksum(self) -> str:
        path = self._source if self._database is None else self._database.path
        assert path is not None
        return checksum(path)

    def _drop_other(self, path: Path) -> None:
        """Remove another vocabulary's file, which `from_dir` would take for this one's."""
        is_own = self._source is not None and path.is_file() and self._source.samefile(path)
        if path.is_file() and (self._added or not is_own):
            path.unlink()

    def to_json(self, path: Path) -> Path:
        """Write an entity_vocab.json, byte for byte as the published tokenizers' `save_vocabulary` does.

        A large vocabulary that is not in a database yet is copied as it is.

        path (Path): The file.
        RETURNS (Path): The file.
        """
        if not self.is_ready and self._source is not None and not self._added:
            if not (path.exists() and path.samefile(self._source)):
                with replacing(path) as aside:
                    shutil.copyfile(self._source, aside)
            return path
        with replacing(path) as aside, aside.open("w", encoding="utf8", newline="\n") as file:
            file.writelines(dump_names(self.items()))
        return path


def _languages_of(names: Iterable[str]) -> Dict[str, int]:
    matches = (_LANGUAGE.match(name) for name in names)
    return dict(sorted(Counter(m[1] for m in matches if m).items()))
