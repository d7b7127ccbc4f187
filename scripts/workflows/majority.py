"""A baseline that predicts the most frequent label of the training data."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Callable, Dict, Iterable, List

from spacy.tokens import Doc, Span

from spacy_mluke.annotate.fillers import Filler, find_markers, set_fillers
from spacy_mluke.annotate.relations import Relation, get_relations, set_relations
from spacy_mluke.training.kbp37 import NO_RELATION

Guess = Callable[[Doc], None]


def guess_by(task: str, train: Iterable[Doc]) -> Guess:
    """Return a function that annotates a document with the most frequent label.

    task (str): "relations", "cloze" or "linking".
    train (Iterable[Doc]): The training data.
    RETURNS (Guess): Annotates a document in place.
    """
    return _MAKERS[task](train)


def _relations(train: Iterable[Doc]) -> Guess:
    labels: Counter[str] = Counter(relation.label for doc in train for relation in get_relations(doc))
    return partial(relate, label=labels.most_common(1)[0][0])


def relate(doc: Doc, label: str) -> None:
    """Set the relation between the two entities of a document.

    doc (Doc): The document; without two entities, it gets no relation.
    label (str): The relation, or the negative class.
    """
    ents = doc.ents
    is_one = len(ents) == 2 and label != NO_RELATION
    set_relations(doc, [Relation(ents[0], ents[1], label)] if is_one else [])


def _fillers(train: Iterable[Doc]) -> Guess:
    ids: Counter[str] = Counter(ent.kb_id_ for doc in train for ent in doc.ents)
    frequent: List[Filler] = [Filler(kb_id, kb_id, kb_id=kb_id) for kb_id, _ in ids.most_common(5)]
    return partial(_fill, fillers=frequent)


def _fill(doc: Doc, fillers: List[Filler]) -> None:
    places = find_markers(doc.text)
    set_fillers(doc, [fillers for _ in places], places)


def _links(train: Iterable[Doc]) -> Guess:
    ids: Dict[str, Counter[str]] = {}
    for doc in train:
        for ent in doc.ents:
            ids.setdefault(ent.text.casefold(), Counter())[ent.kb_id_] += 1
    return partial(_link, ids={name: found.most_common(1)[0][0] for name, found in ids.items()})


def _link(doc: Doc, ids: Dict[str, str]) -> None:
    ents = [(ent.start, ent.end, ent.label_, ids.get(ent.text.casefold(), "")) for ent in doc.ents]
    doc.ents = [Span(doc, start, end, label=label, kb_id=kb_id) for start, end, label, kb_id in ents]


_MAKERS: Dict[str, Callable[[Iterable[Doc]], Guess]] = {"relations": _relations, "cloze": _fillers, "linking": _links}
