"""Standoff files of brat: a .txt and an .ann file for each document.

Positions are Unicode code points. brat counts "\\r\\n" as one character, so the text is written with a space in place
of "\\r". An entity cannot contain a line break: brat writes its lines as several pieces.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import quote, unquote

from ..storage.files import write_files
from .documents import (
    Bounds,
    ToolDocument,
    ToolEntity,
    ToolRelation,
    checked_bounds,
    own_label,
    reading,
    tool_kb_id,
    tool_label,
    unreadable,
)
from .file_names import NAMES_FILE, Names, Originals, read_names
from .offsets import match_texts

_QID = re.compile(r"Q[1-9]\d*")
_SCORE = re.compile(r"score ([0-9.e+-]+)")
_WIKIDATA, _OTHER = "Wikidata:", "KB:"


def write_brat(documents: List[ToolDocument], folder: Path, counts: Counter[str]) -> None:
    """Write documents and the configuration of a collection.

    documents (List[ToolDocument]): The documents.
    folder (Path): The folder, created if it is missing.
    counts (Counter[str]): Counts what is changed or not written.
    """
    names = Names.of(documents)
    files: Dict[str, str] = {
        NAMES_FILE: names.to_json(),
        "annotation.conf": _annotation_conf(names),
        "visual.conf": _visual_conf(names),
    }
    for document in documents:
        name = names.documents[document.id]
        text = document.text.replace("\r\n", " \n").replace("\r", "\n")
        counts["texts with carriage returns, written as spaces"] += "\r" in document.text
        files[f"{name}.txt"] = text
        files[f"{name}.ann"] = "".join(f"{line}\n" for line in _lines(document, text, names, counts))
    write_files(folder, {name: content.encode("utf8") for name, content in files.items()})


def _annotation_conf(names: Names) -> str:
    relations = [f"{name}\tArg1:<ENTITY>, Arg2:<ENTITY>" for name in names.relations.values()]
    overlap = "<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>"
    parts = ["[entities]", *names.entities.values(), "[relations]", *relations, overlap, "[events]", "[attributes]"]
    return "\n".join(parts) + "\n"


def _visual_conf(names: Names) -> str:
    types = {**_by_name(names.entities), **_by_name(names.relations)}
    # "|" separates the forms of a label.
    labels = [f"{name} | {' '.join(label.replace('|', '/').split())}" for name, label in types.items()]
    return "\n".join(["[labels]", *labels, "[drawing]"]) + "\n"


def _lines(document: ToolDocument, text: str, names: Names, counts: Counter[str]) -> Iterator[str]:
    ids: Dict[int, str] = {}  # index of an entity -> its id
    n_links = n_notes = 0
    for i, entity in enumerate(document.entities):
        pieces = _pieces(text, entity.start, entity.end)
        if not pieces:
            counts["entities without text"] += 1
            continue
        cut = (pieces[0][0], pieces[-1][1]) != (entity.start, entity.end)
        counts["entities written without the whitespace at their ends"] += cut
        ids[i] = f"T{len(ids) + 1}"
        shown = _one_line(" ".join(text[start:end] for start, end in pieces))
        place = ";".join(f"{start} {end}" for start, end in pieces)
        yield f"{ids[i]}\t{names.entities[tool_label(entity.label)]} {place}\t{shown}"
        kb_id = tool_kb_id(entity.kb_id)
        if kb_id:
            n_links += 1
            yield f"N{n_links}\tReference {ids[i]} {_reference(kb_id)}\t{shown}"
        if entity.score is not None:
            n_notes += 1
            yield f"#{n_notes}\tAnnotatorNotes {ids[i]}\tscore {entity.score!r}"
    n_relations = 0
    for relation in document.relations:
        if relation.head not in ids or relation.tail not in ids:
            counts["relations of entities without text"] += 1
            continue
        n_relations += 1
        ends = f"Arg1:{ids[relation.head]} Arg2:{ids[relation.tail]}"
        yield f"R{n_relations}\t{names.relations[relation.label]} {ends}"
        if relation.score != 1.0:
            n_notes += 1
            yield f"#{n_notes}\tAnnotatorNotes R{n_relations}\tscore {relation.score!r}"


def _pieces(text: str, start: int, end: int) -> List[Bounds]:
    """Bounds of the lines of an entity, without whitespace at the ends of lines."""
    found = []
    for line in re.finditer(r"[^\n]+", text[start:end]):
        own = line.group()
        first = start + line.start() + len(own) - len(own.lstrip())
        last = start + line.start() + len(own.rstrip())
        if first < last:
            found.append((first, last))
    # Whitespace at the ends of the entity itself is kept where brat accepts it.
    if found and "\n" not in text[start:end]:
        return [(start, end)]
    return found


def _one_line(text: str) -> str:
    return re.sub(r"[\t\n\x0b-\x0d\x1c-\x1e\x85\u2028\u2029]", " ", text)


def _reference(kb_id: str) -> str:
    if _QID.fullmatch(kb_id):
        return f"{_WIKIDATA}{kb_id}"
    return _OTHER + "".join(quote(char) if char == "%" or char.isspace() else char for char in kb_id)


def _kb_id(reference: str) -> str:
    if reference.startswith(_WIKIDATA) and _QID.fullmatch(reference.removeprefix(_WIKIDATA)):
        return reference.removeprefix(_WIKIDATA)
    return unquote(reference.removeprefix(_OTHER)) if reference.startswith(_OTHER) else reference


def read_brat(folder: Path, counts: Counter[str]) -> Iterator[ToolDocument]:
    """Read the documents of a collection.

    folder (Path): A folder with .txt and .ann files, at any depth.
    counts (Counter[str]): Counts what is changed or skipped.
    YIELDS (ToolDocument): The documents, by name.
    RAISES (ValueError): ML470 for a folder without documents, and for files that are not as described.
    """
    paths = sorted(folder.rglob("*.txt")) if folder.is_dir() else []
    if not paths:
        raise unreadable(f"'{folder}'", "it is not a folder with .txt and .ann files")
    names = read_names(folder)
    for path in paths:
        annotation = path.with_suffix(".ann")
        if not annotation.is_file():
            counts["texts without an .ann file"] += 1
            continue
        with reading(f"'{annotation}'"):
            text = path.read_bytes().decode("utf8")  # brat counts a byte order mark
            stem = path.relative_to(folder).with_suffix("").as_posix()
            reader = _Reader(f"'{annotation}'", text, names, counts)
            yield names.set_on(reader.read(annotation.read_bytes().decode("utf-8-sig")), stem)


class _Reader:
    """Reads the annotation of a document."""

    def __init__(self, place: str, text: str, names: Originals, counts: Counter[str]):
        self.place = place
        self.names = names
        self.counts = counts
        self.document = ToolDocument(text)
        self.ids: Dict[str, int] = {}  # id of an entity -> its index
        # A text with "\r\n" that others wrote: brat counts one character.
        self.counted = text.replace("\r\n", "\n")
        self.convert: Any = match_texts(self.counted, text)

    def read(self, content: str) -> ToolDocument:
        lines = [(number, line.rstrip("\r")) for number, line in enumerate(content.split("\n"), start=1)]
        by_kind: Dict[str, List[Tuple[str, List[str]]]] = {}
        for number, line in lines:
            if line.strip():
                place = f"{self.place}, line {number}"
                fields = line.split("\t")
                if len(fields) < 2 or not fields[1].split():
                    raise unreadable(place, "it has no tab between id and annotation")
                by_kind.setdefault(line[0], []).append((place, fields))
        for place, fields in by_kind.pop("T", []):
            with reading(place):
                self.read_entity(place, fields)
        relations = [self.read_relation(place, fields) for place, fields in by_kind.pop("R", [])]
        for place, fields in by_kind.pop("N", []):
            with reading(place):
                self.read_link(fields)
        for place, fields in by_kind.pop("#", []):
            with reading(place):
                self.read_note(fields, relations)
        self.document.relations = [relation for _, relation in relations if relation is not None]
        self.counts.update({f"annotations of the kind '{kind}'": len(found) for kind, found in by_kind.items()})
        return self.document

    def read_entity(self, place: str, fields: List[str]) -> None:
        label, _, bounds = fields[1].partition(" ")
        given: List[Any] = [[int(bound) for bound in piece.split()] for piece in bounds.split(";")]
        pieces = [checked_bounds(place, start, end, self.counted) for start, end in given]
        gaps = [self.counted[first[1] : second[0]] for first, second in pairwise(pieces)]
        if any(gap.strip() for gap in gaps):
            self.counts["entities in several pieces, which a Doc cannot have"] += 1
            return
        if self.counted != self.document.text:
            self.counts["positions that count a line end as one character"] += 1
        start, end = self.convert(pieces[0][0], pieces[-1][1])
        if len(fields) > 2 and _squeezed(fields[2]) != _squeezed(self.document.text[start:end]):
            self.counts["entities whose text is not the one at their position"] += 1
        self.ids[fields[0]] = len(self.document.entities)
        label = own_label(self.names.entities.get(label, label))
        self.document.entities.append(ToolEntity(start, end, label))

    def read_relation(self, place: str, fields: List[str]) -> Tuple[str, Optional[ToolRelation]]:
        with reading(place):
            name, *ends = fields[1].split()
            head, tail = (end.partition(":")[2] for end in ends)
        if head not in self.ids or tail not in self.ids:
            self.counts["relations skipped with their head or tail"] += 1
            return fields[0], None
        label = self.names.relations.get(name, name)
        return fields[0], ToolRelation(self.ids[head], self.ids[tail], label)

    def read_link(self, fields: List[str]) -> None:
        _, target, reference = fields[1].split(maxsplit=2)
        i = self.ids.get(target)
        if i is None or self.document.entities[i].kb_id:
            self.counts["further links of an entity, and links of others"] += 1
        else:
            self.document.entities[i].kb_id = _kb_id(reference)

    def read_note(self, fields: List[str], relations: List[Tuple[str, Optional[ToolRelation]]]) -> None:
        target = fields[1].split()[1]
        owner: Any = dict(relations).get(target)
        if target in self.ids:
            owner = self.document.entities[self.ids[target]]
        score = _SCORE.fullmatch(fields[2].strip()) if len(fields) > 2 else None
        if owner is None or score is None:
            self.counts["notes"] += 1
        else:
            owner.score = float(score[1])


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _by_name(names: Dict[str, str]) -> Dict[str, str]:
    return {name: label for label, name in names.items()}
