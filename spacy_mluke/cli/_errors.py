"""Print errors of a command as messages without tracebacks."""

from __future__ import annotations

import contextlib
import re
from typing import Iterator, Optional

# Messages of this package and of spaCy begin with a code.
_CODED = re.compile(r"\[(ML|E)\d{3,4}\] ")


@contextlib.contextmanager
def reported_errors(*, debug: bool = False) -> Iterator[None]:
    """End the command with a message and exit code 1 on errors of input, files or settings.

    Other errors are bugs of this package, and keep their tracebacks.

    debug (bool): Whether every error keeps its traceback.
    """
    try:
        yield
    except Exception as error:
        text = None if debug else describe_error(error)
        if text is None:
            raise
        from wasabi import msg

        msg.fail(text, exits=1)


def describe_error(error: Exception) -> Optional[str]:
    """Return the message for an error that the user of a command can fix.

    error (Exception): The error.
    RETURNS (Optional[str]): The message; None for an error that is not one of input, files or settings.
    """
    from ..errors import Errors

    # str() of a KeyError has quotes around the text.
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    if _CODED.match(text):
        return text
    if isinstance(error, OSError):
        if error.filename is None:
            return text
        return Errors.ML320.format(path=error.filename, reason=error.strerror)
    if isinstance(error, UnicodeDecodeError):
        return Errors.ML321.format(what="A file", reason=f"byte {error.start}: {error.reason}")
    if isinstance(error, RecursionError):
        return Errors.ML322
    if isinstance(error, ImportError) or _is_about_config(error):
        return str(error).strip()
    return None


def _is_about_config(error: Exception) -> bool:
    """Return whether an error is about a config: its syntax, values or registered names."""
    from configparser import Error as SyntaxProblem

    from catalogue import RegistryError
    from confection import ConfigValidationError

    return isinstance(error, (SyntaxProblem, RegistryError, ConfigValidationError))
