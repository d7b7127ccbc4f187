"""Scorer of filled masks."""

from typing import Any, Callable, Dict, Iterable, List, Optional

from spacy.training import Example

from ..annotate.fillers import Filler, GoldMask, get_masks, gold_masks


def build_cloze_scorer_v1() -> Callable[..., Dict[str, Any]]:
    """Score `doc._.mluke_fillers`. Registered as `spacy-mluke.cloze_scorer.v1`.

    An entity is correct if the reference has it at that mask: as `kb_id_`, or in its `doc._.mluke_fillers`, which may
    name several entities for one mask. A word is correct if it equals the reference's text. A gold mask that the
    predicted document lacks counts as a miss. Examples without annotation are skipped.

    RETURNS (Callable): Examples -> cloze_p1 and cloze_p5 (fraction of masks whose best filler, or one of whose best
        five, is correct), cloze_mrr (mean of 1 / rank of the first correct filler, 0 if there is none). None without
        annotation.
    """
    return score_cloze


def score_cloze(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """Score filled masks; see `build_cloze_scorer_v1`.

    examples (Iterable[Example]): Predicted and reference documents.
    RETURNS (Dict[str, Any]): The scores.
    """
    ranks: List[Optional[int]] = []
    for eg in examples:
        ranks += gold_ranks(eg)
    if not ranks:
        return dict.fromkeys(["cloze_p1", "cloze_p5", "cloze_mrr"])
    found = [rank for rank in ranks if rank is not None]
    return {
        "cloze_p1": sum(rank == 1 for rank in found) / len(ranks),
        "cloze_p5": sum(rank <= 5 for rank in found) / len(ranks),
        "cloze_mrr": sum(1 / rank for rank in found) / len(ranks),
    }


def gold_ranks(eg: Example) -> List[Optional[int]]:
    """Return the rank of the first correct filler of each gold mask.

    eg (Example): Predicted and reference document.
    RETURNS (List[Optional[int]]): Ranks from 1; None where no filler is correct. Empty without annotation.
    """
    gold = gold_masks(eg.reference)
    if gold is None:
        return []
    masks = get_masks(eg.predicted)
    if eg.predicted.text == eg.reference.text:
        at = {(mask.start_char, mask.end_char): mask.fillers for mask in masks}
        fillers = [at.get((mask.start_char, mask.end_char), []) for mask in gold]
    else:
        # The reference's text has the masks filled in: masks are paired by order.
        fillers = [mask.fillers for mask in masks] if len(masks) == len(gold) else [[] for _ in gold]
    return [_rank(mask, own) for mask, own in zip(gold, fillers, strict=True)]


def _rank(gold: GoldMask, fillers: List[Filler]) -> Optional[int]:
    texts = {filler.text.casefold() for filler in gold.fillers} or {gold.text.casefold()}
    for rank, filler in enumerate(fillers, 1):
        if filler.entity:
            is_correct = filler.kb_id in gold.kb_ids or filler.entity in gold.kb_ids
        else:
            is_correct = filler.text.casefold() in texts
        if is_correct:
            return rank
    return None
