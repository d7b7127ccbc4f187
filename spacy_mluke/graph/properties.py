"""A graph as nodes and edges with properties, which GraphML and Neo4j share.

Nodes are entities and documents. Edges are relations (entity to entity), mentions (document to entity) and evidence
(document to the head entity of a relation, with the relation's id).
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, NamedTuple, Tuple

from .identifiers import entity_iri
from .merged import MergedGraph

# Types of the properties in GraphML and Neo4j; a list of strings is "string[]".
NODES: Dict[str, Dict[str, str]] = {
    "entity": {
        "kb_id": "string",
        "iri": "string",
        "name": "string",
        "type": "string",
        "names": "string[]",
        "types": "string[]",
        "n_names": "long",
        "n_mentions": "long",
        "n_documents": "long",
        "mean_probability": "double",
    },
    "document": {"lang": "string", "n_tokens": "long", "n_characters": "long"},
}
EDGES: Dict[str, Dict[str, str]] = {
    "relation": {
        "id": "string",
        "label": "string",
        "name": "string",
        "property": "string",
        "n_mentions": "long",
        "n_documents": "long",
        "n_texts": "long",
        "confidence": "double",
        "max_probability": "double",
        "mean_probability": "double",
    },
    "mention": {"start": "long", "end": "long", "text": "string", "label": "string", "probability": "double"},
    "evidence": {
        "relation": "string",
        "head_start": "long",
        "head_end": "long",
        "tail_start": "long",
        "tail_end": "long",
        "probability": "double",
    },
}
ENDS = {"relation": ("entity", "entity"), "mention": ("document", "entity"), "evidence": ("document", "entity")}


class Edge(NamedTuple):
    """An edge."""

    start: str  # a key
    end: str
    properties: Tuple[Any, ...]  # as in EDGES


def nodes(graph: MergedGraph, kind: str) -> Iterator[Tuple[str, Tuple[Any, ...]]]:
    """Yield the nodes of a kind.

    graph (MergedGraph): The graph.
    kind (str): A key of NODES.
    YIELDS (Tuple[str, Tuple[Any, ...]]): A node's key, and its properties as in NODES.
    """
    if kind == "entity":
        for entity in graph.entities():
            yield entity.key, (entity.kb_id, entity_iri(entity.key, graph.options.base), *entity[2:])
    else:
        for document in graph.documents():
            yield document.key, document[1:]


def edges(graph: MergedGraph, kind: str) -> Iterator[Edge]:
    """Yield the edges of a kind.

    graph (MergedGraph): The graph.
    kind (str): A key of EDGES.
    YIELDS (Edge): An edge.
    """
    if kind == "relation":
        for relation in graph.relations():
            yield Edge(relation.head, relation.tail, (relation.id, *relation[3:]))
    elif kind == "mention":
        for mention in graph.mentions():
            yield Edge(mention.document, mention.entity, mention[2:])
    else:
        for evidence in graph.evidence():
            yield Edge(evidence.document, evidence.head, (evidence.relation, *evidence[4:]))
