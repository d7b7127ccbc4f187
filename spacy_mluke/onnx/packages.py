"""Check that the packages of the extra `onnx` are installed."""

from __future__ import annotations

import importlib

from ..errors import Errors


def check_packages(what: str, *names: str) -> None:
    """Check that packages can be imported.

    what (str): What needs them, for the message.
    *names (str): The packages.
    RAISES (ImportError): ML480 with the packages that cannot be imported.
    """
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        raise ImportError(Errors.ML480.format(what=what, packages=" and ".join(missing)))
