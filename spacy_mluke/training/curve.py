"""A logger that keeps the learning curve, also of a training that was interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, Callable, Dict, Optional, Tuple

from spacy.language import Language
from spacy.training.loggers import console_logger

from ..files import replacing

Info = Optional[Dict[str, Any]]
Logger = Callable[[Language, IO, IO], Tuple[Callable[[Info], None], Callable[[], None]]]


def build_curve_logger_v1(path: Optional[Path] = None, progress_bar: bool = False) -> Logger:
    """Log as `spacy.ConsoleLogger.v1`, and write each evaluation to a file. Registered as
    `spacy-mluke.CurveLogger.v1`.

    A training that goes on adds to the file; what it holds of steps that are taken again gives way.

    path (Optional[Path]): File of JSON lines: step, epoch, words, losses, score, scores. None for no file.
    progress_bar (bool): Whether progress to the next evaluation is shown.
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

    path (Path): The file, made if missing.
    info (Dict[str, Any]): What spaCy's loop tells loggers.
    """
    before = [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()] if path.exists() else []
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


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
