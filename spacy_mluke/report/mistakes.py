"""Examples of mistakes: gold and predicted annotations, as spans of a text."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, Iterator, List, Sequence

from spacy.tokens import Doc
from spacy.training import Example

from ..annotate.answers import get_question_answers
from ..annotate.fillers import get_masks, gold_masks
from ..annotate.relations import get_relations, has_relations
from ..scorers.cloze import gold_ranks
from ..scorers.groups import labelled_facts, relation_facts
from ..scorers.qa import compare_answers

Mistake = Dict[str, Any]
CONTEXT = 160  # characters of a long text on each side of the spans


def find_mistakes(task: str, examples: Sequence[Example], *, n: int, seed: int = 0) -> List[Mistake]:
    """Return a random selection of a system's mistakes.

    task (str): One of `metrics.TASKS`.
    examples (Sequence[Example]): Predicted and reference documents.
    n (int): Maximum number of mistakes.
    seed (int): Seed of the selection.
    RETURNS (List[Mistake]): JSON objects: "text"; "gold" and "predicted", lists of {"start", "end", "label"} with
        character offsets; for relations also "arc", {"gold", "predicted"}; for questions also "title".
    """
    drawn: List[Mistake] = []
    rng = random.Random(seed)
    # Reservoir sampling: every mistake has the same probability.
    for i, mistake in enumerate(m for eg in examples for m in _FINDERS[task](eg)):
        if i < n:
            drawn.append(mistake)
        else:
            position = rng.randrange(i + 1)
            if position < n:
                drawn[position] = mistake
    return drawn


def _relations(eg: Example) -> Iterator[Mistake]:
    if not has_relations(eg.reference) or relation_facts(eg.predicted) == relation_facts(eg.reference):
        return
    relations = {"gold": get_relations(eg.reference), "predicted": get_relations(eg.predicted)}
    first = next(relation for own in relations.values() for relation in own)
    ends = [
        _span(span.start_char, span.end_char, label) for span, label in ((first.head, "head"), (first.tail, "tail"))
    ]
    arc = {side: ", ".join(relation.label for relation in own) for side, own in relations.items()}
    yield _shorten(eg.reference.text, ends, [], arc=arc)


def _entities(eg: Example) -> Iterator[Mistake]:
    gold, predicted = labelled_facts(eg.reference.ents), labelled_facts(eg.predicted.ents)
    if gold != predicted:
        yield _shorten(eg.reference.text, *([_span(*fact) for fact in sorted(side)] for side in (gold, predicted)))


def _answers(eg: Example) -> Iterator[Mistake]:
    for found in compare_answers(eg):
        if found.em == 1.0:
            continue
        gold = [_span(*answer.chars, "answer") for answer in found.gold[:1]]
        predicted = [_span(*found.best.chars, "answer")] if found.best is not None else []
        yield _shorten(eg.reference.text, gold, predicted, title=found.question.text)


def _fillers(eg: Example) -> Iterator[Mistake]:
    for mask, rank in zip(gold_masks(eg.reference) or [], gold_ranks(eg), strict=True):
        if rank == 1:
            continue
        bounds = mask.start_char, mask.end_char
        best = [own.fillers for own in get_masks(eg.predicted) if (own.start_char, own.end_char) == bounds]
        gold = ", ".join(filler.text for filler in mask.fillers) or mask.text
        predicted = best[0][0].text if best and best[0] else ""
        yield _shorten(eg.reference.text, [_span(*bounds, gold)], [_span(*bounds, predicted)])


def _links(eg: Example) -> Iterator[Mistake]:
    ids = {(ent.start_char, ent.end_char): ent.kb_id_ for ent in eg.predicted.ents}
    for ent in eg.reference.ents:
        bounds = ent.start_char, ent.end_char
        if ent.kb_id_ and ids.get(bounds) != ent.kb_id_:
            yield _shorten(eg.reference.text, [_span(*bounds, ent.kb_id_)], [_span(*bounds, ids.get(bounds, ""))])


_FINDERS: Dict[str, Callable[[Example], Iterator[Mistake]]] = {
    "relations": _relations,
    "ner": _entities,
    "qa": _answers,
    "cloze": _fillers,
    "linking": _links,
}


def digest_of(doc: Doc) -> str:
    """Return the annotation of a reference as a text, to check that systems were run on the same references.

    doc (Doc): The reference.
    RETURNS (str): Text and annotation.
    """
    answers = [(q.text, [answer.chars for answer in gold or []]) for q, gold in get_question_answers(doc)]
    masks = [(mask.start_char, mask.end_char, mask.kb_ids) for mask in gold_masks(doc) or []]
    ents = [(ent.start_char, ent.end_char, ent.label_, ent.kb_id_) for ent in doc.ents]
    return repr((doc.text, ents, sorted(relation_facts(doc)), answers, masks))


def _span(start: int, end: int, label: str) -> Dict[str, Any]:
    return {"start": start, "end": end, "label": label}


def _shorten(text: str, gold: List[Dict[str, Any]], predicted: List[Dict[str, Any]], **more: Any) -> Mistake:
    """Return a mistake with its text shortened to the context of the spans."""
    offsets = [span[key] for span in (*gold, *predicted) for key in ("start", "end")] or [0]
    first, last = min(offsets), max(offsets)
    start, end = max(0, first - CONTEXT), min(len(text), last + CONTEXT)
    # Shorten at spaces, if there are any.
    start = text.find(" ", start, first) + 1 if start else 0
    end = text.rfind(" ", last, end) if end < len(text) else end
    end = end if end >= last else min(len(text), last + CONTEXT)
    moved = [[_span(s["start"] - start, s["end"] - start, s["label"]) for s in side] for side in (gold, predicted)]
    return {"text": text[start:end], "gold": moved[0], "predicted": moved[1], **more}
