"""Read docstrings in spaCy's style: a summary, text, `argument (Type): description`, RETURNS, YIELDS and RAISES."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

_ENTRY = re.compile(r"^(?P<name>\w+) \((?P<type>.+?)\): (?P<text>.*)$")
_CODE = re.compile(r"(`[^`]*`)")
_RESULTS = ("RETURNS", "YIELDS")


class Entry(NamedTuple):
    """An argument, a result or an error."""

    name: str
    type: str
    text: str


@dataclass
class Docstring:
    """The parts of a docstring."""

    text: str = ""  # summary and further paragraphs
    arguments: Dict[str, Entry] = field(default_factory=dict)
    results: List[Entry] = field(default_factory=list)  # RETURNS, YIELDS
    errors: List[Entry] = field(default_factory=list)


def parse(source: Optional[str]) -> Docstring:
    """Split a docstring into its parts.

    source (Optional[str]): The docstring.
    RETURNS (Docstring): Its parts. Paragraphs after the arguments belong to the text.
    """
    found = Docstring()
    paragraphs = []
    for paragraph in inspect.cleandoc(source or "").split("\n\n"):
        lines = paragraph.split("\n")
        if not _ENTRY.match(lines[0]):
            paragraphs.append(paragraph)
            continue
        entries: List[Tuple[str, str, List[str]]] = []
        for line in lines:
            match = None if line.startswith(" ") else _ENTRY.match(line)
            if match:
                entries.append((match["name"], match["type"], [match["text"]]))
            else:
                entries[-1][2].append(line.strip())
        for name, type_, text in entries:
            entry = Entry(name, type_, " ".join(text))
            if name in _RESULTS:
                found.results.append(entry)
            elif name == "RAISES":
                found.errors.append(entry)
            else:
                found.arguments[name] = entry
    found.text = "\n\n".join(paragraphs)
    return found


def parse_function(function: Callable) -> Docstring:
    """Split the docstring of a function into its parts.

    function (Callable): The function.
    RETURNS (Docstring): Its parts.
    RAISES (ValueError): If an argument is not described, or a described argument does not exist.
    """
    found = parse(function.__doc__)
    expected = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    if sorted(expected) != sorted(found.arguments):
        raise ValueError(f"The docstring of {function.__qualname__} describes {[*found.arguments]}, not {expected}")
    return found


def to_markdown(text: str) -> str:
    """Escape what a browser would read as a tag; code stays as it is.

    text (str): Text of a docstring.
    RETURNS (str): Markdown.
    """
    parts = _CODE.split(text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def to_cell(text: str) -> str:
    """Make Markdown fit into a cell of a table.

    text (str): Markdown.
    RETURNS (str): One line, without bars.
    """
    return text.replace("\n", " ").replace("|", "\\|")


def table(header: Tuple[str, ...], rows: Sequence[Tuple[str, ...]]) -> str:
    """Make a Markdown table.

    header (Tuple[str, ...]): Titles of the columns.
    rows (Sequence[Tuple[str, ...]]): The cells, as Markdown.
    RETURNS (str): The table, "" without rows.
    """
    if not rows:
        return ""
    lines = [header, ("---",) * len(header), *(tuple(map(to_cell, row)) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
