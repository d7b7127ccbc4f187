"""The probability of a relation that several mentions express."""

from __future__ import annotations

import math
from typing import Iterable, Optional, Tuple


class Confidence:
    """Combines the probabilities of a relation's mentions.

    Mentions in one text are not independent, so a text counts with its most probable mention. Texts are taken as
    independent: the confidence is 1 - (1 - p1)(1 - p2)..., where p1, p2, ... are the maxima of the texts ("noisy or").
    Copies of a text count once.
    """

    def __init__(self) -> None:
        self.n_mentions = 0
        self.n_texts = 0
        self.max: Optional[float] = None
        self._sum = 0.0
        self._n_scored = 0
        self._text: Optional[bytes] = None
        self._text_max = 0.0
        self._log_doubt = 0.0  # log of the product of 1 - p

    def add(self, text: bytes, probability: Optional[float]) -> None:
        """Add a mention. Mentions of one text must follow each other.

        text (bytes): Identifies the text.
        probability (Optional[float]): The mention's probability; None if it has none: it only counts.
        """
        if text != self._text:
            self._end_text()
            self._text = text
            self.n_texts += 1
        self.n_mentions += 1
        if probability is not None:
            self._sum += probability
            self._n_scored += 1
            self.max = probability if self.max is None else max(self.max, probability)
            self._text_max = max(self._text_max, probability)

    def _end_text(self) -> None:
        self._log_doubt += math.log1p(-self._text_max) if self._text_max < 1.0 else -math.inf
        self._text_max = 0.0

    def result(self) -> Tuple[Optional[float], Optional[float], Optional[float]]:
        """Return the combined probabilities, with six decimal places.

        RETURNS (Tuple[Optional[float], Optional[float], Optional[float]]): Confidence, maximum and mean; None if no
            mention has a probability.
        """
        if self.max is None:
            return None, None, None
        self._end_text()
        return round(-math.expm1(self._log_doubt), 6), self.max, round(self._sum / self._n_scored, 6)


def combine(texts: Iterable[Iterable[float]]) -> Optional[float]:
    """Return the confidence of a relation.

    texts (Iterable[Iterable[float]]): For each text, the probabilities of the mentions in it.
    RETURNS (Optional[float]): 1 - product of (1 - maximum of a text); None without mentions.
    """
    found = Confidence()
    for number, probabilities in enumerate(texts):
        for probability in probabilities:
            found.add(str(number).encode(), probability)
    return found.result()[0]
