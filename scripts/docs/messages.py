"""The page on error codes, from the messages in `spacy_mluke/errors/`."""

from __future__ import annotations

import html
import importlib
import re
from typing import Any, List

from spacy_mluke.errors.codes import Errors, Warnings

_CODE = re.compile(r"ML\d{3}")
_FIELD = re.compile(r"\{(\w*)[^}]*\}")


def render_messages() -> str:
    """List all errors and warnings with their messages, by subject.

    RETURNS (str): Markdown.
    """
    groups = [group for messages in (Errors, Warnings) for group in messages.__mro__[1:-1]]
    return "\n\n".join(part for group in groups for part in _group(group))


def _group(group: Any) -> List[str]:
    title, _, _ = (importlib.import_module(group.__module__).__doc__ or "").partition(":")
    parts = [f"## {title}"]
    for code, message in sorted(vars(group).items()):
        if _CODE.fullmatch(code):
            parts.append(f"### {code}\n\n<p>{_FIELD.sub(_show_field, html.escape(message, quote=False))}</p>")
    return parts


def _show_field(match: re.Match) -> str:
    return f"<var>{match[1].replace('_', ' ') or '…'}</var>"
