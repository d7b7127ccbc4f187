"""Checks of options: what is not allowed raises an error that names the option."""

from __future__ import annotations

import difflib
import importlib
import math
from typing import Any, Callable, Iterable, List, Mapping, Sequence

from .codes import Errors

LARGEST = 2**31 - 1  # of whole numbers in options: arrays hold them in 32 bits


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the choice that is most similar.

    value (object): The unknown name.
    choices (Iterable[str]): The known ones.
    RETURNS (str): " Did you mean 'x'?", or "" if no choice is similar.
    """
    near = difflib.get_close_matches(str(value), list(choices), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def missing_packages(*names: str) -> List[str]:
    """Return the packages that cannot be imported.

    *names (str): Names of modules.
    RETURNS (List[str]): Those that are missing, in the order given.
    """
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    return missing


def check_choice(option: str, value: Any, choices: Sequence[str]) -> None:
    """Check that an option has one of its values.

    option (str): Name of the option.
    value (Any): Its value.
    choices (Sequence[str]): The values that it can have.
    RAISES (ValueError): ML070 if it has none of them.
    """
    if not isinstance(value, str) or value not in choices:
        hint = did_you_mean(value, choices)
        raise ValueError(Errors.ML070.format(option=option, value=value, choices=", ".join(choices), hint=hint))


def check_at_least(option: str, value: Any, least: float, *, whole: bool = True, optional: bool = False) -> None:
    """Check that a number is not too small, and that a whole one is not too large for 32 bits.

    option (str): Name of the option.
    value (Any): Its value.
    least (float): The smallest value allowed.
    whole (bool): Whether it must be an integer.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is not a number, or too large; ML071 if it is too small.
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


def check_positive(option: str, value: Any, *, optional: bool = False) -> None:
    """Check that an option is a finite number above 0.

    option (str): Name of the option.
    value (Any): Its value.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is not.
    """
    _check_range(option, value, "a number above 0", lambda number: number > 0, optional=optional)


def check_fraction(option: str, value: Any, *, optional: bool = False) -> None:
    """Check that a number is in [0, 1].

    option (str): Name of the option.
    value (Any): Its value.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is not a number, or outside.
    """
    _check_range(option, value, "a number from 0 to 1", lambda number: 0 <= number <= 1, optional=optional)


def check_dropout(value: Any, option: str = "dropout") -> None:
    """Check that a dropout rate is in [0, 1).

    value (Any): The rate.
    option (str): Name of the option.
    RAISES (ValueError): ML310 if it is not.
    """
    _check_range(option, value, "a number from 0 up to, but not including, 1", lambda number: 0 <= number < 1)


def check_flag(option: str, value: Any, *, optional: bool = False) -> None:
    """Check that an option is true or false.

    option (str): Name of the option.
    value (Any): Its value.
    optional (bool): Whether None is allowed.
    RAISES (ValueError): ML310 if it is neither.
    """
    if not (isinstance(value, bool) or (optional and value is None)):
        raise _not_wanted(option, value, "true or false", optional)


def check_text(option: str, value: Any) -> None:
    """Check that an option is a string that is not empty.

    option (str): Name of the option.
    value (Any): Its value.
    RAISES (ValueError): ML310 if it is not.
    """
    if not isinstance(value, str) or not value:
        raise _not_wanted(option, value, "a string that is not empty")


def check_names(option: str, value: Any, *, optional: bool = False) -> None:
    """Check that an option is a list of strings that are not empty. A single string is not such a list.

    option (str): Name of the option.
    value (Any): Its value.
    optional (bool): Whether None is allowed, too.
    RAISES (ValueError): ML310 if it is not.
    """
    if value is None and optional:
        return
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        raise _not_wanted(option, value, 'a list of strings that are not empty, such as ["CITY"]', optional)


def check_by_label(option: str, value: Any, check: Callable[[str, Any], None]) -> None:
    """Check that an option is a table of labels and numbers.

    option (str): Name of the option.
    value (Any): Its value.
    check (Callable[[str, Any], None]): Checks a number; it gets the option and label as its name.
    RAISES (ValueError): ML310 if the option is no table, or what `check` raises.
    """
    if not isinstance(value, Mapping) or not all(isinstance(label, str) and label for label in value):
        raise _not_wanted(option, value, 'a table of labels and numbers, such as {"capital": 1}')
    for label, number in value.items():
        check(f"{option}.{label}", number)


def _check_range(
    option: str, value: Any, wanted: str, is_inside: Callable[[float], bool], *, optional: bool = False
) -> None:
    if value is None and optional:
        return
    _check_number(option, value, wanted, whole=False, optional=optional)
    if not is_inside(value):
        raise _not_wanted(option, value, wanted, optional)


def _check_number(option: str, value: Any, wanted: str, *, whole: bool, optional: bool = False) -> None:
    is_kind = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_kind or not math.isfinite(value):
        raise _not_wanted(option, value, wanted, optional)


def _not_wanted(option: str, value: Any, wanted: str, optional: bool = False) -> ValueError:
    wanted = f"{wanted}, or null" if optional else wanted
    return ValueError(Errors.ML310.format(option=option, value=repr(value), wanted=wanted))
