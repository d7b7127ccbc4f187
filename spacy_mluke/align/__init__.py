"""Align documents and spans with wordpieces. NumPy only: nothing here imports torch, and spaCy is imported for types
alone, so that exported models (`onnx/`) are run with the same alignment.

    doc          Tokyo | is | big           span (0, 1)
    pieces       <s> ▁Tokyo ▁is ▁big </s>   entity [MASK] on pieces (1, 2), counted from <s>
    piece_rows   0   1      2   3    4      one row of states for each piece
    tokens       (1, 2) (2, 3) (3, 4)       ranges of piece_rows

`align` encodes documents, `align_marked` a text with markers for each span or pair of spans, `align_questions` a
question and a document as one sequence. Each returns an `AlignedBatch`: the sequences that the encoder reads, their
entities, and where the tokens and spans of each document are in them.
"""

from .documents import align
from .marked import align_marked
from .questions import align_questions

__all__ = ["align", "align_marked", "align_questions"]
