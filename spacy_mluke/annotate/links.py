"""Links of a Doc: `ent.kb_id_`, and the candidates of each mention: `span._.mluke_candidates`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span

from .records import find_records, put_record

RECORD = "mluke_candidates_record"
NIL = "NIL"  # the `kb_id_` of no entity, as of spaCy's linker


@dataclass(frozen=True)
class Candidate:
    """An entity that a mention may mean."""

    entity: str  # its id in the knowledge base
    prior: float  # its probability before the encoder compares entities: by name, label, facts and re-ranker
    score: float  # its probability in this context; the scores of a mention sum to 1

    def to_dict(self) -> Dict[str, Any]:
        """Return the candidate as a dictionary of plain Python types.

        RETURNS (Dict[str, Any]): `entity`, `prior`, `score`.
        """
        return {"entity": self.entity, "prior": float(self.prior), "score": float(self.score)}


class _Linked(NamedTuple):
    """What a linker wrote about a mention."""

    linker: str
    candidates: List[Candidate]


def is_kept(ent: Span, linker: str, linkers: Dict[Tuple[int, int], str], *, overwrite: bool) -> bool:
    """Return whether a linker must keep the `kb_id_` of an entity.

    The entity that another linker of the pipeline has found is kept. If that linker has found none, it is open.

    ent (Span): The entity.
    linker (str): Name of the linker.
    linkers (Dict[Tuple[int, int], str]): As returned by `linkers_of`.
    overwrite (bool): Whether the linker replaces a `kb_id_` that no linker has set.
    RETURNS (bool): Whether it must.
    """
    if linkers.get((ent.start_char, ent.end_char), linker) != linker:
        return ent.kb_id_ not in ("", NIL)
    return bool(ent.kb_id) and not overwrite


def linkers_of(doc: Doc) -> Dict[Tuple[int, int], str]:
    """Return the names of the linkers that have looked up the mentions of a document.

    doc (Doc): The document.
    RETURNS (Dict[Tuple[int, int], str]): Name of the linker by first character and end of the mention.
    """
    return {place: found.linker for place, found in _read(doc).items()}


def write_links(
    doc: Doc,
    bounds: Sequence[Tuple[int, int]],
    kb_ids: Sequence[str],
    candidates: Sequence[Sequence[Candidate]],
    *,
    overwrite: bool,
    linker: str = "",
) -> None:
    """Write the links and candidates of mentions to a document. Links of other linkers are kept, with their candidates.

    doc (Doc): The document.
    bounds (Sequence[Tuple[int, int]]): Token bounds of the mentions.
    kb_ids (Sequence[str]): The entity id of each mention.
    candidates (Sequence[Sequence[Candidate]]): The candidates of each mention, best first.
    overwrite (bool): Whether to replace a `kb_id_` that no linker has set.
    linker (str): Name of the linker.
    """
    before = _read(doc)
    found = {place: own for place, own in before.items() if own.linker != linker}
    linkers = {place: own.linker for place, own in found.items()}
    for (start, end), kb_id, own in zip(bounds, kb_ids, candidates, strict=True):
        span = doc[start:end]
        place = span.start_char, span.end_char
        ent = Span(doc, start, end, kb_id=doc[start].ent_kb_id)
        if place in linkers and (is_kept(ent, linker, linkers, overwrite=overwrite) or not own):
            continue
        found[place] = _Linked(linker, list(own))
        for token in span:
            if overwrite or place in linkers or not token.ent_kb_id:
                token.ent_kb_id_ = kb_id
    ordered = sorted(found.items(), key=_place)
    flat = [candidate for _, own in ordered for candidate in own.candidates]
    put_record(
        doc,
        RECORD,
        {
            "spans": [list(place) for place, _ in ordered],
            "linkers": [own.linker for _, own in ordered],
            "lengths": [len(own.candidates) for _, own in ordered],
            "entities": [candidate.entity for candidate in flat],
            "priors": numpy.asarray([candidate.prior for candidate in flat], dtype="float64"),
            "scores": numpy.asarray([candidate.score for candidate in flat], dtype="float64"),
        },
    )


def _place(item: Tuple[Tuple[int, int], _Linked]) -> Tuple[int, int]:
    return item[0]


def _read(doc: Doc) -> Dict[Tuple[int, int], _Linked]:
    """What the linkers of a document have written about mentions, by first character and end."""
    found: Dict[Tuple[int, int], _Linked] = {}
    for start, record in find_records(doc, RECORD):
        flat = list(map(Candidate, record["entities"], record["priors"].tolist(), record["scores"].tolist()))
        first = 0
        linkers = record.get("linkers") or [""] * len(record["lengths"])
        for span, linker, length in zip(record["spans"], linkers, record["lengths"], strict=True):
            found[(span[0] + start, span[1] + start)] = _Linked(linker, flat[first : first + length])
            first += length
    return found


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
