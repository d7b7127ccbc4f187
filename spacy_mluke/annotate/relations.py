"""Relations of a Doc: `doc._.mluke_relations`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Union

from spacy.tokens import Doc, Span

from ..errors import Errors
from .json_object import JsonObject
from .records import find_records, named_spans, put_record, token_bounds

RECORD = "mluke_relations_record"


@dataclass(frozen=True)
class Relation(JsonObject):
    """A relation between two spans of one document."""

    head: Span
    tail: Span
    label: str
    score: float = 1.0  # its probability; 1.0 for a gold relation

    def to_dict(self) -> Dict[str, Any]:
        """Return the relation as a dictionary of plain Python types.

        RETURNS (Dict[str, Any]): `head_start`, `head_end`, `tail_start`, `tail_end` (characters), `label`, `score`.
        """
        ends = {"head": self.head, "tail": self.tail}
        places = {
            f"{end}_{edge}": int(getattr(span, f"{edge}_char"))
            for end, span in ends.items()
            for edge in ("start", "end")
        }
        return {**places, "label": str(self.label), "score": float(self.score)}

    @classmethod
    def from_dict(cls, doc: Doc, values: Mapping[str, Any]) -> Relation:
        """Make a relation from a dictionary.

        doc (Doc): The document.
        values (Mapping[str, Any]): A dictionary as returned by `to_dict`.
        RETURNS (Relation): The relation.
        RAISES (ValueError): ML084 for any other value, and for bounds that are not aligned with tokens.
        """
        try:
            spans = [doc.char_span(values[f"{end}_start"], values[f"{end}_end"]) for end in ("head", "tail")]
            label, score = values["label"], float(values.get("score", 1.0))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(Errors.ML084.format(found=repr(values))) from error
        if not spans[0] or not spans[1]:
            raise ValueError(Errors.ML084.format(found=f"{values!r}, whose characters are not token bounds"))
        return cls(spans[0], spans[1], label, score)


def has_relations(doc: Doc) -> bool:
    """Check whether a document is annotated with relations; it may have none.

    doc (Doc): The document.
    RETURNS (bool): False means "not annotated".
    """
    return bool(find_records(doc, RECORD))


def get_relations(doc: Doc) -> List[Relation]:
    """Return the relations of a document.

    doc (Doc): The document.
    RETURNS (List[Relation]): The relations; empty if the document is not annotated. Spans are made from character
        bounds, so they are valid after retokenization and in joined documents.
    """
    relations = []
    for start, record in find_records(doc, RECORD):
        bounds = token_bounds(doc, record["spans"], start)
        spans = named_spans(doc, bounds.clip(min=0))
        inside: Any = (bounds[:, 0] >= 0).reshape((-1, 2)).all(axis=1)
        for i, (label, score) in enumerate(zip(record["labels"], record["scores"], strict=True)):
            # A part of a document (Span.as_doc) has only the relations whose two spans are inside it.
            if inside[i]:
                relations.append(Relation(spans[2 * i], spans[2 * i + 1], label, score))
    return relations


def set_relations(doc: Doc, relations: Iterable[Union[Relation, Mapping[str, Any]]]) -> None:
    """Set the relations of a document. An empty list means that it has none.

    doc (Doc): The document.
    relations (Iterable[Union[Relation, Mapping[str, Any]]]): Relations between spans of this document, or dictionaries
        as returned by `Relation.to_dict`.
    RAISES (ValueError): ML084 for any other value.
    """
    is_many = isinstance(relations, Iterable) and not isinstance(relations, Mapping)
    given: Sequence[Any] = list(relations) if is_many else [relations]
    found = [
        Relation.from_dict(doc, value) if isinstance(value, Mapping) and not isinstance(value, Relation) else value
        for value in given
    ]
    for relation in found:
        if not isinstance(relation, Relation):
            raise ValueError(Errors.ML084.format(found=repr(relation)))
        if relation.head.doc is not doc or relation.tail.doc is not doc:
            raise ValueError(Errors.ML084.format(found="spans of another document"))
        if not len(relation.head) or not len(relation.tail):
            raise ValueError(Errors.ML084.format(found="a span without tokens"))
    put_record(
        doc,
        RECORD,
        {
            "spans": [[span.start_char, span.end_char] for rel in found for span in (rel.head, rel.tail)],
            "labels": [str(rel.label) for rel in found],
            "scores": [float(rel.score) for rel in found],
        },
    )
