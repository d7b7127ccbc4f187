"""WebAnno TSV 3.3, which INCEpTION and WebAnno read and write: a file for each document, a line for each token.

Entities are DKPro's NamedEntity, relations a layer of WebAnno, as in XMI. Positions count UTF-16 code units. A number
in brackets after a value says which lines belong to one entity.

Source: INCEpTION's user guide, appendix "WebAnno TSV 3.3 File format".
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Dict, List, Tuple

from ..storage.files import write_files
from .documents import Bounds, ToolDocument, ToolRelation, tool_kb_id, tool_label
from .file_names import NAMES_FILE, Names
from .offsets import utf16_positions
from .xmi import ENTITY, RELATION

FORMAT = "#FORMAT=WebAnno TSV 3."
SPANS, RELATIONS, BASE, TEXT = "#T_SP=", "#T_RL=", "BT_", "#Text="
NOTHING, NO_VALUE = "_", "*"  # no annotation on the token; an annotation without a value
_LETTERS = {"\t": "t", "\n": "n", "\f": "f", "\r": "r", "\b": "b"}
_IN_TEXT = re.compile(r"[\x00-\x0a\x0c-\x1f\\]")
_IN_VALUES = re.compile(r"[\\\[\]|_;\t\n\r*]|->")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def escape(text: str) -> str:
    """Return a text or a token as it is written in a line."""
    return _IN_TEXT.sub(_escape_match, text)


def escape_value(value: str) -> str:
    """Return a label or an id as it is written in a column."""
    return _IN_VALUES.sub(_escape_match, value) if value else NO_VALUE


def unescape(written: str) -> str:
    """Return what `escape` or `escape_value` has written."""
    letters = {letter: char for char, letter in _LETTERS.items()}
    return _ESCAPED.sub(lambda match: letters.get(match[1], match[1]), written)


def _escape_match(match: re.Match[str]) -> str:
    return "\\" + _LETTERS.get(match[0], match[0])


def write_webanno_tsv(documents: List[ToolDocument], folder: Path, counts: Counter[str]) -> None:
    """Write documents as WebAnno TSV 3.3.

    documents (List[ToolDocument]): The documents, with tokens.
    folder (Path): The folder, created if it is missing.
    counts (Counter[str]): Counts what is changed or not written.
    """
    names = Names.of(documents)
    files = {NAMES_FILE: names.to_json().encode("utf8")}
    for document in documents:
        files[f"{names.documents[document.id]}.tsv"] = _Writer(document, counts).write().encode("utf8")
    write_files(folder, files)


class _Writer:
    """Writes a document."""

    def __init__(self, document: ToolDocument, counts: Counter[str]):
        self.text = document.text
        self.document = document
        self.counts = counts
        self.positions = utf16_positions(self.text)
        # Whitespace has no lines in this format.
        self.tokens = [(start, end) for start, end in document.tokens or () if self.text[start:end].strip()]
        self.units: Dict[int, str] = {}  # number of a token -> its name in the file
        self.places: Dict[int, Bounds] = {}  # index of an entity -> its first token and the one after its last

    def write(self) -> str:
        """Return the content of the file."""
        self.place_entities()
        header = [f"{FORMAT}3", f"{SPANS}{ENTITY}|identifier|value"]
        relations = self.placed_relations()
        if relations:  # a project without this layer could not import the file
            header.append(f"{RELATIONS}{RELATION}|label|{BASE}{ENTITY}")
        header.append("")
        sentences = self.sentences()
        for number, (first, last) in enumerate(sentences, start=1):
            self.units.update({i: f"{number}-{i - first + 1}" for i in range(first, last)})
        columns = self.entity_columns()
        if relations:
            columns = [[*own, *more] for own, more in zip(columns, self.relation_columns(relations), strict=True)]
        lines = []
        for first, last in sentences:
            end = self.tokens[last][0] if last < len(self.tokens) else len(self.text)
            # The whitespace after a sentence belongs to it, so that it is not lost.
            written = self.text[self.tokens[first][0] : end].split("\n")
            lines += ["", *(f"{TEXT}{escape(line)}" for line in written)]
            lines += ["\t".join([*self.token_columns(i), *columns[i], ""]) for i in range(first, last)]
        self.count_lost_whitespace()
        return "\n".join([*header, *lines]) + "\n"

    def count_lost_whitespace(self) -> None:
        before = self.text[: self.tokens[0][0]] if self.tokens else self.text
        lost = "texts that begin with whitespace, written as spaces" if self.tokens else "texts without words"
        self.counts[lost] += bool(before.strip(" ")) if self.tokens else bool(before)

    def place_entities(self) -> None:
        starts, ends = [start for start, _ in self.tokens], [end for _, end in self.tokens]
        for i, entity in enumerate(self.document.entities):
            first, last = bisect_right(ends, entity.start), bisect_left(starts, entity.end)
            if first >= last:
                self.counts["entities without text"] += 1
                continue
            cut = (starts[first], ends[last - 1]) != (entity.start, entity.end)
            self.counts["entities written without the whitespace at their ends"] += cut
            self.counts["probabilities, which this format does not have"] += entity.score is not None
            self.places[i] = (first, last)

    def placed_relations(self) -> List[ToolRelation]:
        placed = [one for one in self.document.relations if one.head in self.places and one.tail in self.places]
        self.counts["relations of entities without text"] += len(self.document.relations) - len(placed)
        self.counts["probabilities, which this format does not have"] += sum(one.score != 1.0 for one in placed)
        return placed

    def sentences(self) -> List[Bounds]:
        """First token of each sentence, and the one after its last. Without sentence boundaries, those of lines."""
        starts = [start for start, _ in self.tokens]
        if self.document.sentences is not None:
            found = {bisect_left(starts, start) for start in self.document.sentences}
        else:
            pairs = enumerate(pairwise(self.tokens), start=1)
            found = {i for i, (one, other) in pairs if "\n" in self.text[one[1] : other[0]]}
        bounds = sorted({0, *found, len(starts)} if starts else ())
        return [(first, last) for first, last in pairwise(bounds) if last <= len(starts)]

    def token_columns(self, i: int) -> Tuple[str, str, str]:
        start, end = self.tokens[i]
        return self.units[i], f"{self.positions[start]}-{self.positions[end]}", escape(self.text[start:end])

    def entity_columns(self) -> List[List[str]]:
        """Ids and labels of the entities on each token, and the numbers of entities that need one."""
        on_token: List[List[int]] = [[] for _ in self.tokens]
        for i, (first, last) in self.places.items():
            for token in range(first, last):
                on_token[token].append(i)
        self.numbers: Dict[int, int] = {}  # of entities on several tokens, and of those that share a token
        for i, (first, last) in self.places.items():
            if last - first > 1 or len(on_token[first]) > 1:
                self.numbers[i] = len(self.numbers) + 1
        columns = []
        for found in on_token:
            entities = [(self.document.entities[i], f"[{self.numbers[i]}]" if i in self.numbers else "") for i in found]
            kb_ids = "|".join(escape_value(tool_kb_id(entity.kb_id)) + number for entity, number in entities)
            labels = "|".join(escape_value(tool_label(entity.label)) + number for entity, number in entities)
            columns.append([kb_ids or NOTHING, labels or NOTHING])
        return columns

    def relation_columns(self, relations: List[ToolRelation]) -> List[List[str]]:
        """Labels and heads of the relations whose tails begin at each token."""
        at_token: List[List[ToolRelation]] = [[] for _ in self.tokens]
        for relation in relations:
            at_token[self.places[relation.tail][0]].append(relation)
        columns = []
        for found in at_token:
            labels = "|".join(escape_value(relation.label) for relation in found)
            heads = "|".join(self.reference(relation) for relation in found)
            columns.append([labels or NOTHING, heads or NOTHING])
        return columns

    def reference(self, relation: ToolRelation) -> str:
        unit = self.units[self.places[relation.head][0]]
        head, tail = self.numbers.get(relation.head, 0), self.numbers.get(relation.tail, 0)
        return f"{unit}[{head}_{tail}]" if head or tail else unit
