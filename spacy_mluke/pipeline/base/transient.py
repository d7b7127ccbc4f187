"""A dictionary for values that can be computed again."""

from __future__ import annotations

from typing import Dict, Tuple, Type, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class TransientDict(Dict[K, V]):
    """A dictionary whose pickle and copy are empty: for automata, caches and a second encoder.

    Such values cannot be pickled, or cost more to send to another process than to compute there.
    """

    def __reduce__(self) -> Tuple[Type[TransientDict[K, V]], Tuple[()]]:
        return type(self), ()
