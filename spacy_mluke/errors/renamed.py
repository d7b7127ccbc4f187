"""Options whose names changed: the old name works for one release, with one warning."""

from __future__ import annotations

import warnings
from typing import Any, Set, Tuple

from .warnings import AllWarnings

_warned: Set[Tuple[str, str]] = set()


def take_renamed(where: str, old: str, new: str, old_value: Any, new_value: Any) -> Any:
    """Return the value of an option that was renamed, and warn once per process if its old name was used.

    where (str): Owner of the option, for the message: "spacy-mluke.Encoder.v1", for instance.
    old (str): The old name.
    new (str): The new name.
    old_value (Any): Value under the old name; None if it was not used.
    new_value (Any): Value under the new name, or its default.
    RETURNS (Any): The old name's value if it is not None, else the new name's.
    """
    if old_value is None:
        return new_value
    warn_renamed(where, old, new)
    return old_value


def warn_renamed(where: str, old: str, new: str, *, kind: str = "Option") -> None:
    """Warn once per process that a name is deprecated.

    where (str): Owner of the option or attribute.
    old (str): The old name.
    new (str): The new name.
    kind (str): "Option" by default; "Attribute", for instance.
    """
    if (where, old) not in _warned:
        _warned.add((where, old))
        text = AllWarnings.ML125.format(kind=kind, where=where, old=old, new=new)
        warnings.warn(f"[ML125] {text}", FutureWarning, stacklevel=3)
