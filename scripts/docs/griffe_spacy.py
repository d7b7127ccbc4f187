"""Lets mkdocstrings read docstrings in spaCy's style, and the comments of dataclass fields."""

from __future__ import annotations

import re
from typing import Any, List

import griffe

from scripts.docs.docstrings import Entry, parse, to_markdown

_COMMENT = re.compile(r"  # (.*)$")


class SpacyDocstrings(griffe.Extension):
    """Rewrite each docstring into Google's style, which mkdocstrings shows as tables."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring of an object that was found in the source."""
        if obj.is_alias:
            return
        if obj.docstring is not None:
            obj.docstring.value = to_google(obj.docstring.value)
        elif obj.is_attribute:
            comment = _comment_of(obj)
            if comment:
                obj.docstring = griffe.Docstring(comment, parent=obj)


def to_google(source: str) -> str:
    """Rewrite a docstring into Google's style.

    source (str): A docstring in spaCy's style.
    RETURNS (str): The same in Google's style.
    """
    found = parse(source)
    lines = [to_markdown(found.text)]
    results = [(entry.name.capitalize(), [entry]) for entry in found.results]
    for title, entries in (("Args", list(found.arguments.values())), *results, ("Raises", found.errors)):
        if entries:
            lines += ["", f"{title}:", *(_google_entry(title, entry) for entry in entries)]
    return "\n".join(lines)


def _google_entry(title: str, entry: Entry) -> str:
    text = to_markdown(entry.text)
    return f"    {entry.name} ({entry.type}): {text}" if title == "Args" else f"    {entry.type}: {text}"


def _comment_of(attribute: Any) -> str:
    lines = attribute.lines_collection[attribute.filepath]
    match = _COMMENT.search(lines[attribute.lineno - 1])
    if match:
        return _sentence(match[1])
    found: List[str] = []
    for line in reversed(lines[: attribute.lineno - 1]):
        if not line.strip().startswith("# "):
            break
        found.insert(0, line.strip()[2:])
    return _sentence(" ".join(found)) if found else ""


def _sentence(text: str) -> str:
    text = to_markdown(text[0].upper() + text[1:])
    return text if text.endswith(".") else text + "."
