"""Scorer of named entities, for gold documents whose annotators marked some of the labels."""

from typing import Any, Callable, Dict, Iterable, List

from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..annotate.named_entities import copy_with_entities
from .groups import labelled_facts


def build_ner_scorer_v1() -> Callable[..., Dict[str, Any]]:
    """Score `doc.ents`. Registered as `spacy-mluke.ner_scorer.v1`.

    A prediction is correct if span and label are correct. Scores are those of `spacy.ner_scorer.v1`, except for gold
    documents with a list of labels in `doc._.mluke_annotated_labels`: predicted entities with other labels are neither
    right nor wrong, unless they are gold entities.

    RETURNS (Callable): Examples -> ents_p, ents_r, ents_f, ents_per_type; None without gold annotation.
    """
    return score_entities


def score_entities(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """Score named entities; see `build_ner_scorer_v1`.

    examples (Iterable[Example]): Predicted and reference documents.
    RETURNS (Dict[str, Any]): The scores.
    """
    return get_ner_prf(map(_counted_example, examples), **kwargs)


def counted_spans(spans: Iterable[Span], reference: Doc, gold: Iterable[Span]) -> List[Span]:
    """Return the predicted spans that are right or wrong. Those with a label that the annotators did not mark are
    neither.

    spans (Iterable[Span]): Predicted spans.
    reference (Doc): The gold document.
    gold (Iterable[Span]): Its gold spans: a prediction that is one of them counts in any case.
    RETURNS (List[Span]): The spans that count.
    """
    annotated = reference._.mluke_annotated_labels if reference.has_extension("mluke_annotated_labels") else None
    if annotated is None:
        return list(spans)
    facts = labelled_facts(gold)
    return [span for span in spans if span.label_ in annotated or labelled_facts([span]) <= facts]


def _counted_example(eg: Example) -> Example:
    """Return the example, without the predicted entities that do not count."""
    predicted = eg.predicted
    counted = counted_spans(predicted.ents, eg.reference, eg.reference.ents)
    if len(counted) == len(predicted.ents):
        return eg
    return Example(copy_with_entities(predicted, counted), eg.reference)
