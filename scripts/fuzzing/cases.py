"""Fuzz targets, cases and results."""

from __future__ import annotations

import random
import re
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

CODE = re.compile(r"\[(ML\d{3}|E\d{3,4})\]")
# Accepted errors without a code of this package: settings refused by spaCy's config system, and options refused by the
# command line.
PLAIN_REFUSALS = ("ConfigValidationError", "BadParameter", "UsageError", "MissingParameter", "NoSuchOption")


class Broken(AssertionError):
    """A violated guarantee."""


class Hang(BaseException):
    """The time limit of a case. A BaseException, so that the interrupted code does not catch it."""


@dataclass
class Case:
    """One case: its random numbers, and a folder that it may write to."""

    target: str
    seed: int
    number: int
    folder: Path
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.target}:{self.seed}:{self.number}")

    @property
    def command(self) -> str:
        """Return the command that runs this case alone."""
        return f"python -m scripts.fuzz {self.target} --seed {self.seed} --replay {self.number}"


@dataclass
class Result:
    """The result of a case."""

    number: int
    category: str  # "equal", "refused ML045", ... or "FAILED: ..."
    n_documents: int = 0
    error: Optional[str] = None  # the traceback of a failure
    place: Optional[str] = None  # kind and location of the failure

    @property
    def is_failure(self) -> bool:
        """Return whether a guarantee is violated."""
        return self.error is not None

    def to_dict(self) -> Dict[str, Any]:
        """Return a JSON-serializable dictionary."""
        return asdict(self)


@dataclass
class Target:
    """A kind of input."""

    name: str
    prepare: Callable[[Path], Any]  # makes the shared data of all cases, in a permanent folder
    run: Callable[[Any, Case], Tuple[str, int]]  # runs one case; returns a category and the number of documents
    seconds: float = 20.0  # time limit of a case
    megabytes: int = 3000  # memory limit, beyond the memory at the start
    # Whether a case has an empty folder; otherwise it must not write files.
    writes: bool = True


def judge(case: Case, error: BaseException) -> Result:
    """Classify an error as a refusal or a failure.

    case (Case): The case.
    error (BaseException): The error.
    RETURNS (Result): A refusal for an error with a code or a refused setting, otherwise a failure.
    """
    kind = type(error).__name__
    code = CODE.search(str(error))
    is_plain = kind in PLAIN_REFUSALS
    if (code or is_plain) and not isinstance(error, (Broken, Hang)):
        return Result(case.number, f"refused {code.group(1) if code else kind}")
    text = "".join(traceback.format_exception(error))
    return Result(case.number, f"FAILED: {kind}", error=text, place=f"{kind} at {_place(error)}")


def _place(error: BaseException) -> str:
    """Return the last line of this repository's code in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "spacy_mluke" in frame.filename and "site-packages" not in frame.filename]
    last: List[traceback.FrameSummary] = own or list(frames)
    if not last:
        return "?"
    frame = last[-1]
    # Numbers and names differ between cases.
    first = re.sub(r"\d+|'[^']*'|\[.*\]|\(.*\)", "#", str(error).split("\n", 1)[0])[:70]
    return f"{Path(frame.filename).name}:{frame.lineno} {first}"


@dataclass
class Summary:
    """The results of all cases of a target."""

    target: str
    seed: int
    seconds: float = 0.0
    categories: Counter[str] = field(default_factory=Counter)
    n_documents: int = 0
    failures: List[Result] = field(default_factory=list)
    places: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Count a result."""
        self.categories[result.category] += 1
        self.n_documents += result.n_documents
        if result.is_failure:
            place = result.place or "?"
            self.places[place] += 1
            if self.places[place] <= 3:
                self.failures.append(result)

    @property
    def n_cases(self) -> int:
        """Return the number of cases that have run."""
        return sum(self.categories.values())

    @property
    def n_failures(self) -> int:
        """Return the number of failed cases."""
        return sum(self.places.values())
