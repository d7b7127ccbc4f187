"""A merged graph in a temporary file: its elements, in the order in which every format writes them."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Dict, Iterator, List, Tuple, Type

from .elements import Document, Entity, Evidence, Mention, Relation
from .options import GraphOptions

_SELECT: Dict[Type[Any], str] = {
    Entity: "SELECT {fields} FROM entities x ORDER BY x.key",
    Relation: "SELECT {fields} FROM relations x ORDER BY x.rowid",
    Document: "SELECT {fields} FROM documents x ORDER BY x.rowid",
    Mention: "SELECT {fields} FROM entities e CROSS JOIN mentions x ON x.rowid BETWEEN e.first AND e.last"
    " ORDER BY e.key, x.rowid",
    Evidence: "SELECT {fields} FROM relations r CROSS JOIN evidence x ON x.rowid BETWEEN r.first AND r.last"
    " ORDER BY r.rowid, x.rowid",
}
_COUNT: Dict[Type[Any], str] = {
    Entity: "SELECT count(*) FROM entities",
    Relation: "SELECT count(*) FROM relations",
    Document: "SELECT count(*) FROM documents",
    Mention: "SELECT total(last - first + 1) FROM entities",
    Evidence: "SELECT total(last - first + 1) FROM relations",
}


class MergedGraph:
    """Reads the elements of a graph one by one, sorted.

    connection (sqlite3.Connection): The file that `merge` has written.
    options (GraphOptions): What the graph contains.
    """

    def __init__(self, connection: sqlite3.Connection, options: GraphOptions):
        self.connection = connection
        self.options = options

    def entities(self) -> Iterator[Entity]:
        """Yield the entities, sorted by key."""
        for row in self._rows(Entity):
            values = dict(zip(Entity._fields, row, strict=True))
            lists = {name: tuple(json.loads(values[name])) for name in ("names", "types")}
            yield Entity(**{**values, **lists})

    def relations(self) -> Iterator[Relation]:
        """Yield the relations, sorted by head, label and tail."""
        return map(Relation._make, self._rows(Relation))

    def documents(self) -> Iterator[Document]:
        """Yield the documents, sorted by key; none without provenance."""
        return map(Document._make, self._rows(Document) if self.options.provenance else ())

    def mentions(self) -> Iterator[Mention]:
        """Yield the mentions, sorted by entity, document and place; none without provenance."""
        return map(Mention._make, self._rows(Mention) if self.options.provenance else ())

    def evidence(self) -> Iterator[Evidence]:
        """Yield the evidence of all relations, in the order of the relations; none without provenance."""
        return map(Evidence._make, self._rows(Evidence) if self.options.provenance else ())

    def labels(self) -> List[str]:
        """Return the different labels of relations, sorted."""
        return [label for (label,) in self.connection.execute("SELECT DISTINCT label FROM relations ORDER BY label")]

    def count(self, kind: Type[Any]) -> int:
        """Count elements, also without provenance.

        kind (Type[Any]): A class of elements.py.
        RETURNS (int): Their number.
        """
        return int(self.connection.execute(_COUNT[kind]).fetchone()[0])

    def count_linked(self) -> int:
        """Return the number of entities that have a kb_id."""
        return int(self.connection.execute("SELECT count(*) FROM entities WHERE kb_id != ''").fetchone()[0])

    def _rows(self, kind: Type[Any]) -> Iterator[Tuple[Any, ...]]:
        fields = []
        for name in kind._fields:
            owner = "r" if kind is Evidence and name == "relation" else "x"
            column = "id" if owner == "r" else name
            fields.append(f"{owner}.{column}")
        return iter(self.connection.execute(_SELECT[kind].format(fields=", ".join(fields))))
