"""Masks whose filler is known: what `mluke_cloze` learns from."""

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
    """Documents with masks, and what belongs there."""

    docs: List[Doc] = field(default_factory=list)  # whose text it is
    places: List[List[Tuple[int, int]]] = field(default_factory=list)  # of each text, in order
    kb_ids: List[str] = field(default_factory=list)  # of each mask of all texts; "" where it is not known
    n_gold: int = 0
    n_missed: int = 0  # entities that stand nowhere in the predicted document


def collect_clozes(examples: Iterable[Example], marker: str) -> GoldClozes:
    """Make the clozes of examples.

    A predicted document with masks is one cloze. In one without, each entity that has a kb_id is masked by itself, in a
    text where all others stand: the mask sees what it sees in prediction.

    examples (Iterable[Example]): The examples; those without annotation are left out.
    marker (str): What stands for a mask.
    RETURNS (GoldClozes): The clozes.
    """
    clozes = GoldClozes()
    for eg in examples:
        gold = [mask for mask in gold_masks(eg.reference) or [] if mask.kb_ids]
        clozes.n_gold += len(gold)
        # Texts are put together from tokens each time they are asked for.
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
    """The entities of examples, with the names that they have there.

    Names come from `doc._.mluke_fillers` of the references, whose entities say their language ("de:Tokio"), else from
    the text, in the language of the pipeline.

    examples (Iterable[Example]): The examples.
    lang (str): That language.
    RETURNS (List[NewEntity]): By key; of several names in a language, the most frequent is the title.
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
    """Keys of right entities, and what they are called: language and name."""
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
    """Gold masks by their place in a predicted document that has masks; `is_same` if the reference has its text."""
    if is_same:
        places = {(mask.start_char, mask.end_char): mask for mask in gold}
        return {place: places[place] for place in markers if place in places}
    # The reference is filled: masks are in its order.
    return dict(zip(markers, gold, strict=True)) if len(markers) == len(gold) else {}


def _in_predicted(eg: Example, mask: GoldMask) -> Optional[Tuple[int, int]]:
    span = eg.reference.char_span(mask.start_char, mask.end_char)
    spans: List[Span] = eg.get_aligned_spans_y2x([span], allow_overlap=True) if span is not None else []
    return (spans[0].start_char, spans[0].end_char) if len(spans) == 1 else None
