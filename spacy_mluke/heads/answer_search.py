"""Search the best answers to one question in the logits of its windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy
from numpy.lib.stride_tricks import sliding_window_view

from ..align.windows import most_context
from ..ragged import row_offsets
from ..types import Bools1d, Bools2d, Floats2d, Ints1d


@dataclass
class WindowLogits:
    """Logits of one window of a document."""

    start: int  # the window's first piece within the document
    logits: Floats2d  # (n_pieces, 2): of the window's pieces, as the first and as the last piece of an answer
    null: float  # the sum of the two logits of <s>: the window has no answer
    has_chars: Bools1d  # (n_pieces,): whether a piece covers characters; "▁" alone, for instance, does not


@dataclass(frozen=True)
class BestAnswer:
    """A range of a document's pieces."""

    first: int
    end: int
    score: float  # log-probability


class AnswerSearch:
    """Scores all possible answers in the windows of one question.

    An answer is a range of at most `max_pieces` pieces within one window, at least one of which covers a character. If
    windows overlap, an answer counts once, in the window that shows it with most context. Its logit is the sum of the
    logits of its first and its last piece. The logit of "no answer" is the lowest of the windows' <s>, as in SQuAD 2.0:
    one window with an answer is enough. Probabilities are the softmax over all answers and "no answer", of their logits
    divided by the temperature.

    windows (Sequence[WindowLogits]): The windows of one document, in text order.
    max_pieces (int): Maximum number of pieces in an answer.
    temperature (float): The temperature.
    """

    def __init__(self, windows: Sequence[WindowLogits], max_pieces: int, temperature: float = 1.0) -> None:
        self.windows = windows
        self.max_pieces = max_pieces
        self.temperature = temperature
        starts = numpy.array([window.start for window in windows], dtype="int64")
        # scores[w][i, k]: the answer that begins with piece i of window w and has k + 1 pieces
        self.scores = [self._window_scores(w, starts) for w in range(len(windows))]
        self.null = min(window.null for window in windows)
        self.best = max(float(scores.max(initial=-numpy.inf)) for scores in self.scores)
        top = max(self.null, self.best)
        rest = sum(float(numpy.exp((scores - top) / temperature).sum()) for scores in self.scores)
        self._log_sum = top / temperature + float(numpy.log(rest + numpy.exp((self.null - top) / temperature)))

    @property
    def null_score(self) -> float:
        """Log-probability of "no answer"."""
        return self.null / self.temperature - self._log_sum

    def take(self, top_k: int, grow: Optional[Callable[[int, int], Tuple[int, int]]] = None) -> List[BestAnswer]:
        """Return the best answers that do not overlap. Of answers that overlap, only the best is returned.

        top_k (int): Maximum number of answers.
        grow (Optional[Callable]): From first piece and end of an answer to the first piece and end of the range that no
            other answer may overlap, such as whole tokens. By default, the answer itself.
        RETURNS (List[BestAnswer]): Best first. Empty if no piece covers a character.
        """
        found: List[BestAnswer] = []
        scores = self.scores
        while len(found) < top_k:
            tops = [float(part.max(initial=-numpy.inf)) for part in scores]
            w = int(numpy.argmax(tops))
            if tops[w] == -numpy.inf:
                break
            i, k = divmod(int(scores[w].argmax()), self.max_pieces)
            first = self.windows[w].start + i
            found.append(BestAnswer(first, first + k + 1, tops[w] / self.temperature - self._log_sum))
            if len(found) < top_k:
                taken = (first, first + k + 1) if grow is None else grow(first, first + k + 1)
                scores = [self._without(w, part, *taken) for w, part in enumerate(scores)]
        return found

    def _window_scores(self, w: int, starts: Ints1d) -> Floats2d:
        window = self.windows[w]
        n, size = len(window.logits), self.max_pieces
        if not n:
            return numpy.zeros((0, size))
        logits = window.logits.astype("float64")
        ends = numpy.concatenate([logits[:, 1], numpy.full(size - 1, -numpy.inf)])
        scores: Floats2d = logits[:, :1] + sliding_window_view(ends, size)
        before = numpy.concatenate([row_offsets(window.has_chars), numpy.full(size - 1, int(window.has_chars.sum()))])
        # before[i]: pieces with characters before piece i. An answer ends k + 1 pieces after its first one.
        is_blank = sliding_window_view(before[1:], size) == before[:n, None]
        scores[is_blank] = -numpy.inf
        if len(starts) > 1:
            scores[~self._owned(w, starts)] = -numpy.inf
        return scores

    def _owned(self, w: int, starts: Ints1d) -> Bools2d:
        """Return which answers this window shows with most context. Shape: (n_pieces, max_pieces)."""
        n, size = len(self.windows[w].logits), self.max_pieces
        first = numpy.repeat(numpy.arange(n), size)
        last = first + numpy.tile(numpy.arange(size), n)
        inside = last < n
        bounds = starts[w] + numpy.stack([first[inside], last[inside] + 1], axis=1)
        total = self.windows[-1].start + len(self.windows[-1].logits)
        owned = numpy.zeros(n * size, dtype=bool)
        owned[inside] = most_context(starts, bounds, total, n) == w
        return owned.reshape((n, size))

    def _without(self, w: int, scores: Floats2d, first: int, end: int) -> Floats2d:
        """Return scores with -inf for answers that overlap a range of the document's pieces."""
        start = self.windows[w].start
        if end <= start or first >= start + len(scores):
            return scores
        i: Any = numpy.arange(len(scores))[:, None] + start
        overlaps = (i < end) & (i + numpy.arange(1, self.max_pieces + 1) > first)
        return numpy.where(overlaps, -numpy.inf, scores)


def split_windows(
    logits: Floats2d, starts: Ints1d, context: Any, offsets: Any, piece_heads: Ints1d
) -> List[WindowLogits]:
    """Return the logits of the windows of one question.

    logits (Floats2d): Logits of all pieces of a batch. Shape: (n_pieces, 2).
    starts (Ints1d): The first piece of each of the question's windows within its document. Shape: (n_windows,).
    context (Ints2d): First piece and end of each window in its sequence. Shape: (n_windows, 2).
    offsets (Ints2d): Character bounds of all pieces. Shape: (n_pieces, 2).
    piece_heads (Ints1d): First piece of each of its sequences in the batch. Shape: (n_windows,).
    RETURNS (List[WindowLogits]): In text order.
    """
    found = []
    for start, (first, end), row in zip(starts.tolist(), context.tolist(), piece_heads.tolist(), strict=True):
        own = slice(row + first, row + end)
        has_chars = offsets[own, 1] > offsets[own, 0]
        found.append(WindowLogits(start, logits[own], float(logits[row].sum()), has_chars))
    return found
