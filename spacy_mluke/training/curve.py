"""A logger that writes the learning curve, also across an interruption."""

import json
import math
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

from spacy.language import Language
from spacy.training.loggers import console_logger

from ..errors import Errors
from ..storage.files import replacing

Info = Optional[Dict[str, Any]]
Logger = Callable[[Language, IO, IO], Tuple[Callable[[Info], None], Callable[[], None]]]


def build_curve_logger_v1(path: Optional[Path] = None, progress_bar: bool = False) -> Logger:
    """Log as `spacy.ConsoleLogger.v1`, and write each evaluation to a file. Registered as
    `spacy-mluke.CurveLogger.v1`.

    A resumed training appends to the file, and replaces the evaluations of steps that it repeats.

    path (Optional[Path]): File of JSON lines: step, epoch, words, losses, score, scores. None for no file.
    progress_bar (bool): Whether to show progress to the next evaluation.
    RETURNS (Logger): The logger.
    """
    console: Logger = console_logger(progress_bar)

    def setup(nlp: Language, stdout: IO, stderr: IO) -> Tuple[Callable[[Info], None], Callable[[], None]]:
        log, finalize = console(nlp, stdout, stderr)

        def log_step(info: Info) -> None:
            log(info)
            if info is not None and path is not None:
                add_point(Path(path), info)

        return log_step, finalize

    return setup


def add_point(path: Path, info: Dict[str, Any]) -> None:
    """Add an evaluation to a learning curve.

    path (Path): The file, created if missing.
    info (Dict[str, Any]): What spaCy's loop passes to loggers.
    RAISES (ValueError): ML361 if the file is not a learning curve.
    """
    before = read_curve(path) if path.exists() else []
    point = {
        "step": info["step"],
        "epoch": info["epoch"],
        "words": info["words"],
        "losses": {name: float(loss) for name, loss in info["losses"].items()},
        "score": float(info["score"]),
        "scores": {name: float(value) for name, value in info["other_scores"].items() if _is_number(value)},
    }
    points = [*(old for old in before if old["step"] < point["step"]), point]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as aside:
        aside.write_text("".join(json.dumps(own) + "\n" for own in points), encoding="utf8")


def read_curve(path: Path) -> List[Dict[str, Any]]:
    """Read a learning curve.

    path (Path): The file.
    RETURNS (List[Dict[str, Any]]): An object for each evaluation: "step", "score" and more.
    RAISES (ValueError): ML361 if it cannot be read as one.
    """
    points = []
    try:
        for line in path.read_text(encoding="utf8").split("\n"):
            if not line.strip():
                continue
            point = json.loads(line)
            if not isinstance(point, dict) or not _is_step(point.get("step")) or not _is_number(point.get("score")):
                raise ValueError('each line must be an object with the numbers "step" and "score"')
            points.append(point)
    except (OSError, RecursionError, ValueError) as error:
        raise ValueError(Errors.ML361.format(path=path, reason=error)) from error
    return points


def curve_points(path: Path) -> List[Tuple[int, float]]:
    """Return the steps and scores of a learning curve.

    path (Path): The file.
    RETURNS (List[Tuple[int, float]]): Step and score of each evaluation whose score is a number between -1e6 and 1e6.
    RAISES (ValueError): ML361 if it cannot be read as one.
    """
    return [(point["step"], float(point["score"])) for point in read_curve(path) if _is_drawable(point["score"])]


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_drawable(score: Any) -> bool:
    return math.isfinite(score) and abs(score) < 1e6


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
