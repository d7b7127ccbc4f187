"""A graph as RDF: subjects with their properties, which Turtle and JSON-LD write.

Vocabularies: schema.org for entities, Wikidata for linked entities and its properties, RDF statements for the merged
relations, NIF and ITS for mentions, PROV for the evidence of a relation. docs/guides/graph.md explains them.
"""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Iterator, List, NamedTuple, Optional, Tuple, Union

from .elements import Document, Entity, Evidence, Mention, Relation
from .identifiers import WIKIDATA_ENTITY, WIKIDATA_PROPERTY, document_iri, entity_iri, predicate_iri, split_property
from .merged import MergedGraph

PREFIXES = {
    "itsrdf": "http://www.w3.org/2005/11/its/rdf#",
    "mluke": "https://github.com/spacy-mluke/spacy-mluke/blob/main/docs/guides/graph.md#",
    "nif": "http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "wd": WIKIDATA_ENTITY,
    "wdt": WIKIDATA_PROPERTY,
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_LOCAL = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")
TYPE = PREFIXES["rdf"] + "type"
# Classes of schema.org for the labels of common schemes: this package's, OntoNotes', and those of the bundled places.
CLASSES = {
    "CITY": "City",
    "CONTINENT": "Continent",
    "COUNTRY": "Country",
    "EVENT": "Event",
    "FAC": "Place",
    "GPE": "Place",
    "LANGUAGE": "Language",
    "LOC": "Place",
    "ORG": "Organization",
    "PER": "Person",
    "PERSON": "Person",
    "PRODUCT": "Product",
    "WORK": "CreativeWork",
    "WORK_OF_ART": "CreativeWork",
}


class Iri(NamedTuple):
    """An object that is an IRI."""

    value: str


class Double(NamedTuple):
    """An object that is a number with decimal places."""

    value: float

    @property
    def text(self) -> str:
        """Its canonical form in XML Schema, such as "9.3E-1"."""
        sign, digits, exponent = Decimal(repr(self.value)).normalize().as_tuple()
        head, *rest = digits
        power = int(exponent) + len(rest) if self.value else 0
        return f"{'-' if sign else ''}{head}.{''.join(map(str, rest)) or '0'}E{power}"


Object = Union[Iri, Double, str, int]
Block = Tuple[str, List[Tuple[str, Object]]]  # a subject's IRI; IRIs of properties, with their objects


def blocks(graph: MergedGraph) -> Iterator[Block]:
    """Convert a graph to RDF.

    graph (MergedGraph): The graph.
    YIELDS (Block): A subject and some of its properties, always in the same order.
    """
    writer = _Blocks(graph.options.base)
    for label in graph.labels():
        yield predicate_iri(label, writer.base), [(_name("rdfs", "label"), split_property(label)[0])]
    yield from map(writer.entity, graph.entities())
    for relation in graph.relations():
        yield from writer.relation(relation)
    yield from map(writer.document, graph.documents())
    yield from map(writer.mention, graph.mentions())
    for evidence in graph.evidence():
        yield from writer.evidence(evidence)


def _name(prefix: str, local: str) -> str:
    return PREFIXES[prefix] + local


def _given(items: List[Tuple[str, Optional[Object]]]) -> List[Tuple[str, Object]]:
    return [(name, value) for name, value in items if value is not None]


def _double(value: Optional[float]) -> Optional[Double]:
    return None if value is None else Double(value)


class _Blocks:
    def __init__(self, base: str):
        self.base = base

    def entity(self, entity: Entity) -> Block:
        found: List[Tuple[str, Optional[Object]]] = [
            (TYPE, Iri(_name("schema", CLASSES.get(entity.type, "Thing")))),
            (_name("schema", "name"), entity.name),
            *((_name("schema", "alternateName"), name) for name in entity.names[1:]),
            (_name("schema", "identifier"), entity.kb_id or None),
            *((_name("mluke", "label"), label) for label in entity.types),
            (_name("mluke", "mentions"), entity.n_mentions),
            (_name("mluke", "documents"), entity.n_documents),
            (_name("mluke", "mean-probability"), _double(entity.mean_probability)),
        ]
        return entity_iri(entity.key, self.base), _given(found)

    def relation(self, relation: Relation) -> Iterator[Block]:
        head, tail = (entity_iri(key, self.base) for key in (relation.head, relation.tail))
        predicate = predicate_iri(relation.label, self.base)
        yield head, [(predicate, Iri(tail))]
        found: List[Tuple[str, Optional[Object]]] = [
            (TYPE, Iri(_name("rdf", "Statement"))),
            (_name("rdf", "subject"), Iri(head)),
            (_name("rdf", "predicate"), Iri(predicate)),
            (_name("rdf", "object"), Iri(tail)),
            (_name("mluke", "mentions"), relation.n_mentions),
            (_name("mluke", "documents"), relation.n_documents),
            (_name("mluke", "confidence"), _double(relation.confidence)),
            (_name("mluke", "max-probability"), _double(relation.max_probability)),
            (_name("mluke", "mean-probability"), _double(relation.mean_probability)),
        ]
        yield self._statement(relation.id), _given(found)

    def document(self, document: Document) -> Block:
        found: List[Tuple[str, Optional[Object]]] = [
            (TYPE, Iri(_name("nif", "Context"))),
            (_name("schema", "identifier"), document.key),
            (_name("schema", "inLanguage"), document.lang or None),
            (_name("nif", "beginIndex"), 0),
            (_name("nif", "endIndex"), document.n_characters),
        ]
        return document_iri(document.key, self.base), _given(found)

    def mention(self, mention: Mention) -> Block:
        found: List[Tuple[str, Optional[Object]]] = [
            (TYPE, Iri(_name("nif", "Phrase"))),
            (_name("nif", "referenceContext"), Iri(document_iri(mention.document, self.base))),
            (_name("nif", "beginIndex"), mention.start),
            (_name("nif", "endIndex"), mention.end),
            (_name("nif", "anchorOf"), mention.text),
            (_name("itsrdf", "taIdentRef"), Iri(entity_iri(mention.entity, self.base))),
            (_name("itsrdf", "taConfidence"), _double(mention.probability)),
            (_name("mluke", "label"), mention.label or None),
        ]
        return self._phrase(mention.document, mention.start, mention.end), _given(found)

    def evidence(self, evidence: Evidence) -> Iterator[Block]:
        statement = self._statement(evidence.relation)
        own = f"{statement}/{_digest(evidence)}"
        document = Iri(document_iri(evidence.document, self.base))
        yield statement, [(_name("prov", "wasDerivedFrom"), document), (_name("prov", "qualifiedDerivation"), Iri(own))]
        found: List[Tuple[str, Optional[Object]]] = [
            (TYPE, Iri(_name("prov", "Derivation"))),
            (_name("prov", "entity"), document),
            (_name("mluke", "head"), Iri(self._phrase(evidence.document, evidence.head_start, evidence.head_end))),
            (_name("mluke", "tail"), Iri(self._phrase(evidence.document, evidence.tail_start, evidence.tail_end))),
            (_name("itsrdf", "taConfidence"), _double(evidence.probability)),
        ]
        yield own, _given(found)

    def _statement(self, own_id: str) -> str:
        return f"{self.base}statement/{own_id}"

    def _phrase(self, document: str, start: int, end: int) -> str:
        return f"{document_iri(document, self.base)}#char={start},{end}"


def _digest(evidence: Evidence) -> str:
    place = json.dumps([evidence.document, *evidence[4:8]]).encode()
    return hashlib.sha256(place).hexdigest()[:16]


def compact(iri: str) -> str:
    """Abbreviate an IRI with a prefix.

    iri (str): The IRI.
    RETURNS (str): Such as "wd:Q1490"; the IRI itself if no prefix fits, or if its end is not only letters, digits,
        "_" and "-".
    """
    for prefix, start in PREFIXES.items():
        if iri.startswith(start) and _LOCAL.fullmatch(iri, len(start)):
            return f"{prefix}:{iri[len(start) :]}"
    return iri
