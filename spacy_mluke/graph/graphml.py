"""Write a graph as GraphML."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import IO, Any, Dict, Tuple

from .merged import MergedGraph
from .properties import EDGES, ENDS, NODES, edges, nodes

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""
# Characters that no XML 1.0 file can contain, in any spelling.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MARKUP = re.compile('[&<>"\t\n\r\x85\u2028]')
REPLACEMENT = "\ufffd"


def write_graphml(graph: MergedGraph, path: Path) -> int:
    """Write a graph as GraphML. Lists of strings become JSON.

    graph (MergedGraph): The graph.
    path (Path): The file.
    RETURNS (int): Number of characters that XML cannot contain, which were replaced by U+FFFD.
    """
    with path.open("w", encoding="utf8", newline="\n") as file:
        writer = _Writer(file)
        file.write(_HEAD)
        writer.keys()
        file.write('  <graph id="G" edgedefault="directed">\n')
        for kind in NODES:
            for key, values in nodes(graph, kind):
                writer.element(f'node id="{writer.node(kind, key)}"', "node", kind, NODES[kind], values)
        for kind, (start, end) in ENDS.items():
            for edge in edges(graph, kind):
                ends = f'source="{writer.node(start, edge.start)}" target="{writer.node(end, edge.end)}"'
                writer.element(f"edge {ends}", "edge", kind, EDGES[kind], edge.properties)
        file.write("  </graph>\n</graphml>\n")
        return writer.n_replaced


class _Writer:
    def __init__(self, file: IO[str]):
        self.file = file
        self.n_replaced = 0

    def keys(self) -> None:
        """Declare the properties. Kinds of nodes, or of edges, share a property with one name and type."""
        for what, kinds in (("node", NODES), ("edge", EDGES)):
            types: Dict[str, str] = {"kind": "string"}
            for properties in kinds.values():
                types.update(properties)
            for name, kind in types.items():
                kind = "string" if kind == "string[]" else kind
                self.file.write(f'  <key id="{what}_{name}" for="{what}" attr.name="{name}" attr.type="{kind}"/>\n')

    def node(self, kind: str, key: str) -> str:
        """Return the id of a node. Entities and documents may have the same key."""
        return self.text(f"{kind}:{key}")

    def element(self, start: str, what: str, kind: str, types: Dict[str, str], values: Tuple[Any, ...]) -> None:
        """Write a node or an edge."""
        lines = [f'    <{start}>\n      <data key="{what}_kind">{kind}</data>\n']
        for name, value in zip(types, values, strict=True):
            if value is None or value == "":
                continue
            if isinstance(value, tuple):
                value = json.dumps(value, ensure_ascii=False)
            shown = self.text(value) if isinstance(value, str) else repr(value)
            lines.append(f'      <data key="{what}_{name}">{shown}</data>\n')
        lines.append(f"    </{what}>\n")
        self.file.write("".join(lines))

    def text(self, value: str) -> str:
        """Escape a text. White space is escaped, too, since parsers change it."""
        if _FORBIDDEN.search(value):
            value, n_replaced = _FORBIDDEN.subn(REPLACEMENT, value)
            self.n_replaced += n_replaced
        return _MARKUP.sub(_reference, value)


def _reference(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"
