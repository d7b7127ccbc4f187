"""A document between spaCy and an annotation tool, and the errors of files that cannot be read."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span

from ..annotate.links import NIL
from ..annotate.relations import get_relations
from ..annotate.span_groups import spans_of
from ..errors import Errors

Bounds = Tuple[int, int]
Place = Tuple[int, int, str]  # first character, end and label of an entity
_WIKIDATA = re.compile(r"https?://(?:www\.|m\.)?wikidata\.org/(?:entity|wiki)/(Q[1-9][0-9]*)")
UNLABELLED = "MENTION"  # label in a tool of a head or tail that is no entity


@dataclass
class ToolEntity:
    """An entity, or the head or tail of a relation. Positions are characters, that is, Unicode code points."""

    start: int
    end: int
    label: str  # "" for a head or tail that is no entity
    kb_id: str = ""
    score: Optional[float] = None  # its probability


@dataclass
class ToolRelation:
    """A relation between two entities."""

    head: int  # index in the document's entities
    tail: int
    label: str
    score: float = 1.0  # its probability


@dataclass
class ToolDocument:
    """A text with what a tool shows of it."""

    text: str
    entities: List[ToolEntity] = field(default_factory=list)
    relations: List[ToolRelation] = field(default_factory=list)
    tokens: Optional[List[Bounds]] = None  # None: the tool does not know tokens
    id: str = ""
    sentences: Optional[List[int]] = None  # first character of each; None: not known


def read_doc(doc: Doc, *, spans_key: str, id: str = "") -> ToolDocument:
    """Collect the annotation of a document: `doc.ents`, the labelled spans of a group, and relations.

    doc (Doc): The document.
    spans_key (str): Key in `doc.spans` of a group with nested entities, and with probabilities in its
        `attrs["scores"]`. It may be missing.
    id (str): Id of the document in the tool.
    RETURNS (ToolDocument): The annotation. Spans that occur twice occur once.
    RAISES (ValueError): ML473 if an entity has the label that tools show for spans without one, ML413 if tokens were
        merged after the group was set.
    """
    group = spans_of(doc, spans_key)
    scores = doc.spans[spans_key].attrs.get("scores") if group else None
    score_of: Dict[Tuple[int, int, str], float] = {}
    if scores is not None and len(scores) == len(group):
        score_of = {_key(span): float(score) for span, score in zip(group, scores, strict=True)}
    found: Dict[Tuple[int, int, str], ToolEntity] = {}
    for span in [*doc.ents, *group]:
        key = _key(span)
        if span.label_ == UNLABELLED:
            raise ValueError(Errors.ML473.format(label=UNLABELLED, text=span.text[:50]))
        if span.label_ and len(span) and key not in found:
            found[key] = ToolEntity(*key, kb_id=span.kb_id_, score=score_of.get(key))
    entities = list(found.values())
    places: Dict[Bounds, int] = {}
    for i, entity in enumerate(entities):
        places.setdefault((entity.start, entity.end), i)
    relations = []
    for relation in get_relations(doc):
        ends = []
        for span in (relation.head, relation.tail):
            place = (span.start_char, span.end_char)
            if place not in places:
                places[place] = len(entities)
                entities.append(ToolEntity(*place, label=""))
            ends.append(places[place])
        relations.append(ToolRelation(ends[0], ends[1], relation.label, relation.score))
    tokens = [(token.idx, token.idx + len(token)) for token in doc]
    sentences = [sentence.start_char for sentence in doc.sents] if doc.has_annotation("SENT_START") else None
    return ToolDocument(doc.text, entities, relations, tokens, id, sentences)


@contextlib.contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn errors of a value that is not as expected into a coded error.

    place (str): File and line, for the message.
    RAISES (ValueError): ML470.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if str(error).startswith("[ML"):
            raise
        raise unreadable(place, f"{type(error).__name__}: {error}") from error


def unreadable(place: str, reason: str) -> ValueError:
    """Return the error of a file, or a part of it, that cannot be read.

    place (str): File and line.
    reason (str): What is wrong.
    RETURNS (ValueError): ML470.
    """
    return ValueError(Errors.ML470.format(place=place, reason=reason))


def checked_bounds(place: str, start: object, end: object, text: str) -> Bounds:
    """Check the bounds of a part of a text.

    place (str): File and line, for the message.
    start (object): First character.
    end (object): End.
    text (str): The text.
    RETURNS (Bounds): First character and end.
    RAISES (ValueError): ML470 if they are not.
    """
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= len(text)):
        raise unreadable(place, f"{start!r} to {end!r} is not a part of a text of {len(text)} characters")
    return start, end


def tool_label(label: str) -> str:
    """Return the label that tools show for an entity's label."""
    return label or UNLABELLED


def own_label(label: str) -> str:
    """Return the label of an entity whose label in a tool is `label`: "" for a span without one."""
    return "" if label == UNLABELLED else label


def own_kb_id(kb_id: str) -> str:
    """Return the id of an entity in a knowledge base: of an address of Wikidata, as INCEpTION writes it and as people
    paste it, the id.

    kb_id (str): What the tool has.
    RETURNS (str): The id.
    """
    found = _WIKIDATA.fullmatch(kb_id)
    return found[1] if found else kb_id


def tool_kb_id(kb_id: str) -> str:
    """Return the id that tools show for an entity: none for an entity that is not in the knowledge base ("NIL").

    kb_id (str): Id of the entity.
    RETURNS (str): What the tool shows.
    """
    return "" if kb_id == NIL else kb_id


def nil_places(entities: Iterable[ToolEntity]) -> List[Place]:
    """Return which entities are not in the knowledge base. Files keep this beside the annotation.

    entities (Iterable[ToolEntity]): The entities.
    RETURNS (List[Place]): First character, end and label of each.
    """
    return [(entity.start, entity.end, entity.label) for entity in entities if entity.kb_id == NIL]


def restore_nil(entities: Iterable[ToolEntity], text: str, places: Iterable[Sequence[Any]]) -> None:
    """Mark the entities that were exported as not in the knowledge base, unless an annotator has entered an id.

    entities (Iterable[ToolEntity]): The entities that were read, changed in place.
    text (str): Their text.
    places (Iterable[Sequence[Any]]): As from `nil_places`. Where no entity is at such a place any more, label and
        whitespace at the ends do not matter: annotators change labels, and some tools cannot have the whitespace.
    """
    exact = {(int(start), int(end), str(label)) for start, end, label in places}
    found = [entity for entity in entities if entity.label]
    changed = exact - {(entity.start, entity.end, entity.label) for entity in found}
    bounds = {stripped(text, start, end) for start, end, _ in changed}
    for entity in found:
        is_nil = (entity.start, entity.end, entity.label) in exact or stripped(text, entity.start, entity.end) in bounds
        if is_nil and not entity.kb_id:
            entity.kb_id = NIL


def stripped(text: str, start: int, end: int) -> Bounds:
    """Return the bounds of a part of a text without whitespace at its ends.

    text (str): The text.
    start (int): First character.
    end (int): End.
    RETURNS (Bounds): First character and end; they are equal if the part is only whitespace.
    """
    selected = text[start:end]
    start += len(selected) - len(selected.lstrip())
    return start, start + len(selected.strip())


def listed(counts: Counter[str]) -> str:
    """Return counts as text, for a warning: the largest first.

    counts (Counter[str]): Counts by what is counted.
    RETURNS (str): "3 entities moved, 1 relation skipped".
    """
    return "; ".join(f"{what}: {n:,}" for what, n in counts.most_common() if n)


def _key(span: Span) -> Tuple[int, int, str]:
    return span.start_char, span.end_char, span.label_
