"""Propose the pairs of entities that may have a relation."""

from functools import partial
from typing import Any, Iterable, List, Optional, Protocol, Set, Tuple

from spacy.tokens import Doc

from ..errors import Errors, check_at_least, check_choice, check_flag
from ..types import Ints3d
from .pair_spans import propose_pairs

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
