"""The progress bar of a training."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Optional, Type

from tqdm import tqdm

if TYPE_CHECKING:
    from spacy.language import Language


class TrainingBar:
    """A progress bar of the steps to the next evaluation and of the evaluation, on stderr if it is a terminal.

    nlp (Language): The pipeline, whose config has the evaluation frequency. Without effect if its logger has a progress
        bar.
    is_on (bool): Whether this process shows a bar.
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
        """Update the bar.

        what (str): "step" after a step, "evaluation" before an evaluation, "log" before the logger prints.
        n_steps (int): Number of steps taken.
        """
        if not self._is_on:
            return
        if what == "log":
            self.close()
            return
        if self._bar is None:
            # The logger counts steps from 0; multiples of the frequency are evaluated.
            step = n_steps - 1
            end = -(-step // self._every) * self._every
            end = min(end, self._last) if self._last else end
            of = f" of {self._last:,}" if self._last else ""
            # disable=None: shown only in a terminal.
            self._bar = tqdm(total=end - step + 1, desc=f"Steps to {end:,}{of}", leave=False, disable=None)
        self._bar.update()
        if what == "evaluation":
            self._bar.set_description("Evaluating")

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
