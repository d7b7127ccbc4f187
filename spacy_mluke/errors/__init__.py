"""Every message of the package, coded. Errors are ML0xx and ML2xx, warnings ML1xx.

Errors by place: ML001 alignment, ML020 encoder, ML040 checkpoints, ML060 entities, ML070 pipeline, ML090 command line,
ML200 names, ML210 questions, ML220 masks, ML230 linking, ML245 training, ML270 reports, ML280 corpora,
ML330 files and caches.
"""

import difflib
from typing import Iterable, Sequence

from spacy.errors import ErrorsWithCodes

from .files import FileErrors
from .running import RunningErrors
from .stages import StageErrors
from .tasks import TaskErrors
from .warnings import AllWarnings


class Errors(StageErrors, TaskErrors, RunningErrors, FileErrors, metaclass=ErrorsWithCodes):
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
    """See that an option has one of its values.

    option (str): Its name.
    value (str): Its value.
    choices (Sequence[str]): What it can be.
    RAISES (ValueError): ML070 if it is none of them.
    """
    if value not in choices:
        hint = did_you_mean(value, choices)
        raise ValueError(Errors.ML070.format(option=option, value=value, choices=", ".join(choices), hint=hint))
