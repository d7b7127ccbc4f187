"""HTML templates that escape every text from data, so that data never becomes markup."""

from __future__ import annotations

import re
from html import escape
from string import Formatter
from typing import Any, Iterable

# Characters that are not allowed in HTML: browsers replace or drop them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class Html(str):
    """Text that is HTML already. Only `fill` and `join` make it, from templates in the code."""

    def _repr_html_(self) -> str:
        """Return the HTML: notebooks show it."""
        return str(self)


class _Escaping(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        text = format(value, format_spec)
        return text if isinstance(value, Html) else escape_text(text)


_FORMATTER = _Escaping()


def escape_text(text: str) -> Html:
    """Escape a text, for content and for attributes in double quotes.

    text (str): Any text.
    RETURNS (Html): The escaped text, with "\\ufffd" for each character that HTML does not allow.
    """
    return Html(escape(_FORBIDDEN.sub("\ufffd", text)))


def fill(template: str, /, *args: Any, **values: Any) -> Html:
    """Fill a template as `str.format` does, and escape each value that is not Html.

    template (str): HTML from the code.
    RETURNS (Html): The filled template.
    """
    return Html(_FORMATTER.vformat(template, args, values))


def join(parts: Iterable[str], between: str = "") -> Html:
    """Join parts, and escape each one that is not Html.

    parts (Iterable[str]): The parts.
    between (str): HTML from the code.
    RETURNS (Html): The joined parts.
    """
    return Html(between.join(part if isinstance(part, Html) else escape_text(part) for part in parts))
