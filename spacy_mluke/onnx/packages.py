"""Check that the packages of the extra `onnx` are installed."""

from __future__ import annotations

from ..errors import Errors, missing_packages


def check_packages(what: str, *names: str) -> None:
    """Check that packages can be imported.

    what (str): What needs them, for the message.
    *names (str): The packages.
    RAISES (ImportError): ML480 with the packages that cannot be imported.
    """
    missing = missing_packages(*names)
    if missing:
        raise ImportError(Errors.ML480.format(what=what, packages=" and ".join(missing)))
