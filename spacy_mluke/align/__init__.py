"""Doc and spans -> AlignedBatch. numpy only: nothing here imports torch."""

from .batch import align, align_marked, align_questions
from .pieces import Wordpieces, load_wordpieces

__all__ = ["Wordpieces", "align", "align_marked", "align_questions", "load_wordpieces"]
