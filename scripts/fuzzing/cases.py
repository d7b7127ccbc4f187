"""What a fuzz target is, and what the result of a case can be."""

from __future__ import annotations

import random
import re
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

CODE = re.compile(r"\[(ML\d{3}|E\d{3,4})\]")
# Errors that say what is wrong without one of our codes: settings that spaCy's config system refuses, and options that
# the command line refuses.
PLAIN_REFUSALS = ("ConfigValidationError", "BadParameter", "UsageError", "MissingParameter", "NoSuchOption")


class Broken(AssertionError):
    """A promise that does not hold."""


class Hang(BaseException):
    """A case that takes longer than it may. Not an Exception: nothing that it interrupts may swallow it."""


@dataclass
class Case:
    """One input: its random numbers, and a folder that it may write to."""

    target: str
    seed: int
    number: int
    folder: Path
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.target}:{self.seed}:{self.number}")

    @property
    def command(self) -> str:
        """The command that runs this case alone."""
        return f"python -m scripts.fuzz {self.target} --seed {self.seed} --replay {self.number}"


@dataclass
class Result:
    """What became of a case."""

    number: int
    category: str  # "equal", "refused ML045", ... or "FAILED: ..."
    n_documents: int = 0
    error: Optional[str] = None  # the traceback of a failure
    place: Optional[str] = None  # what kind of failure it is, and where

    @property
    def is_failure(self) -> bool:
        """Whether a promise is broken."""
        return self.error is not None

    def to_dict(self) -> Dict[str, Any]:
        """A dictionary for JSON."""
        return asdict(self)


@dataclass
class Target:
    """A kind of input."""

    name: str
    prepare: Callable[[Path], Any]  # makes what all cases share, in a folder that stays
    run: Callable[[Any, Case], Tuple[str, int]]  # one case: a category, and the number of documents
    seconds: float = 20.0  # time limit of a case
    megabytes: int = 3000  # memory that a worker may take beyond what it has when it begins
    # Whether a case has a clean folder of its own. Without, it may write nowhere.
    writes: bool = True


def judge(case: Case, error: BaseException) -> Result:
    """Tell a refusal from a failure.

    case (Case): The case.
    error (BaseException): What it raised.
    RETURNS (Result): A refusal for a coded message or a refused setting, else a failure.
    """
    kind = type(error).__name__
    code = CODE.search(str(error))
    is_plain = kind in PLAIN_REFUSALS
    if (code or is_plain) and not isinstance(error, (Broken, Hang)):
        return Result(case.number, f"refused {code.group(1) if code else kind}")
    text = "".join(traceback.format_exception(error))
    return Result(case.number, f"FAILED: {kind}", error=text, place=f"{kind} at {_place(error)}")


def _place(error: BaseException) -> str:
    """The last line of this repository's code in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "spacy_mluke" in frame.filename and "site-packages" not in frame.filename]
    last: List[traceback.FrameSummary] = own or list(frames)
    if not last:
        return "?"
    frame = last[-1]
    # Numbers and names differ from case to case.
    first = re.sub(r"\d+|'[^']*'|\[.*\]|\(.*\)", "#", str(error).split("\n", 1)[0])[:70]
    return f"{Path(frame.filename).name}:{frame.lineno} {first}"


@dataclass
class Summary:
    """What became of all cases of a target."""

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
        """Cases that have run."""
        return sum(self.categories.values())

    @property
    def n_failures(self) -> int:
        """Cases that broke a promise."""
        return sum(self.places.values())
