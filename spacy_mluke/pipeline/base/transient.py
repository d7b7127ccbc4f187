"""What a component has worked out and can work out again."""

from __future__ import annotations

from typing import Dict, Tuple, Type, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Derived(Dict[K, V]):
    """A dictionary that is pickled and copied as an empty one: for automata, caches and a second encoder.

    They cannot be pickled, or cost more to send to another process than to build there.
    """

    def __reduce__(self) -> Tuple[Type[Derived[K, V]], Tuple[()]]:
        return type(self), ()
