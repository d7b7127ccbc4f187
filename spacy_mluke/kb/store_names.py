"""The names of an entity store: how they are read from its file, for both layouts of the tables."""

from __future__ import annotations

from typing import Iterator, List, Protocol, Sequence, Tuple

import numpy

from ..storage.sqlite import ReadOnlyDatabase, Row
from .entities import EntityName
from .name_hashes import hash_key
from .name_keys import loose_key
from .packed_cells import CELL_BITS, PART_SHIFT, SEPARATOR, expand, names_in
from .store_format import KINDS, CandidateRow, check_row

_CANDIDATES = """
    SELECT names.name, names.lang, names.prior, entities.id, entities.prior, entities.type
    FROM keys JOIN names ON names.rowid = keys.row JOIN entities ON entities.num = names.entity
    WHERE keys.key = ? AND names.kind < 3
"""
_BY_STEM = """
    SELECT names.name, names.lang, names.prior, entities.id, entities.prior, entities.type
    FROM keys JOIN names ON names.rowid = keys.row JOIN entities ON entities.num = names.entity
    WHERE keys.key = ? AND names.kind = 3
"""
_ALL_NAMES = """
    SELECT names.rowid, names.name, names.lang, entities.id
    FROM names JOIN entities ON entities.num = names.entity
    WHERE names.rowid > ? ORDER BY names.rowid LIMIT 10000
"""
_BY_CROSS_REFERENCE = """
    SELECT entities.num, entities.id, entities.type, entities.prior
    FROM keys JOIN names ON names.rowid = keys.row JOIN entities ON entities.num = names.entity
    WHERE keys.key = ? AND names.kind = 4 AND names.name = ? LIMIT 1
"""
# Ids of entities in other registers.
_REFERENCES = """
    SELECT names.rowid, entities.id, names.name FROM names JOIN entities ON entities.num = names.entity
    WHERE names.rowid > ? AND names.kind = 4 ORDER BY names.rowid LIMIT 10000
"""
_NAMES_OF = "SELECT name, lang, kind, prior FROM names WHERE entity = ? ORDER BY rowid"

_PART = "SELECT hashes, places FROM keys WHERE part = ?"
_PACKED_ENTITY = "SELECT num, id, type, prior, names FROM entities WHERE num = ?"
_PACKED_ENTITIES = "SELECT num, id, type, prior, names FROM entities WHERE num > ? ORDER BY num LIMIT 1000"
_BY_REFERENCE = """
    SELECT entities.num, entities.id, entities.type, entities.prior
    FROM refs JOIN entities ON entities.num = refs.entity WHERE refs.id = ? LIMIT 1
"""
_ALL_REFERENCES = """
    SELECT entities.id, refs.id FROM refs JOIN entities ON entities.num = refs.entity ORDER BY refs.entity, refs.id
"""
# Numbers in a file, the same on every machine.
NUMBER = numpy.dtype("<u8")


class CheckedDatabase(ReadOnlyDatabase):
    """A database whose values are checked: SQLite stores any value in any column, and the file may not be trusted."""

    def checked(self, rows: List[Row], kinds: str) -> List[Row]:
        """Check rows, as `check_row` does.

        rows (List[Row]): The rows.
        kinds (str): A letter for each value.
        RETURNS (List[Row]): The rows.
        RAISES (ValueError): The class's `message` for another value.
        """
        try:
            return [check_row(row, kinds) for row in rows]
        except TypeError as err:
            raise self.damaged(err) from err

    def in_parts(self, query: str, kinds: str) -> Iterator[Row]:
        """Run a query that returns the rows after a number. With one open query, only this thread could use it.

        query (str): The query; the first column is the number.
        kinds (str): A letter for each value, for `check_row`.
        YIELDS (Row): All rows.
        RAISES (ValueError): The class's `message` for another value, and for numbers that do not increase.
        """
        last = 0
        while rows := self.checked(self.query(query, (last,)), kinds):
            for row in rows:
                if row[0] <= last:
                    raise self.damaged("its rows are not in order")
                last = row[0]
                yield row


class StoreNames(Protocol):
    """Reads the names of a store."""

    def of(self, row: Row) -> List[EntityName]:
        """Return the names of an entity, of which the row has number, id, type and prior."""
        ...

    def with_key(self, key: str) -> List[CandidateRow]:
        """Return the names with a key."""
        ...

    def with_stem(self, key: str) -> List[CandidateRow]:
        """Return the common beginnings of inflected forms with a key."""
        ...

    def by_reference(self, reference: str) -> List[Row]:
        """Return number, id, type and prior of the entity with an id in another register; empty if there is none."""
        ...

    def all(self) -> Iterator[Tuple[str, str, str]]:
        """Yield all names: name, language, id of the entity."""
        ...

    def references(self) -> Iterator[Tuple[str, str]]:
        """Yield the ids of entities in other registers: id of an entity, its id there."""
        ...


class NameTable:
    """Reads names from a table with a row for each name, language and kind.

    database (CheckedDatabase): The store.
    """

    def __init__(self, database: CheckedDatabase):
        self.database = database

    def of(self, row: Row) -> List[EntityName]:
        found = self.database.checked(self.database.query(_NAMES_OF, (row[0],)), "ttkp")
        return [EntityName(name, lang, KINDS[place], weight) for name, lang, place, weight in found]

    def with_key(self, key: str) -> List[CandidateRow]:
        return self._candidates(_CANDIDATES, key)

    def with_stem(self, key: str) -> List[CandidateRow]:
        return self._candidates(_BY_STEM, key)

    def by_reference(self, reference: str) -> List[Row]:
        found = self.database.query(_BY_CROSS_REFERENCE, (loose_key(reference), reference))
        return self.database.checked(found, "nttp")

    def all(self) -> Iterator[Tuple[str, str, str]]:
        for _, name, lang, entity_id in self.database.in_parts(_ALL_NAMES, "nttt"):
            yield name, lang, entity_id

    def references(self) -> Iterator[Tuple[str, str]]:
        for _, entity_id, reference in self.database.in_parts(_REFERENCES, "ntt"):
            yield entity_id, reference

    def _candidates(self, query: str, key: str) -> List[CandidateRow]:
        rows = self.database.checked(self.database.query(query, (key,)), "ttptpt")
        return [CandidateRow(*row) for row in rows]


class PackedNames:
    """Reads names from texts, one for each entity.

    database (CheckedDatabase): The store.
    """

    def __init__(self, database: CheckedDatabase):
        self.database = database

    def of(self, row: Row) -> List[EntityName]:
        return self._names(self._entity(row[0]))

    def with_key(self, key: str) -> List[CandidateRow]:
        key.encode("utf8")  # as SQLite does: a store contains no lone surrogates
        number = hash_key(key)
        found: List[CandidateRow] = []
        for hashes, places in self.database.query(_PART, (number >> PART_SHIFT,)):
            try:
                numbers = numpy.frombuffer(hashes, dtype=NUMBER)
                first, last = (numbers.searchsorted(NUMBER.type(number), side) for side in ("left", "right"))
                own: List[int] = numpy.frombuffer(places, dtype=NUMBER)[first:last].tolist()
            except (ValueError, TypeError) as err:
                raise self.database.damaged(err) from err
            for place in own:
                found += self._at(place >> CELL_BITS, place & ((1 << CELL_BITS) - 1), key)
        return found

    def with_stem(self, key: str) -> List[CandidateRow]:
        return []

    def by_reference(self, reference: str) -> List[Row]:
        return self.database.checked(self.database.query(_BY_REFERENCE, (reference,)), "nttp")

    def all(self) -> Iterator[Tuple[str, str, str]]:
        for row in self.database.in_parts(_PACKED_ENTITIES, "nttpt"):
            for name, lang, _, _ in self._names(row):
                yield name, lang, row[1]

    def references(self) -> Iterator[Tuple[str, str]]:
        for row in self.database.checked(self.database.query(_ALL_REFERENCES), "tt"):
            yield row[0], row[1]

    def _entity(self, number: int) -> Row:
        rows = self.database.checked(self.database.query(_PACKED_ENTITY, (number,)), "nttpt")
        if not rows:
            raise self.database.damaged(f"it has no entity {number}")
        return rows[0]

    def _names(self, row: Row) -> List[EntityName]:
        try:
            return list(names_in(row[4], row[3]))
        except (ValueError, TypeError) as err:
            raise self.database.damaged(err) from err

    def _at(self, number: int, cell: int, key: str) -> Iterator[CandidateRow]:
        """The names in a cell. Different keys may have the same hash."""
        _, entity_id, kind, prior, text = self._entity(number)
        cells: Sequence[str] = text.split(SEPARATOR)
        if not 0 < cell < len(cells):
            raise self.database.damaged(f"entity {number} has no name {cell}")
        try:
            for name, lang, form, weight in expand(cells[cell], prior):
                if KINDS.index(form) < 3 and loose_key(name) == key:
                    yield CandidateRow(name, lang, weight, entity_id, prior, kind)
        except (ValueError, TypeError) as err:
            raise self.database.damaged(err) from err
