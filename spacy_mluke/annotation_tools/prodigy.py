"""Tasks of Prodigy: JSON lines with "tokens", "spans" and "relations", for its interfaces ner, spans and relations."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ..storage.untrusted import parse_json
from ..training.corpus_files import read_lines
from .documents import (
    Bounds,
    ToolDocument,
    ToolEntity,
    ToolRelation,
    checked_bounds,
    nil_places,
    own_label,
    reading,
    restore_nil,
    tool_kb_id,
    tool_label,
    unreadable,
)

Item = Dict[str, Any]
_NIL_KEY = "nil"  # bounds and labels of entities that are not in the knowledge base


def write_prodigy(documents: Iterable[ToolDocument], path: Path) -> None:
    """Write tasks.

    documents (Iterable[ToolDocument]): The documents, with tokens.
    path (Path): The file of JSON lines.
    """
    with path.open("w", encoding="utf8") as file:
        for document in documents:
            file.write(json.dumps(_make_task(document), ensure_ascii=False) + "\n")


def _make_task(document: ToolDocument) -> Item:
    tokens = document.tokens or []
    by_start = {start: i for i, (start, _) in enumerate(tokens)}
    by_end = {end: i for i, (_, end) in enumerate(tokens)}
    spans: List[Item] = []
    for entity in document.entities:
        place = {"start": entity.start, "end": entity.end}
        place.update({"token_start": by_start[entity.start], "token_end": by_end[entity.end]})
        kb_id = tool_kb_id(entity.kb_id)
        extra: Item = {"kb_id": kb_id} if kb_id else {}
        if entity.score is not None:
            extra["score"] = entity.score
        spans.append({**place, "label": tool_label(entity.label), **extra})
    keys = ("start", "end", "token_start", "token_end", "label")
    relations = [
        {
            # Prodigy identifies a span by its last token.
            "head": spans[relation.head]["token_end"],
            "child": spans[relation.tail]["token_end"],
            "head_span": {key: spans[relation.head][key] for key in keys},
            "child_span": {key: spans[relation.tail][key] for key in keys},
            "label": relation.label,
            **({"score": relation.score} if relation.score != 1.0 else {}),
        }
        for relation in document.relations
    ]
    nil = nil_places(document.entities)
    return {
        "text": document.text,
        "meta": {"id": document.id},
        "tokens": [
            {
                "text": document.text[start:end],
                "start": start,
                "end": end,
                "id": i,
                "ws": document.text[end : end + 1] == " " and (end + 1 == len(document.text) or end + 1 in by_start),
            }
            for i, (start, end) in enumerate(tokens)
        ],
        "spans": spans,
        "relations": relations,
        **({_NIL_KEY: nil} if nil else {}),
    }


def read_prodigy(path: Path, counts: Counter[str]) -> Iterator[ToolDocument]:
    """Read tasks, as `prodigy db-out` writes them. Tasks that were rejected or ignored are skipped.

    path (Path): The file of JSON lines.
    counts (Counter[str]): Counts what is skipped.
    YIELDS (ToolDocument): A document for each accepted task.
    RAISES (ValueError): ML470 for a line that is no such task, ML321 if the file is not UTF-8.
    """
    for number, line in read_lines(path):
        place = f"'{path}', line {number}"
        if line.strip():
            with reading(place):
                task = parse_json(line)
                answer = task.get("answer", "accept")
                if answer == "accept":
                    yield _read_task(task, place, counts)
                else:
                    counts[f"tasks with the answer '{answer}'"] += 1


def _read_task(task: Item, place: str, counts: Counter[str]) -> ToolDocument:
    text = task.get("text")
    if not isinstance(text, str):
        raise unreadable(place, 'it has no "text"')
    counts["choices (key 'accept')"] += bool(task.get("accept"))
    tokens = _tokens(task.get("tokens"), text, place)
    counts["tokenizations that do not cover the text, replaced"] += tokens is None and bool(task.get("tokens"))
    document = ToolDocument(text, tokens=tokens, id=str((task.get("meta") or {}).get("id", "")))
    places: Dict[Bounds, int] = {}
    for span in task.get("spans") or []:
        start, end = checked_bounds(place, span["start"], span["end"], text)
        score = span.get("score")
        label, kb_id = own_label(str(span.get("label") or "")), str(span.get("kb_id") or "")
        places.setdefault((start, end), len(document.entities))
        document.entities.append(ToolEntity(start, end, label, kb_id, None if score is None else float(score)))
    restore_nil(document.entities, document.text, task.get(_NIL_KEY) or ())
    for relation in task.get("relations") or []:
        ends = []
        for end_name in ("head", "child"):
            bounds = _end_of(relation, end_name, task, document, place)
            if bounds not in places:  # annotators may relate tokens that are no spans
                places[bounds] = len(document.entities)
                document.entities.append(ToolEntity(*bounds, label=""))
            ends.append(places[bounds])
        score = float(relation.get("score", 1.0))
        document.relations.append(ToolRelation(ends[0], ends[1], str(relation["label"]), score))
    return document


def _end_of(relation: Item, name: str, task: Item, document: ToolDocument, place: str) -> Bounds:
    span: Optional[Item] = relation.get(f"{name}_span")
    if span is None:
        last = relation[name]
        ending = [one for one in task.get("spans") or [] if one.get("token_end") == last]
        span = ending[0] if ending else task["tokens"][last]
    return checked_bounds(place, span["start"], span["end"], document.text)


def _tokens(tokens: Optional[List[Item]], text: str, place: str) -> Optional[List[Bounds]]:
    """Bounds of tokens, if a Doc can have them: they cover the text, but for single spaces after tokens."""
    found: List[Tuple[int, int]] = []
    end = 0
    for token in tokens or []:
        bounds = checked_bounds(place, token["start"], token["end"], text)
        gap = text[end : bounds[0]] if bounds[0] >= end else None
        if gap not in ("", " ") or (gap and not found) or bounds[0] == bounds[1]:
            return None
        found.append(bounds)
        end = bounds[1]
    return found if text[end:] in ("", " ") and (found or not text) else None
