"""Write a graph as JSON-LD: one object with a context and the list "@graph", a subject on each line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

from .merged import MergedGraph
from .rdf import PREFIXES, TYPE, Block, Double, Iri, Object, blocks, compact


def write_jsonld(graph: MergedGraph, path: Path) -> None:
    """Write a graph as JSON-LD.

    graph (MergedGraph): The graph.
    path (Path): The file.
    """
    with path.open("w", encoding="utf8", newline="\n") as file:
        file.write(f'{{"@context": {json.dumps(PREFIXES)},\n"@graph": [')
        for number, block in enumerate(blocks(graph)):
            file.write((",\n" if number else "\n") + json.dumps(_node(block), ensure_ascii=False))
        file.write("\n]}\n")


def _node(block: Block) -> Dict[str, Any]:
    subject, properties = block
    node: Dict[str, Any] = {"@id": compact(subject)}
    values: Dict[str, List[Any]] = {}
    for name, value in properties:
        if name == TYPE and isinstance(value, Iri):
            values.setdefault("@type", []).append(compact(value.value))
        else:
            values.setdefault(compact(name), []).append(_value(value))
    return {**node, **{name: found[0] if len(found) == 1 else found for name, found in values.items()}}


def _value(value: Object) -> Any:
    if isinstance(value, Iri):
        return {"@id": compact(value.value)}
    if isinstance(value, Double):
        return {"@value": value.text, "@type": "xsd:double"}
    return value
