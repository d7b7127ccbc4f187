"""Check that the packages of the extra `serve` are installed."""

from __future__ import annotations

import importlib

from ..errors import Errors

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def check_packages() -> None:
    """Check that everything the server needs can be imported.

    RAISES (ImportError): ML435 with the packages that cannot be imported.
    """
    missing = []
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name.replace("_", "-"))
    if missing:
        raise ImportError(Errors.ML435.format(packages=", ".join(missing)))
