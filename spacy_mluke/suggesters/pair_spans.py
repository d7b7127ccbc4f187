"""Ordered pairs of the entities of documents. Without spaCy: exported models (`onnx/`) use it, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Optional, Sequence, Set, Tuple

import numpy

from ..types import Ints3d

if TYPE_CHECKING:
    from spacy.tokens import Doc


def propose_pairs(
    docs: Iterable[Doc],
    *,
    order: str,
    same_sentence: bool,
    max_distance: Optional[int],
    allowed: Optional[Set[Tuple[str, ...]]],
) -> List[Ints3d]:
    """Propose ordered pairs of entities. See `build_entity_pairs_v1`.

    docs (Iterable[Doc]): The documents.
    order (str): "both" or "text".
    same_sentence (bool): Only pairs within a sentence.
    max_distance (Optional[int]): Maximum number of tokens between the two entities.
    allowed (Optional[Set[Tuple[str, ...]]]): Allowed labels of (head, tail); None for any labels.
    RETURNS (List[Ints3d]): Token bounds. Shape of each: (n_pairs, 2, 2), int32.
    """
    return [_pairs(doc, order, same_sentence, max_distance, allowed) for doc in docs]


def _pairs(
    doc: Doc, order: str, same_sentence: bool, max_distance: Optional[int], allowed: Optional[Set[Tuple[str, ...]]]
) -> Ints3d:
    ents = doc.ents
    bounds = numpy.asarray([(ent.start, ent.end) for ent in ents], dtype="int32").reshape((-1, 2))
    starts, ends = bounds[:, 0], bounds[:, 1]
    possible = ~numpy.eye(len(bounds), dtype=bool)
    if order == "text":
        possible = numpy.triu(possible)
    if same_sentence and doc.has_annotation("SENT_START"):
        # An entity that crosses a sentence boundary belongs to the sentence that it starts in.
        sentences = _sentence_numbers(doc)[starts]
        possible &= sentences[:, None] == sentences[None, :]
    if max_distance is not None:
        between = numpy.maximum(starts[:, None], starts[None, :]) - numpy.minimum(ends[:, None], ends[None, :])
        possible &= between <= max_distance
    heads, tails = numpy.nonzero(possible)
    if allowed is not None:
        names = [ent.label_ for ent in ents]
        kept = [(names[head], names[tail]) in allowed for head, tail in zip(heads, tails, strict=True)]
        heads, tails = heads[kept], tails[kept]
    return numpy.stack([bounds[heads], bounds[tails]], axis=1)


def _sentence_numbers(doc: Doc) -> Any:
    """Return the number of each token's sentence. Shape: (n_tokens,)."""
    starts_sentence: Sequence[bool] = [bool(token.is_sent_start) for token in doc]
    return numpy.cumsum(numpy.asarray(starts_sentence, dtype="int64"))
