"""Every message of the package, coded. Errors are ML0xx and ML2xx, warnings ML1xx.

Errors by place: ML001 alignment, ML020 encoder, ML040 checkpoints, ML060 entities, ML070 pipeline, ML090 command line,
ML200 names, ML210 questions, ML220 masks, ML230 linking, ML245 training, ML270 reports, ML280 corpora,
ML330 files and caches, ML350 corpora, ML360 saving.
"""

import difflib
import math
from typing import Any, Iterable, Sequence

from .corpora import CorpusErrors
from .files import FileErrors
from .running import RunningErrors
from .saving import SavingErrors
from .settings import SettingsErrors
from .stages import StageErrors
from .tasks import TaskErrors
from .warnings import AllWarnings


class ErrorsWithCodes(type):
    """Put the code before each message, as spaCy's class of this name does. Importing that one imports torch, and
    command lines only need messages."""

    def __getattribute__(cls, code: str) -> Any:
        message = super().__getattribute__(code)
        return message if code.startswith("__") else f"[{code}] {message}"


LARGEST = 2**31 - 1  # of whole numbers in options: they meet arrays of 32 bits


class Errors(
    StageErrors,
    TaskErrors,
    RunningErrors,
    FileErrors,
    SavingErrors,
    SettingsErrors,
    CorpusErrors,
    metaclass=ErrorsWithCodes,
):
    """All errors."""


class Warnings(AllWarnings, metaclass=ErrorsWithCodes):
    """All warnings."""


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """The end of a message about a name that is not one of several.

    value (object): What was given.
    choices (Iterable[str]): What there is.
    RETURNS (str): " Did you mean 'x'?", or "" if nothing is near.
    """
    near = difflib.get_close_matches(str(value), list(choices), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    """Check that an option has one of its values.

    option (str): Its name.
    value (str): Its value.
    choices (Sequence[str]): What it can be.
    RAISES (ValueError): ML070 if it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        hint = did_you_mean(value, choices)
        raise ValueError(Errors.ML070.format(option=option, value=value, choices=", ".join(choices), hint=hint))


def check_at_least(option: str, value: Any, least: float, *, whole: bool = True, optional: bool = False) -> None:
    """Check that a number is not too small, and a whole one not larger than arrays can hold.

    option (str): Name of the option.
    value (Any): Its value.
    least (float): The smallest value allowed.
    whole (bool): Whether it must be an integer.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is no number, or too large, ML071 if it is too small.
    """
    if value is None and optional:
        return
    wanted = f"a whole number of {least} or more" if whole else f"a number of {least} or more"
    _check_number(option, value, wanted, whole=whole, optional=optional)
    if value < least:
        raise ValueError(Errors.ML071.format(option=option, value=value, least=least))
    if whole and value > LARGEST:
        raise ValueError(Errors.ML310.format(option=option, value=value, wanted=f"{wanted}, up to {LARGEST}"))


def check_number(option: str, value: Any, *, optional: bool = False) -> None:
    """Check that an option is a finite number.

    option (str): Name of the option.
    value (Any): Its value.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is not.
    """
    if value is not None or not optional:
        _check_number(option, value, "a number", whole=False, optional=optional)


def check_fraction(option: str, value: Any, *, optional: bool = False) -> None:
    """Check that a number is in [0, 1].

    option (str): Name of the option.
    value (Any): Its value.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is no number, ML263 if it is outside.
    """
    if value is None and optional:
        return
    _check_number(option, value, "a number from 0 to 1", whole=False, optional=optional)
    if not 0 <= value <= 1:
        raise ValueError(Errors.ML263.format(option=option, value=value))


def check_dropout(value: Any, option: str = "dropout") -> None:
    """Check that a dropout rate is in [0, 1).

    value (Any): The rate.
    option (str): Name of the option.
    RAISES (ValueError): ML310 if it is not.
    """
    wanted = "a number from 0 up to, but not including, 1"
    _check_number(option, value, wanted, whole=False)
    if not 0 <= value < 1:
        raise ValueError(Errors.ML310.format(option=option, value=repr(value), wanted=wanted))


def check_flag(option: str, value: Any) -> None:
    """Check that an option is true or false.

    option (str): Name of the option.
    value (Any): Its value.
    RAISES (ValueError): ML310 if it is neither.
    """
    if not isinstance(value, bool):
        raise ValueError(Errors.ML310.format(option=option, value=repr(value), wanted="true or false"))


def check_text(option: str, value: Any) -> None:
    """Check that an option is a string that is not empty.

    option (str): Name of the option.
    value (Any): Its value.
    RAISES (ValueError): ML310 if it is not.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(Errors.ML310.format(option=option, value=repr(value), wanted="a string that is not empty"))


def check_names(option: str, value: Any, *, optional: bool = False) -> None:
    """Check that an option is a list of strings that are not empty. A string by itself is not one.

    option (str): Name of the option.
    value (Any): Its value.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is not.
    """
    if value is None and optional:
        return
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        wanted = _or_null('a list of strings that are not empty, such as ["CITY"]', optional)
        raise ValueError(Errors.ML310.format(option=option, value=repr(value), wanted=wanted))


def _check_number(option: str, value: Any, wanted: str, *, whole: bool, optional: bool = False) -> None:
    is_kind = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_kind or not math.isfinite(value):
        wanted = _or_null(wanted, optional)
        raise ValueError(Errors.ML310.format(option=option, value=repr(value), wanted=wanted))


def _or_null(wanted: str, optional: bool) -> str:
    return f"{wanted}, or null" if optional else wanted
