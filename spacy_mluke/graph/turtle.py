"""Write a graph as Turtle."""

from __future__ import annotations

import re
from pathlib import Path

from .merged import MergedGraph
from .rdf import PREFIXES, TYPE, Double, Iri, Object, blocks, compact

_SPECIAL = re.compile(r'[\x00-\x1f"\\\x7f-\x9f\ufeff\ufffe\uffff]')
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_turtle(graph: MergedGraph, path: Path) -> None:
    """Write a graph as Turtle.

    graph (MergedGraph): The graph.
    path (Path): The file.
    """
    with path.open("w", encoding="utf8", newline="\n") as file:
        for prefix, iri in PREFIXES.items():
            file.write(f"@prefix {prefix}: <{iri}> .\n")
        for subject, properties in blocks(graph):
            lines = " ;\n    ".join(f"{_predicate(name)} {_object(value)}" for name, value in properties)
            file.write(f"\n{_iri(subject)} {lines} .\n")


def _predicate(iri: str) -> str:
    return "a" if iri == TYPE else _iri(iri)


def _iri(iri: str) -> str:
    short = compact(iri)
    return f"<{iri}>" if short == iri else short


def _object(value: Object) -> str:
    if isinstance(value, Iri):
        return _iri(value.value)
    if isinstance(value, Double):
        return value.text
    if isinstance(value, int):
        return str(value)
    return f'"{_SPECIAL.sub(_escaped, value)}"'


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    return _NAMED.get(char) or f"\\u{ord(char):04X}"
