"""Judge predictions with their probabilities: which ones are right, for reliability tables and thresholds."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from spacy.tokens import Span
from spacy.training import Example

from ..annotate.relations import get_relations, has_relations
from .groups import labelled_facts, relation_fact, relation_facts
from .ner import counted_spans
from .qa import compare_answers


class Judged(NamedTuple):
    """The predictions for one document that are right or wrong."""

    found: List[Tuple[float, bool]]  # probability of each prediction, and whether it is right
    n_gold: int  # number of gold annotations


NOTHING = Judged([], 0)


def judge_entities(eg: Example, gold: Optional[Sequence[Span]], spans_key: str) -> Judged:
    """Judge named entities, by bounds and label.

    eg (Example): Predicted and reference document.
    gold (Optional[Sequence[Span]]): Gold entities of the reference; None if it is not annotated.
    spans_key (str): Key in `doc.spans` of the predicted group, with the probabilities in its `attrs["scores"]`.
    RETURNS (Judged): The entities, without those on tokens without annotation, and those with a label that the
        annotators did not mark.
    """
    if gold is None:
        return NOTHING
    facts = labelled_facts(gold)
    scored = _scored_spans(eg, spans_key)
    found = []
    for span in counted_spans(scored, eg.reference, gold):
        is_right = labelled_facts([span]) <= facts
        if is_right or not _is_unknown(eg, span):
            found.append((scored[span], is_right))
    return Judged(found, len(facts))


def judge_types(eg: Example, gold: Optional[Sequence[Span]], spans_key: str) -> Judged:
    """Judge the types of entities, by bounds and label.

    eg (Example): Predicted and reference document.
    gold (Optional[Sequence[Span]]): Gold types of the reference; None if it is not annotated.
    spans_key (str): As for `judge_entities`.
    RETURNS (Judged): The types.
    """
    if gold is None:
        return NOTHING
    facts = labelled_facts(gold)
    found = [(score, labelled_facts([span]) <= facts) for span, score in _scored_spans(eg, spans_key).items()]
    return Judged(found, len(facts))


def judge_relations(eg: Example) -> Judged:
    """Judge `doc._.mluke_relations`, by the bounds of head and tail and by label.

    eg (Example): Predicted and reference document.
    RETURNS (Judged): The relations.
    """
    if not has_relations(eg.reference):
        return NOTHING
    gold = relation_facts(eg.reference)
    found = [(float(relation.score), relation_fact(relation) in gold) for relation in get_relations(eg.predicted)]
    return Judged(found, len(gold))


def judge_links(eg: Example, *, nil: str) -> Judged:
    """Judge the links of mentions that have a gold link, which may be NIL.

    eg (Example): Predicted and reference document.
    nil (str): The id of mentions without an entity.
    RETURNS (Judged): The predicted links, without NIL.
    """
    gold = {(ent.start_char, ent.end_char): ent.kb_id_ for ent in eg.reference.ents if ent.kb_id_}
    found = []
    for ent in eg.predicted.ents:
        wanted = gold.get((ent.start_char, ent.end_char))
        if wanted is not None and ent.kb_id_ and ent.kb_id_ != nil:
            scores = {candidate.entity: candidate.score for candidate in ent._.mluke_candidates}
            if ent.kb_id_ in scores:
                found.append((float(scores[ent.kb_id_]), ent.kb_id_ == wanted))
    return Judged(found, sum(kb_id != nil for kb_id in gold.values()))


def judge_answers(eg: Example) -> Judged:
    """Judge the best answer to each annotated question: is its text that of a gold answer?

    eg (Example): Predicted and reference document.
    RETURNS (Judged): The answers. Questions without an answer have no gold answer.
    """
    compared = list(compare_answers(eg))
    found = [(float(own.best.score), own.has_answer and own.em == 1.0) for own in compared if own.best is not None]
    return Judged(found, sum(own.has_answer for own in compared))


def _scored_spans(eg: Example, spans_key: str) -> Dict[Span, float]:
    """Predicted spans and their probabilities. Spans compare equal by bounds and label."""
    if spans_key not in eg.predicted.spans:
        return {}
    group = eg.predicted.spans[spans_key]
    return {span: float(score) for span, score in zip(group, group.attrs["scores"], strict=True)}


def _is_unknown(eg: Example, span: Span) -> bool:
    """Whether a token of the reference under a predicted span is not annotated, where others are."""
    tokens = eg.alignment.x2y[span.start : span.end]
    is_annotated = eg.reference.has_annotation("ENT_IOB")
    return is_annotated and any(eg.reference[int(token)].ent_iob == 0 for token in tokens)
