"""The entity vocabulary: name -> id, id -> names."""

from __future__ import annotations

import heapq
import shutil
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union, overload

import numpy

from ..errors import Errors
from ..storage.files import replacing
from ..storage.manifest import checksum
from ..types import Ints1d
from .database import MAX_ID, EntityDatabase, Progress, add_names, build_database
from .database_cache import DATABASE, find_database, open_database
from .language_counts import count_languages, count_languages_in_database
from .special_entities import SpecialEntities, find_special_entities, special_from_names
from .vocabulary_file import dump_names, read_names

NAMES_FILE = "entity_vocab.json"
_MAX_SIZE_IN_MEMORY = 4 << 20  # bytes of a file whose names are kept in memory
_Default = TypeVar("_Default")


class EntityVocabulary:
    """Entity names and their ids. Names are `lang:Title` in mLUKE, titles in LUKE; several names may have one id.

    Opening a vocabulary reads the ids of the special entities; of a small one, it reads all names. The names of a large
    one are looked up in SQLite; if there is no database yet, the first look-up builds it. Threads may share a
    vocabulary. Pickles and copies of a large one contain its path.

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
        self.n_rows: Optional[int] = None  # of the encoder's entity table: ids must be smaller; None if unknown

    @classmethod
    def from_names(cls, names: Mapping[str, int], *, source: object = "names") -> EntityVocabulary:
        """Return a vocabulary that is kept in memory.

        names (Mapping[str, int]): Name -> id, including the special entities.
        source (object): Source of the names, for messages.
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
            damaged file, ML064 if there is no file.
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
        """Open an entity_vocab.json. A large file is only searched for the special entities.

        path (Path): The file.
        RETURNS (EntityVocabulary): The vocabulary.
        RAISES (ValueError): ML060 if a special entity is missing, ML062 if a small file is not a vocabulary. Damage in
            a large one is found at the first look-up.
        """
        if not path.is_file():
            raise ValueError(Errors.ML062.format(path=path, reason="it is not a file"))
        if path.stat().st_size > _MAX_SIZE_IN_MEMORY:
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
        """Number of names."""
        return self.open().n_names + len(self._added) if self._names is None else len(self._names)

    @property
    def n_ids(self) -> int:
        """Number of ids, including those of the special entities."""
        if self._names is None:
            return max(self.open().n_ids, max(self._added.values(), default=-1) + 1)
        return max(self._names.values()) + 1

    @overload
    def get(self, name: str) -> Optional[int]: ...
    @overload
    def get(self, name: str, default: _Default) -> Union[int, _Default]: ...
    def get(self, name, default=None):
        """Return the id of a name.

        name (str): The name.
        default (Any): Returned for an unknown name.
        RETURNS (Optional[int]): The id, or the default.
        RAISES (ValueError): ML332 for an id that is not in the encoder's entity table.
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
        """Return the ids of several names.

        names (Sequence[str]): The names.
        RETURNS (Ints1d): Their ids; the id of [UNK] for an unknown name. Shape: (n_names,), int64.
        """
        found = (self.get(name, self.unk_id) for name in names)
        return numpy.fromiter(found, dtype="int64", count=len(names))

    def names(self, entity_id: int) -> List[str]:
        """Return the names of an id.

        entity_id (int): The id.
        RETURNS (List[str]): Its names, sorted; empty for an unknown id.
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
        """Return all names and their ids, sorted by name.

        YIELDS (Tuple[str, int]): Name and id.
        """
        if self._names is None:
            return heapq.merge(self.open().items(), sorted(self._added.items()))
        return iter(sorted(self._names.items()))

    def grown(self, names: Mapping[str, int]) -> EntityVocabulary:
        """Return a copy with more names. Until a large vocabulary is saved, its new names are kept in memory.

        names (Mapping[str, int]): New name -> id; none of them is in the vocabulary.
        RETURNS (EntityVocabulary): The copy.
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
        """Number of names by language code; empty if the names have no languages."""
        if self._names is not None:
            counts = count_languages(self._names)
        else:
            total = Counter(count_languages(self._added)) + Counter(count_languages_in_database(self.open()))
            counts = dict(sorted(total.items()))
        n_special = len(set(self.special))
        # A few titles may begin like a language code ("os:..."): then the vocabulary has no languages.
        return counts if sum(counts.values()) * 2 > len(self) - n_special else {}

    # --- files ---

    def open(self, progress: Optional[Progress] = None) -> EntityDatabase:
        """Open the database of a large vocabulary; build it first if there is none.

        progress (Optional[Progress]): Called with the progress of building.
        RETURNS (EntityDatabase): The database.
        RAISES (ValueError): ML062 if the vocabulary's file is damaged, ML063 if the database cannot be written.
        """
        if self._database is None:
            assert self._source is not None
            self._database = open_database(self._source, progress=progress)
        return self._database

    def build(self, directory: Path, *, progress: Optional[Progress] = None) -> EntityVocabulary:
        """Save the vocabulary as `to_dir` does, but build a missing database in the target directory, not beside the
        source.

        directory (Path): The directory.
        progress (Optional[Progress]): Called with the progress of building.
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
        """Whether names can be looked up without building a database first."""
        if self._names is None and self._database is None and self._source is not None:
            self._database = find_database(self._source)
        return self._names is not None or self._database is not None

    @property
    def in_memory(self) -> bool:
        """Whether all names are in memory, so that no database is needed."""
        return self._names is not None

    def to_dir(self, directory: Path) -> Path:
        """Save the vocabulary in a directory, for `from_dir`: a large one as SQLite, a small one as JSON.

        directory (Path): The directory.
        RETURNS (Path): The file.
        """
        if self._names is not None:
            (directory / DATABASE).unlink(missing_ok=True)
            source = self.to_json(directory / NAMES_FILE)
            if source.stat().st_size > _MAX_SIZE_IN_MEMORY:
                # Otherwise the next one to open it would have to build the database.
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
        """Return the files that `from_dir` reads.

        directory (Path): The directory.
        RETURNS (List[Path]): Those that exist.
        """
        return [path for path in (directory / NAMES_FILE, directory / DATABASE) if path.is_file()]

    def is_same(self, other: EntityVocabulary) -> bool:
        """Return whether another vocabulary has the same names and ids, by names in memory or by checksums of files.

        other (EntityVocabulary): The other one.
        RETURNS (bool): False also for equal vocabularies in files of different formats.
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
        """Remove the file of another vocabulary, which `from_dir` would read as this one."""
        is_own = self._source is not None and path.is_file() and self._source.samefile(path)
        if path.is_file() and (self._added or not is_own):
            path.unlink()

    def to_json(self, path: Path) -> Path:
        """Write an entity_vocab.json, byte for byte as `save_vocabulary` of the published tokenizers does.

        The file of a large vocabulary without a database is copied.

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
