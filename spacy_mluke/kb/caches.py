"""A dictionary that keeps what is read of entities, up to a number of them."""

from __future__ import annotations

from typing import Any, Callable, Dict, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")
_MAX_CACHED = 1 << 14  # entities
_UNKNOWN = object()


def cached(known: Dict[Key, Value], key: Key, read: Callable[[], Value]) -> Value:
    """Return the value of a key, read once. A full dictionary is emptied.

    known (Dict[Key, Value]): The values that are kept.
    key (Key): The key.
    read (Callable[[], Value]): Returns its value.
    RETURNS (Value): The value.
    """
    found: Any = known.get(key, _UNKNOWN)  # one look: another thread may empty the dictionary
    if found is _UNKNOWN:
        found = read()
        if len(known) >= _MAX_CACHED:
            known.clear()
        known[key] = found
    return found
