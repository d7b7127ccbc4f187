"""Write a graph as CSV files for `neo4j-admin database import`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterable, Tuple

from .merged import MergedGraph
from .properties import EDGES, ENDS, NODES, edges, nodes

# Separates the values of a list. Neo4j cannot escape it within a value, so it is a character that texts do not contain.
DELIMITER = "\x1f"
FILES = {
    "entity": "entities.csv",
    "document": "documents.csv",
    "relation": "relations.csv",
    "mention": "mentions.csv",
    "evidence": "evidence.csv",
}
ARGUMENTS = "import.args"
_LABELS = {"entity": "Entity", "document": "Document"}
_TYPES = {"mention": "MENTIONS", "evidence": "STATES"}
_NOT_WORD = re.compile(r"\W+")


def write_neo4j(graph: MergedGraph, folder: Path) -> int:
    """Write a graph as CSV files, and a file with arguments of `neo4j-admin database import full`.

    graph (MergedGraph): The graph.
    folder (Path): The folder.
    RETURNS (int): Number of characters that were replaced by U+FFFD, because they separate the values of lists.
    """
    writer = _Writer()
    arguments = ["--multiline-fields=true", "--array-delimiter=U+001F", "--id-type=string"]
    for kind in NODES if graph.options.provenance else ["entity"]:
        rows = ((key, *values, _labels(kind, values)) for key, values in nodes(graph, kind))
        header = [f"key:ID({_LABELS[kind]})", *_typed(NODES[kind]), ":LABEL"]
        writer.write(folder / FILES[kind], header, rows)
        arguments.append(f"--nodes={FILES[kind]}")
    for kind, (start, end) in ENDS.items():
        if kind != "relation" and not graph.options.provenance:
            continue
        rows = ((edge.start, edge.end, *edge.properties, _type(kind, edge.properties)) for edge in edges(graph, kind))
        header = [f":START_ID({_LABELS[start]})", f":END_ID({_LABELS[end]})", *_typed(EDGES[kind]), ":TYPE"]
        writer.write(folder / FILES[kind], header, rows)
        arguments.append(f"--relationships={FILES[kind]}")
    (folder / ARGUMENTS).write_text("\n".join(arguments) + "\n", encoding="utf8")
    return writer.n_replaced


def _typed(types: Any) -> Iterable[str]:
    return (f"{name}:{kind}" for name, kind in types.items())


def _labels(kind: str, values: Tuple[Any, ...]) -> Tuple[str, ...]:
    label = values[list(NODES["entity"]).index("type")] if kind == "entity" else ""
    return (_LABELS[kind], label) if label else (_LABELS[kind],)


def _type(kind: str, properties: Tuple[Any, ...]) -> str:
    """The type of an edge: a relation's name in capitals, such as PLACE_OF_BIRTH."""
    if kind in _TYPES:
        return _TYPES[kind]
    name = properties[list(EDGES["relation"]).index("name")]
    return _NOT_WORD.sub("_", name).strip("_").upper() or "RELATED"


class _Writer:
    def __init__(self) -> None:
        self.n_replaced = 0

    def write(self, path: Path, header: Iterable[str], rows: Iterable[Tuple[Any, ...]]) -> None:
        with path.open("w", encoding="utf8", newline="\n") as file:
            file.write(",".join(header) + "\n")
            for row in rows:
                file.write(",".join(map(self.field, row)) + "\n")

    def field(self, value: Any) -> str:
        """Format a value. Strings are quoted: Neo4j removes spaces from others, and an empty field is no value."""
        if value is None or value == "" or value == ():
            return ""
        if isinstance(value, tuple):
            self.n_replaced += sum(item.count(DELIMITER) for item in value)
            value = DELIMITER.join(item.replace(DELIMITER, "\ufffd") for item in value)
        elif not isinstance(value, str):
            return repr(value)
        return '"' + value.replace('"', '""') + '"'
