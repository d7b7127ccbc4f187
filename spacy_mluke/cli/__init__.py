"""Command line: the only code that prints."""

from ._app import app

__all__ = ["app"]
