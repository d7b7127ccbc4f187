"""Records that cannot be read, and texts that describe them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unreadable:
    """Records that cannot be read."""

    error: str
    text: str = ""  # their content, as far as it can be read
    n_records: int = 1


def as_text(raw: Any) -> str:
    """Return a record as text.

    raw (Any): The bytes of a line, or an object.
    RETURNS (str): The line, with bytes escaped that are not UTF-8; or the object as JSON, if possible.
    """
    if isinstance(raw, bytes):
        return raw.decode("utf8", errors="backslashreplace")
    try:
        return json.dumps(raw, ensure_ascii=False, default=str)
    except Exception:
        # For instance keys that are not strings, or too many levels.
        try:
            return repr(raw)
        except Exception as error:
            return f"a {type(raw).__name__} that cannot be shown ({message_of(error)})"


def message_of(error: BaseException) -> str:
    """Return the text of an error.

    error (BaseException): The error.
    RETURNS (str): Its type and message.
    """
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
