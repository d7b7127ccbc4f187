"""The progress bar of a training."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Optional, Type

from tqdm import tqdm

if TYPE_CHECKING:
    from spacy.language import Language


class TrainingBar:
    """Shows the steps to the next evaluation, and the evaluation itself, on stderr if it is a terminal.

    nlp (Language): The pipeline; its config says how often it is evaluated. If its logger has a progress bar, this one
        is not shown.
    is_on (bool): Whether this process shows anything.
    """

    def __init__(self, nlp: Language, *, is_on: bool):
        training = nlp.config.interpolate()["training"]
        self._every = training["eval_frequency"]
        self._last = training["max_steps"]
        self._is_on = is_on and not training["logger"].get("progress_bar")
        self._bar: Optional[tqdm] = None

    def __enter__(self) -> TrainingBar:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def show(self, what: str, n_steps: int) -> None:
        """Take note of what the training does.

        what (str): "step" when a step was taken, "evaluation" before one, "log" before the logger prints.
        n_steps (int): Steps that were taken.
        """
        if not self._is_on:
            return
        if what == "log":
            self.close()
            return
        if self._bar is None:
            # Steps are named as the logger names them, from 0; those that the frequency divides are evaluated.
            step = n_steps - 1
            end = -(-step // self._every) * self._every
            end = min(end, self._last) if self._last else end
            of = f" of {self._last:,}" if self._last else ""
            # On when a terminal is there to see it.
            self._bar = tqdm(total=end - step + 1, desc=f"Steps to {end:,}{of}", leave=False, disable=None)
        self._bar.update()
        if what == "evaluation":
            self._bar.set_description("Evaluating")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
