"""Check that the packages of the extra `serve` are installed."""

from __future__ import annotations

from ..errors import Errors, missing_packages

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def check_packages() -> None:
    """Check that everything the server needs can be imported.

    RAISES (ImportError): ML435 with the packages that cannot be imported.
    """
    missing = [name.replace("_", "-") for name in missing_packages(*PACKAGES)]
    if missing:
        raise ImportError(Errors.ML435.format(packages=", ".join(missing)))
