"""Reads WebAnno TSV: versions 3.2 and 3.3, as INCEpTION and WebAnno export them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from .documents import Bounds, ToolDocument, ToolEntity, ToolRelation, own_label, reading, unreadable
from .file_names import read_files, read_names
from .offsets import utf16_positions
from .webanno_tsv import BASE, FORMAT, NO_VALUE, NOTHING, RELATIONS, SPANS, TEXT, unescape
from .xmi import ENTITY

_VERSION = re.compile(re.escape(FORMAT) + "[23]")
_LAYER = re.compile("#T_(SP|CH|RL)=(.+)")
_UNIT = re.compile(r"\d+-\d+(\.\d+)?")
_BOUNDS = re.compile(r"(\d+)-(\d+)")
_VALUE = re.compile(r"((?:\\.|[^\\\[])*)(?:\[(\d+)\])?", re.DOTALL)
_REFERENCE = re.compile(r"(\d+-\d+(?:\.\d+)?)(?:\[(\d+)_(\d+)\])?")
_FIXED = 3  # columns before those of the layers: number of the token, its positions, its text


@dataclass
class _Layer:
    """A kind of annotation, with its columns."""

    kind: str  # what its header line begins with
    name: str
    columns: Dict[str, int]  # by the name of the feature


@dataclass
class _Arrow:
    """A relation whose ends are not known yet."""

    place: str
    label: str
    head: Tuple[str, int]  # first token or part of a token, number in brackets or 0
    tail: Tuple[str, int]


def read_webanno_tsv(path: Path, counts: Counter[str]) -> Iterator[ToolDocument]:
    """Read WebAnno TSV files.

    path (Path): A .tsv file, or a folder or a .zip file with .tsv files at any depth.
    counts (Counter[str]): Counts what is changed or skipped.
    YIELDS (ToolDocument): The documents, by name.
    RAISES (ValueError): ML470 for files that are not as described, with the line.
    """
    with reading(f"'{path}'"):
        single = path.is_file() and path.suffix == ".tsv"
        files = {path.name: path.read_bytes()} if single else read_files(path, lambda name: name.endswith(".tsv"))
    if not files:
        raise unreadable(f"'{path}'", "it has no .tsv file")
    names = read_names(path.parent if single else path)
    for name in sorted(files):
        place = f"'{path}'" if single else f"'{path}', {name}"
        with reading(place):
            content = files[name].decode("utf-8-sig")
        stem = name.removesuffix(".tsv")
        yield names.set_on(_Reader(place, counts).read(content), stem)


class _Reader:
    """Reads a document."""

    def __init__(self, place: str, counts: Counter[str]):
        self.file = self.place = place
        self.counts = counts
        self.layers: List[_Layer] = []
        self.parts: List[str] = []  # of the text
        self.n_chars = self.n_units = 0  # length of the text, in characters and in UTF-16 code units
        self.pending: Optional[List[str]] = None  # lines of the next sentence
        self.sentence: Dict[int, int] = {}  # position of each character in code units -> in characters
        self.tokens: List[Bounds] = []
        self.entities: List[ToolEntity] = []
        self.by_number: Dict[int, int] = {}  # number in brackets -> index of the entity
        self.by_unit: Dict[str, List[int]] = {}  # token or part of a token -> indices of the entities on it
        self.arrows: List[_Arrow] = []

    def read(self, content: str) -> ToolDocument:
        lines = [line.removesuffix("\r") for line in content.split("\n")]
        self.place = f"{self.file}, line 1"
        if not _VERSION.fullmatch(lines[0]):
            raise unreadable(self.place, f"it does not begin with {FORMAT}3")
        is_header = True
        for number, line in enumerate(lines[1:], start=2):
            self.place = f"{self.file}, line {number}"
            with reading(self.place):
                if is_header:
                    is_header = self.read_layer(line)
                elif line.startswith("#"):
                    self.read_sentence_header(line)
                elif line:
                    self.read_row(line.split("\t"))
        if self.pending is not None:
            raise unreadable(self.place, "a sentence has no tokens")
        text = "".join(self.parts)
        relations = dict.fromkeys(self.relation_of(arrow) for arrow in self.arrows)
        found = [ToolRelation(head, tail, label) for head, tail, label in relations]
        return ToolDocument(text, self.entities, found, _covering(text, self.tokens))

    def read_layer(self, line: str) -> bool:
        """Read a line of the header. Return whether it continues."""
        if not line:
            return False
        declared = _LAYER.fullmatch(line)
        if declared is None:
            raise unreadable(self.place, "a line of the header that declares no layer")
        name, *features = declared[2].split("|")
        first = _FIXED + sum(len(layer.columns) for layer in self.layers)
        # A layer without features has one column.
        columns = {feature: first + i for i, feature in enumerate(features or [""])}
        self.layers.append(_Layer(line[: len(SPANS)], name, columns))
        return True

    def read_sentence_header(self, line: str) -> None:
        if line.startswith(TEXT):
            self.pending = [*(self.pending or []), unescape(line.removeprefix(TEXT))]

    def start_sentence(self, start: int) -> None:
        """Append the next sentence to the text. A gap before it is a line break and spaces, as INCEpTION reads it."""
        assert self.pending is not None
        text, self.pending = "\n".join(self.pending), None
        gap = start - self.n_units
        if gap < 0:
            raise unreadable(self.place, f"the sentence begins at {start}, before the end of the last one")
        filled = " " * gap if not self.parts or not gap else "\n" + " " * (gap - 1)
        self.parts += [filled, text]
        self.n_chars += gap
        positions = utf16_positions(text)
        self.sentence = {start + position: self.n_chars + i for i, position in enumerate(positions)}
        self.n_chars += len(text)
        self.n_units = start + positions[-1]

    def read_row(self, fields: List[str]) -> None:
        n_columns = _FIXED + sum(len(layer.columns) for layer in self.layers)
        if len(fields) < n_columns:
            raise unreadable(self.place, f"it has {len(fields)} columns, and the header declares {n_columns}")
        unit, positions = _UNIT.fullmatch(fields[0]), _BOUNDS.fullmatch(fields[1])
        if unit is None or positions is None:
            raise unreadable(self.place, "it does not begin with the number of a token and its positions")
        start, end = int(positions[1]), int(positions[2])
        if self.pending is not None:
            self.start_sentence(start)
        bounds = self.sentence.get(start), self.sentence.get(end)
        if bounds[0] is None or bounds[1] is None or start > end:
            raise unreadable(self.place, f"{start} to {end} is not a part of its sentence (in UTF-16 code units)")
        place = (bounds[0], bounds[1])
        own = self.text_of(place)
        if own not in (fields[2], unescape(fields[2])):
            raise unreadable(self.place, f"its text at {start} to {end} (in UTF-16 code units) is '{own[:50]}'")
        if unit[1] is None:
            if self.tokens and place[0] < self.tokens[-1][1]:
                raise unreadable(self.place, "its token overlaps the one before it")
            self.tokens.append(place)
        for layer in self.layers:
            self.read_annotation(layer, fields, place)

    def text_of(self, place: Bounds) -> str:
        """Text of a part of the last sentence."""
        first = self.n_chars - len(self.parts[-1])
        return self.parts[-1][place[0] - first : place[1] - first]

    def read_annotation(self, layer: _Layer, fields: List[str], place: Bounds) -> None:
        columns = {name: fields[i] for name, i in layer.columns.items() if fields[i] != NOTHING}
        if not columns:
            return
        if layer.kind == SPANS and layer.name == ENTITY:
            self.read_entities(fields[0], columns, place)
        elif layer.kind == RELATIONS and f"{BASE}{ENTITY}" in columns:
            self.read_relations(fields[0], layer.name, columns)
        else:
            self.counts[f"tokens with annotation of another layer ({layer.name})"] += 1

    def read_entities(self, unit: str, columns: Dict[str, str], place: Bounds) -> None:
        split = {name: _split(cell) for name, cell in columns.items()}
        if len({len(values) for values in split.values()}) > 1:
            raise unreadable(self.place, "its columns of entities have different numbers of values")
        for one in zip(*split.values(), strict=True):
            values: Dict[str, str] = {}
            number = 0
            for name, written in zip(split, one, strict=True):
                value, given = self.matched(_VALUE, written, "value").groups()
                values[name] = "" if value == NO_VALUE else unescape(value)
                number = int(given or number)
            i = self.by_number.get(number) if number else None
            if i is None:
                i = self.add_entity(values, place)
                if number:
                    self.by_number[number] = i
            entity = self.entities[i]
            entity.start, entity.end = min(entity.start, place[0]), max(entity.end, place[1])
            self.by_unit.setdefault(unit, []).append(i)

    def add_entity(self, values: Dict[str, str], place: Bounds) -> int:
        label, kb_id = values.pop("value", ""), values.pop("identifier", "")
        self.counts["entities without a label"] += not label
        self.counts.update(f"features of entities ({name})" for name, value in values.items() if value)
        self.entities.append(ToolEntity(*place, own_label(label), kb_id))
        return len(self.entities) - 1

    def read_relations(self, unit: str, layer: str, columns: Dict[str, str]) -> None:
        heads = _split(columns.pop(f"{BASE}{ENTITY}"))
        name = next((name for name in ("label", "value") if name in columns), None)
        labels = _split(columns[name]) if name else [NO_VALUE] * len(heads)
        if len(labels) != len(heads):
            raise unreadable(self.place, "its columns of relations have different numbers of values")
        for written, reference in zip(labels, heads, strict=True):
            value = self.matched(_VALUE, written, "value")[1]
            head, head_number, tail_number = self.matched(_REFERENCE, reference, "reference to a token").groups()
            label = "" if value == NO_VALUE else unescape(value)
            if not name:
                label = layer.rpartition(".")[2]
            if not label:
                self.counts["relations without a label"] += 1
                continue
            self.arrows.append(_Arrow(self.place, label, (head, int(head_number or 0)), (unit, int(tail_number or 0))))

    def matched(self, pattern: re.Pattern[str], written: str, what: str) -> re.Match[str]:
        found = pattern.fullmatch(written)
        if found is None:
            raise unreadable(self.place, f"'{written[:50]}' is no {what}")
        return found

    def relation_of(self, arrow: _Arrow) -> Tuple[int, int, str]:
        ends = []
        for unit, number in (arrow.head, arrow.tail):
            i = self.by_number.get(number) if number else next(iter(self.by_unit.get(unit, ())), None)
            if i is None:
                raise unreadable(arrow.place, f"its relation leads to '{unit}', where no such entity is")
            ends.append(i)
        return ends[0], ends[1], arrow.label


def _split(cell: str) -> List[str]:
    """Values of a column, which "|" separates unless it is escaped."""
    return re.sub(r"\\.|\|", lambda found: "\n" if found[0] == "|" else found[0], cell).split("\n")


def _covering(text: str, tokens: List[Bounds]) -> List[Bounds]:
    """Tokens that a Doc can have: text between the given ones, except a space, becomes tokens."""
    found: List[Bounds] = []
    end = 0
    for start, next_end in [*tokens, (len(text), len(text))]:
        gap = end + (bool(found) and text[end : end + 1] == " ")
        if gap < start:
            # "a \n b" is tokenized as "a", "\n", "b", each followed by a space.
            found.append((gap, start - (text[start - 1] == " " and start - gap > 1 and start < len(text))))
        if start < next_end:
            found.append((start, next_end))
        end = next_end
    return found
