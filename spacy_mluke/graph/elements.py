"""What a graph consists of. Every format writes these, in this order of fields."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple


class Entity(NamedTuple):
    """A merged entity."""

    key: str  # its kb_id, or type and normalized name
    kb_id: str  # "" if it is not linked
    name: str  # the most frequent text of its mentions
    type: str  # the most frequent label of its mentions; "" for none
    names: Tuple[str, ...]  # the most frequent texts, at most MAX_NAMES, the most frequent first
    types: Tuple[str, ...]  # all labels, the most frequent first
    n_names: int  # different texts
    n_mentions: int
    n_documents: int
    mean_probability: Optional[float]  # of its mentions; None if no mention has one


class Relation(NamedTuple):
    """A merged relation: what the mentions of two entities say in all documents."""

    id: str
    head: str  # an entity's key
    tail: str
    label: str
    name: str  # the label without the property
    property: str  # Wikidata property; "" if the label has none
    n_mentions: int
    n_documents: int  # its support
    n_texts: int  # different texts among the documents
    confidence: Optional[float]  # see `combine`; None if no mention has a probability
    max_probability: Optional[float]
    mean_probability: Optional[float]


class Document(NamedTuple):
    """A document."""

    key: str  # its id
    lang: str
    n_tokens: int
    n_characters: int


class Mention(NamedTuple):
    """A mention of an entity in a document."""

    entity: str  # an entity's key
    document: str  # a document's key
    start: int  # characters
    end: int
    text: str
    label: str
    probability: Optional[float]


class Evidence(NamedTuple):
    """A relation between two mentions in a document."""

    relation: str  # a relation's id
    head: str  # an entity's key
    tail: str
    document: str
    head_start: int  # characters
    head_end: int
    tail_start: int
    tail_end: int
    probability: Optional[float]


MAX_NAMES = 20
