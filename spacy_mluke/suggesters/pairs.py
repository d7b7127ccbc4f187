"""Propose the pairs of entities that may have a relation."""

from functools import partial
from typing import Any, Iterable, List, Optional, Protocol, Sequence, Set, Tuple

import numpy
from spacy.tokens import Doc

from ..errors import Errors, check_at_least, check_choice, check_flag
from ..types import Ints3d

ORDERS = ("both", "text")


class PairGenerator(Protocol):
    """The type of pair generators."""

    def __call__(self, docs: Iterable[Doc]) -> List[Ints3d]: ...


def build_entity_pairs_v1(
    order: str = "both",
    same_sentence: bool = True,
    max_distance: Optional[int] = None,
    labels: Optional[List[List[str]]] = None,
) -> PairGenerator:
    """Propose ordered pairs of `doc.ents`. Registered as `spacy-mluke.entity_pairs.v1`.

    order (str): "both": every ordered pair. "text": only pairs whose head precedes the tail in the text, for models
        whose labels name the direction, such as models trained on KBP37.
    same_sentence (bool): Only pairs within a sentence, in documents with sentence boundaries.
    max_distance (Optional[int]): Maximum number of tokens between the two entities. None for no limit; the number of
        pairs then grows with the square of the number of entities.
    labels (Optional[List[List[str]]]): Allowed labels of (head, tail), such as [["ORG", "LOC"]]. None for any labels.
    RETURNS (PairGenerator): Returns token bounds of pairs for each document. Shape of each: (n_pairs, 2, 2), int32.
    RAISES (ValueError): ML070 for an unknown order, ML071 for a negative distance, ML089 if `labels` is not a list of
        pairs.
    """
    check_choice("order", order, ORDERS)
    check_flag("same_sentence", same_sentence)
    check_at_least("max_distance", max_distance, 0, optional=True)
    allowed: Optional[Set[Tuple[str, ...]]] = None
    if labels is not None:
        if not isinstance(labels, (list, tuple)) or not all(map(_is_pair, labels)):
            raise ValueError(Errors.ML089.format(found=labels))
        allowed = {tuple(pair) for pair in labels}
    return partial(propose_pairs, order=order, same_sentence=same_sentence, max_distance=max_distance, allowed=allowed)


def _is_pair(value: Any) -> bool:
    is_list = isinstance(value, (list, tuple)) and len(value) == 2
    return is_list and all(isinstance(label, str) for label in value)


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
