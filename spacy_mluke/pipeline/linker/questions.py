"""Mentions whose candidates are ranked, and their new order."""

from __future__ import annotations

from typing import Any, NamedTuple

from spacy.tokens import Span

from ...kb.ranking import Ranking, agreement
from ...kb.store import Match
from ...types import Ints1d


class Question(NamedTuple):
    """A mention with its candidates, the most likely first."""

    doc: int  # index of the document in the batch
    ent: Span
    ranking: Ranking

    def only(self, rows: Ints1d) -> Question:
        """Return the question with some of its candidates.

        rows (Ints1d): Their indices. Shape: (n,).
        RETURNS (Question): The question.
        """
        return self._replace(ranking=self.ranking._replace(matches=[self.ranking.matches[i] for i in rows]))


def reorder(ranking: Ranking, probabilities: Any, label: str) -> Ranking:
    """Return a ranking whose first candidates have other probabilities.

    ranking (Ranking): The candidates.
    probabilities (Floats1d): Probabilities of the first ones, which share what they had together.
    label (str): The mention's label.
    RETURNS (Ranking): The same candidates, the most likely first. They support the mention if the likely ones agree
        with its label.
    """
    n = len(probabilities)
    first = ranking.matches[:n]
    total = sum(match.prior for match in first)
    changed = [match._replace(prior=total * float(p)) for match, p in zip(first, probabilities, strict=True)]
    matches = sorted([*changed, *ranking.matches[n:]], key=_descending)
    return Ranking(matches, sum(match.prior * agreement(label, match.type) for match in matches))


def _descending(match: Match) -> float:
    return -match.prior
