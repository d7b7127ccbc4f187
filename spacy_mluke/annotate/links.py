"""Links of a Doc: `ent.kb_id_`, and the candidates of each mention: `span._.mluke_candidates`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span

from .records import find_records, put_record

RECORD = "mluke_candidates_record"


@dataclass(frozen=True)
class Candidate:
    """An entity that a mention may mean."""

    entity: str  # its id in the knowledge base
    prior: float  # its probability given the mention's text alone
    score: float  # its probability in this context; the scores of a mention sum to 1

    def to_dict(self) -> Dict[str, Any]:
        """Return the candidate as a dictionary of plain Python types.

        RETURNS (Dict[str, Any]): `entity`, `prior`, `score`.
        """
        return {"entity": self.entity, "prior": float(self.prior), "score": float(self.score)}


def write_links(
    doc: Doc,
    bounds: Sequence[Tuple[int, int]],
    kb_ids: Sequence[str],
    candidates: Sequence[Sequence[Candidate]],
    *,
    overwrite: bool,
) -> None:
    """Write the links and candidates of mentions to a document.

    doc (Doc): The document.
    bounds (Sequence[Tuple[int, int]]): Token bounds of the mentions.
    kb_ids (Sequence[str]): The entity id of each mention.
    candidates (Sequence[Sequence[Candidate]]): The candidates of each mention, best first.
    overwrite (bool): Whether to replace a `kb_id_` that is already set.
    """
    for (start, end), kb_id in zip(bounds, kb_ids, strict=True):
        for token in doc[start:end]:
            if overwrite or not token.ent_kb_id:
                token.ent_kb_id_ = kb_id
    flat = [candidate for own in candidates for candidate in own]
    put_record(
        doc,
        RECORD,
        {
            "spans": [[doc[start:end].start_char, doc[start:end].end_char] for start, end in bounds],
            "lengths": [len(own) for own in candidates],
            "entities": [candidate.entity for candidate in flat],
            "priors": numpy.asarray([candidate.prior for candidate in flat], dtype="float64"),
            "scores": numpy.asarray([candidate.score for candidate in flat], dtype="float64"),
        },
    )


def relabel(doc: Doc, types: Dict[Tuple[int, int], List[str]]) -> None:
    """Give linked entities the types of what they are linked to, if their label is the type of another candidate.

    doc (Doc): The document.
    types (Dict[Tuple[int, int], List[str]]): Types of the candidates of a mention, that of the linked one first, by
        token bounds.
    """
    ents = []
    has_new = False
    for ent in doc.ents:
        own = types.get((ent.start, ent.end), [])
        is_new = ent.label_ in own[1:] and ent.label_ != own[0] != ""
        has_new |= is_new
        label = own[0] if is_new else ent.label_
        ents.append(Span(doc, ent.start, ent.end, label=label, kb_id=ent.kb_id_, span_id=ent.id_))
    if has_new:
        doc.set_ents(ents, default="unmodified")


def get_candidates(span: Span) -> List[Candidate]:
    """Return the candidates of a mention: `span._.mluke_candidates`.

    span (Span): A span.
    RETURNS (List[Candidate]): Candidates, best first; empty for a span that was not linked.
    """
    for start, record in reversed(find_records(span.doc, RECORD)):
        place = (span.start_char - start, span.end_char - start)
        spans: Any = numpy.asarray(record["spans"], dtype="int32").reshape((-1, 2))
        rows = numpy.flatnonzero((spans == place).all(axis=1))
        if len(rows):
            first = sum(record["lengths"][: rows[-1]])
            own = slice(first, first + record["lengths"][rows[-1]])
            parts = record["entities"][own], record["priors"][own].tolist(), record["scores"][own].tolist()
            return [Candidate(*values) for values in zip(*parts, strict=True)]
    return []
