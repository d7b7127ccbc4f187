"""Make training examples of `mluke_cloze`: texts with masks whose fillers are annotated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span
from spacy.training import Example

from ...annotate.fillers import GoldMask, find_markers, gold_masks
from ...vocabulary.entity_names import NewEntity, split_name


@dataclass
class GoldClozes:
    """Documents with masks and their gold entities."""

    docs: List[Doc] = field(default_factory=list)
    places: List[List[Tuple[int, int]]] = field(default_factory=list)  # masks of each document, in order
    kb_ids: List[str] = field(default_factory=list)  # entity of each mask of all documents; "" if it is not known
    n_gold: int = 0
    n_missed: int = 0  # gold entities that are not in the predicted document


def collect_clozes(examples: Iterable[Example], marker: str) -> GoldClozes:
    """Make the clozes of examples.

    A predicted document with masks is one cloze. A document without masks gives one cloze for each entity with a kb_id:
    only this entity is masked, so that the context is the same as in prediction.

    examples (Iterable[Example]): The examples; those without annotation are skipped.
    marker (str): The string that marks a mask.
    RETURNS (GoldClozes): The clozes.
    """
    clozes = GoldClozes()
    for eg in examples:
        gold = [mask for mask in gold_masks(eg.reference) or [] if mask.kb_ids]
        clozes.n_gold += len(gold)
        # `Doc.text` is computed from the tokens at each access.
        text = eg.predicted.text
        is_same = text == eg.reference.text
        markers = find_markers(text, marker)
        if markers:
            known = _match(gold, markers, is_same)
            clozes.n_missed += len(gold) - len(known)
            if known:
                clozes.docs.append(eg.predicted)
                clozes.places.append(markers)
                clozes.kb_ids += [known[place].kb_ids[0] if place in known else "" for place in markers]
            continue
        for mask in gold:
            place = (mask.start_char, mask.end_char) if is_same else _in_predicted(eg, mask)
            if place is None:
                clozes.n_missed += 1
                continue
            clozes.docs.append(eg.predicted)
            clozes.places.append([place])
            clozes.kb_ids.append(mask.kb_ids[0])
    return clozes


def collect_entities(examples: Iterable[Example], lang: str) -> List[NewEntity]:
    """Collect the entities of examples with their names.

    Names come from `doc._.mluke_fillers` of the references, where an entity has its language ("de:Tokio"); otherwise
    from the text, in the pipeline's language.

    examples (Iterable[Example]): The examples.
    lang (str): The pipeline's language.
    RETURNS (List[NewEntity]): Entities by key. The most frequent name in a language is the title.
    """
    names: Dict[str, Dict[str, Counter]] = {}
    for eg in examples:
        for mask in gold_masks(eg.reference) or []:
            for key, own_lang, name in _named(mask, lang):
                names.setdefault(key, {}).setdefault(own_lang, Counter())[name] += 1
    return [
        NewEntity(key, {own: [name for name, _ in counts.most_common()] for own, counts in sorted(found.items())})
        for key, found in sorted(names.items())
    ]


def _named(mask: GoldMask, lang: str) -> List[Tuple[str, str, str]]:
    """Return key, language and name of the mask's gold entities."""
    found = []
    for filler in mask.fillers:
        own_lang, title = split_name(filler.entity)
        if filler.kb_id or filler.entity:
            found.append((filler.kb_id or filler.entity, own_lang or lang, title or filler.text))
    known = {key for key, _, _ in found}
    named = [(key, lang, mask.text) for key in mask.kb_ids if key not in known]
    return [(key, own, name) for key, own, name in [*found, *named] if name.strip()]


def _match(
    gold: Sequence[GoldMask], markers: Sequence[Tuple[int, int]], is_same: bool
) -> Dict[Tuple[int, int], GoldMask]:
    """Return gold masks by their position in a predicted document with masks. `is_same`: the reference has the same
    text."""
    if is_same:
        places = {(mask.start_char, mask.end_char): mask for mask in gold}
        return {place: places[place] for place in markers if place in places}
    # The reference's text has the masks filled in: masks are paired by order.
    return dict(zip(markers, gold, strict=True)) if len(markers) == len(gold) else {}


def _in_predicted(eg: Example, mask: GoldMask) -> Optional[Tuple[int, int]]:
    span = eg.reference.char_span(mask.start_char, mask.end_char)
    spans: List[Span] = eg.get_aligned_spans_y2x([span], allow_overlap=True) if span is not None else []
    return (spans[0].start_char, spans[0].end_char) if len(spans) == 1 else None
