"""What is drawn: a text with its mentions and facts, read from a Doc or from the JSON of the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span

from ..annotate.entity_types import get_types
from ..annotate.relations import get_relations
from ..annotate.span_groups import spans_of
from ..annotate.states import EntityStates
from ..types import Floats1d, Floats2d
from .text_direction import direction_of

NIL = "NIL"
MIN_TYPE = 0.5  # minimum probability of a type that is shown
Names = Callable[[str], Optional[str]]


@dataclass(frozen=True)
class Mention:
    """A span of the text that is marked."""

    start: int  # first character
    end: int
    label: str = ""
    kb_id: str = ""  # its entity's id; "" if it is not linked
    name: str = ""  # its entity's name
    score: Optional[float] = None  # its probability
    types: Tuple[Tuple[str, Optional[float]], ...] = ()  # label and probability of each type

    @property
    def is_linked(self) -> bool:
        return self.kb_id not in ("", NIL)


@dataclass(frozen=True)
class Fact:
    """A relation between two mentions."""

    head: int  # number of the mention
    tail: int
    label: str
    score: Optional[float] = None
    property: str = ""  # its Wikidata property


@dataclass(frozen=True)
class AnnotatedText:
    """A text with mentions, facts and, for some mentions, vectors. Offsets are in characters."""

    text: str
    mentions: Sequence[Mention] = ()
    facts: Sequence[Fact] = ()
    lang: str = ""
    vectors: Mapping[int, Floats1d] = field(default_factory=dict)  # by number of the mention
    # Cosines of the mentions' vectors, if these are not given: (n_mentions, n_mentions), NaN where there is none.
    cosines: Optional[Floats2d] = None

    @property
    def direction(self) -> str:
        """The direction of the text, "ltr" or "rtl"."""
        return direction_of(self.text, self.lang)

    def string(self, number: int) -> str:
        """Return the text of a mention.

        number (int): Its number.
        RETURNS (str): Its text, on one line.
        """
        mention = self.mentions[number]
        return " ".join(self.text[mention.start : mention.end].split())

    def visible(self) -> List[int]:
        """Return the mentions that can be marked side by side: of overlapping ones the first, the longest.

        RETURNS (List[int]): Numbers of the mentions, in text order.
        """
        found: List[int] = []
        end = 0
        for i in sorted(range(len(self.mentions)), key=self._position):
            if self.mentions[i].start >= end and self.string(i):
                found.append(i)
                end = self.mentions[i].end
        return found

    def _position(self, number: int) -> Tuple[int, int]:
        return self.mentions[number].start, -self.mentions[number].end


def read_doc(doc: Doc, names: Optional[Names] = None) -> AnnotatedText:
    """Read the annotation of a document.

    doc (Doc): The document.
    names (Optional[Callable[[str], Optional[str]]]): Function that returns the name of an entity id, or None.
    RETURNS (AnnotatedText): Its entities, and the heads and tails of its relations, as mentions.
    """
    relations = get_relations(doc)
    spans: Dict[Tuple[int, int], Span] = {(ent.start, ent.end): ent for ent in doc.ents}
    for relation in relations:
        for span in (relation.head, relation.tail):
            spans.setdefault((span.start, span.end), span)
    numbers = {bounds: i for i, bounds in enumerate(sorted(spans))}
    scores = _span_scores(doc)
    ordered = [spans[bounds] for bounds in numbers]
    states = EntityStates(doc)
    vectors = {i: states.vector(span) for i, span in enumerate(ordered)}
    return AnnotatedText(
        doc.text,
        [_mention(span, scores, names) for span in ordered],
        [
            Fact(
                numbers[relation.head.start, relation.head.end],
                numbers[relation.tail.start, relation.tail.end],
                relation.label,
                relation.score,
            )
            for relation in relations
        ],
        doc.lang_,
        {i: vector for i, vector in vectors.items() if vector is not None},
    )


def _mention(span: Span, scores: Mapping[Tuple[int, int, str], float], names: Optional[Names]) -> Mention:
    kb_id = span.kb_id_
    types = sorted(get_types(span).items(), key=_descending)
    return Mention(
        span.start_char,
        span.end_char,
        span.label_,
        kb_id,
        (names(kb_id) if names is not None and kb_id not in ("", NIL) else None) or "",
        scores.get((span.start, span.end, span.label_)),
        tuple((label, score) for label, score in types if score >= MIN_TYPE),
    )


def _descending(item: Tuple[str, float]) -> Tuple[float, str]:
    return -item[1], item[0]


def _span_scores(doc: Doc) -> Dict[Tuple[int, int, str], float]:
    """Return the scores of the spans of all groups that have scores."""
    found: Dict[Tuple[int, int, str], float] = {}
    for key in doc.spans:
        group, scores = spans_of(doc, key), doc.spans[key].attrs.get("scores")
        if scores is not None and len(scores) == len(group):
            found.update({(s.start, s.end, s.label_): float(x) for s, x in zip(group, scores, strict=True)})
    return found
