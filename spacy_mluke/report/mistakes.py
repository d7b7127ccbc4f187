"""Examples of mistakes: what was wanted and what was found, as spans of a text."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, Iterator, List, Sequence

from spacy.tokens import Doc
from spacy.training import Example

from ..annotate.answers import get_asked
from ..annotate.fillers import get_masks, gold_masks
from ..annotate.relations import get_relations, has_relations
from ..scorers.cloze import gold_ranks
from ..scorers.groups import labelled_facts, relation_facts
from ..scorers.qa import compare_answers

Mistake = Dict[str, Any]
AROUND = 160  # characters of a long text on each side of what matters


def find_mistakes(task: str, examples: Sequence[Example], *, n: int, seed: int = 0) -> List[Mistake]:
    """Draw some mistakes of a system.

    task (str): One of `metrics.TASKS`.
    examples (Sequence[Example]): Predicted and reference documents.
    n (int): How many at most.
    seed (int): Of the draw.
    RETURNS (List[Mistake]): JSON objects: "text"; "gold" and "predicted", lists of {"start", "end", "label"}, places as
        characters; of relations also "arc", {"gold", "predicted"}; of questions "title".
    """
    drawn: List[Mistake] = []
    rng = random.Random(seed)
    # A reservoir: of however many mistakes, each is as likely to be kept.
    for i, mistake in enumerate(m for eg in examples for m in _FINDERS[task](eg)):
        if i < n:
            drawn.append(mistake)
        else:
            place = rng.randrange(i + 1)
            if place < n:
                drawn[place] = mistake
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
    yield _cut(eg.reference.text, ends, [], arc=arc)


def _names(eg: Example) -> Iterator[Mistake]:
    gold, predicted = labelled_facts(eg.reference.ents), labelled_facts(eg.predicted.ents)
    if gold != predicted:
        yield _cut(eg.reference.text, *([_span(*fact) for fact in sorted(side)] for side in (gold, predicted)))


def _answers(eg: Example) -> Iterator[Mistake]:
    for found in compare_answers(eg):
        if found.em == 1.0:
            continue
        gold = [_span(*answer.chars, "answer") for answer in found.gold[:1]]
        given = [_span(*found.best.chars, "answer")] if found.best is not None else []
        yield _cut(eg.reference.text, gold, given, title=found.question.text)


def _fillers(eg: Example) -> Iterator[Mistake]:
    for mask, rank in zip(gold_masks(eg.reference) or [], gold_ranks(eg), strict=True):
        if rank == 1:
            continue
        place = mask.start_char, mask.end_char
        best = [own.fillers for own in get_masks(eg.predicted) if (own.start_char, own.end_char) == place]
        gold = ", ".join(filler.text for filler in mask.fillers) or mask.text
        given = best[0][0].text if best and best[0] else ""
        yield _cut(eg.reference.text, [_span(*place, gold)], [_span(*place, given)])


def _links(eg: Example) -> Iterator[Mistake]:
    given = {(ent.start_char, ent.end_char): ent.kb_id_ for ent in eg.predicted.ents}
    for ent in eg.reference.ents:
        place = ent.start_char, ent.end_char
        if ent.kb_id_ and given.get(place) != ent.kb_id_:
            yield _cut(eg.reference.text, [_span(*place, ent.kb_id_)], [_span(*place, given.get(place, ""))])


_FINDERS: Dict[str, Callable[[Example], Iterator[Mistake]]] = {
    "relations": _relations,
    "ner": _names,
    "qa": _answers,
    "cloze": _fillers,
    "linking": _links,
}


def digest_of(doc: Doc) -> str:
    """All that a reference says about a document, as a text: systems are compared on the same references only.

    doc (Doc): The reference.
    RETURNS (str): Text and annotation.
    """
    answers = [(q.text, [answer.chars for answer in gold or []]) for q, gold in get_asked(doc)]
    masks = [(mask.start_char, mask.end_char, mask.kb_ids) for mask in gold_masks(doc) or []]
    ents = [(ent.start_char, ent.end_char, ent.label_, ent.kb_id_) for ent in doc.ents]
    return repr((doc.text, ents, sorted(relation_facts(doc)), answers, masks))


def _span(start: int, end: int, label: str) -> Dict[str, Any]:
    return {"start": start, "end": end, "label": label}


def _cut(text: str, gold: List[Dict[str, Any]], predicted: List[Dict[str, Any]], **more: Any) -> Mistake:
    """A mistake whose text is no longer than what shows it."""
    places = [span[key] for span in (*gold, *predicted) for key in ("start", "end")] or [0]
    start, end = max(0, min(places) - AROUND), min(len(text), max(places) + AROUND)
    # Not within a word.
    start = text.find(" ", start, min(places)) + 1 if start else 0
    end = text.rfind(" ", max(places), end) if end < len(text) else end
    end = end if end >= max(places) else min(len(text), max(places) + AROUND)
    moved = [[_span(s["start"] - start, s["end"] - start, s["label"]) for s in side] for side in (gold, predicted)]
    return {"text": text[start:end], "gold": moved[0], "predicted": moved[1], **more}
