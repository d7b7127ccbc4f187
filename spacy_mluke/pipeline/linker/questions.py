"""Mentions whose candidates are ranked, names around them, and their new order."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Sequence

import numpy
from spacy.tokens import Span

from ...kb.ranking import Ranking, agreement
from ...kb.store import Match
from ...types import Floats1d, Ints1d

_LEAST = 0.2  # minimum prior of what a longer name may mean
_UNLIKELY = 0.01  # factor of the candidates that it does not mean


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


class Name(NamedTuple):
    """A name in a text that the knowledge base knows."""

    start: int  # token bounds
    end: int
    matches: List[Match]  # its candidates


def favoured(probabilities: Floats1d, question: Question, names: Sequence[Name]) -> Floats1d:
    """Return probabilities that favour what a longer name around the mention means: in "Paris, Texas", the name of one
    candidate of "Paris".

    probabilities (Floats1d): Those of the first candidates. Shape: (n,).
    question (Question): The mention.
    names (Sequence[Name]): The names of its text.
    RETURNS (Floats1d): The same, if there is no such name. Shape: (n,), float64.
    """
    ent = question.ent
    around = [name for name in names if name.start <= ent.start and name.end >= ent.end]
    longer = [name for name in around if name.end - name.start > ent.end - ent.start]
    ids = {match.id for name in longer for match in name.matches if match.prior >= _LEAST}
    is_meant = numpy.asarray([match.id in ids for match in question.ranking.matches[: len(probabilities)]])
    if not is_meant.any():
        return probabilities
    found = numpy.where(is_meant, probabilities, _UNLIKELY * probabilities)
    return found * (probabilities.sum() / found.sum())


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
