"""Doc and spans -> AlignedBatch. numpy only: nothing here imports torch."""

from ..tokenization.wordpieces import Wordpieces, load_wordpieces
from .batch import align, align_marked, align_questions

__all__ = ["Wordpieces", "align", "align_marked", "align_questions", "load_wordpieces"]
