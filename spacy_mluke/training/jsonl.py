"""JSON lines: on each line a document with its entities, relations, types, questions and categories.

    {"text": "Tokyo is the capital of Japan.",
     "id": "wiki-17",
     "entities": [{"start": 0, "end": 5, "label": "LOC", "id": "en:Tokyo"}, {"start": 24, "end": 29, "label": "LOC"}],
     "relations": [{"head": 0, "tail": 1, "label": "capital"}],
     "types": [{"start": 0, "end": 5, "labels": ["city", "place"]}],
     "questions": [{"text": "What is the capital of Japan?", "id": "q1", "answers": [{"start": 0, "end": 5}]}],
     "cats": {"GEO": 1.0}}

Offsets are in characters. Only "text" is required. "id" becomes `doc.user_data["id"]`. A missing key means "not
annotated", an empty list "annotated, and there are none".
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import filter_spans

from ..annotate.answers import Answer, Question, get_question_answers, set_answers, set_questions
from ..annotate.relations import Relation, get_relations, has_relations, set_relations
from ..annotate.span_groups import spans_of
from ..errors import Errors, Warnings, check_choice
from ..extensions import install_extensions
from .corpus_files import read_lines

ALIGNMENTS = ("strict", "contract", "expand")
KEYS = ("text", "id", "tokens", "entities", "relations", "types", "questions", "cats")
Record = Dict[str, Any]
Bounds = Tuple[int, int]


def read_jsonl(
    nlp: Language,
    path: Union[str, Path],
    *,
    alignment: str = "strict",
    spans_key: str = "mluke_types",
    skipped: Optional[Counter[str]] = None,
) -> Iterator[Doc]:
    """Read documents from JSON lines.

    nlp (Language): Its tokenizer is used for lines without "tokens".
    path (Union[str, Path]): The file.
    alignment (str): How to treat a span that does not begin and end with tokens: "strict" skips it, "contract" and
        "expand" move it to the tokens inside or around it.
    spans_key (str): Key in `doc.spans` of the types.
    skipped (Optional[Counter[str]]): Counts skipped annotation by kind, and unknown keys; by default, a warning at the
        end of the file has the numbers (ML126).
    YIELDS (Doc): The documents.
    RAISES (ValueError): ML248 for a line that is not as described, ML070 for an unknown alignment, ML321 if the file is
        not UTF-8.
    """
    check_choice("alignment", alignment, ALIGNMENTS)
    install_extensions()
    counts: Counter[str] = Counter() if skipped is None else skipped
    for number, line in read_lines(path):
        if line.strip():
            yield _Reader(nlp, f"'{path}', line {number}", alignment, counts).read(line, spans_key)
    if skipped is None and +counts:
        found = ", ".join(f"{kind}: {n:,}" for kind, n in counts.most_common() if n)
        warnings.warn(Warnings.ML126.format(path=path, found=found), stacklevel=2)


def make_doc(nlp: Language, record: Record, location: str, *, alignment: str = "strict", skipped: Counter[str]) -> Doc:
    """Convert the object of a line to a document.

    nlp (Language): Its tokenizer is used for objects without "tokens".
    record (Record): The object.
    location (str): File and line, for messages.
    alignment (str): As in `read_jsonl`.
    skipped (Counter[str]): Counts skipped annotation by kind.
    RETURNS (Doc): The document.
    RAISES (ValueError): ML248 for an object that is not as described.
    """
    install_extensions()
    return _Reader(nlp, location, alignment, skipped).make(record, "mluke_types")


class _Reader:
    """Reads one line."""

    def __init__(self, nlp: Language, location: str, alignment: str, skipped: Counter[str]):
        self.nlp = nlp
        self.location = location
        self.alignment = alignment
        self.skipped = skipped

    def fail(self, reason: str) -> ValueError:
        return ValueError(Errors.ML248.format(place=self.location, reason=reason))

    def read(self, line: str, spans_key: str) -> Doc:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self.fail(f"it is not JSON ({error})") from error
        return self.make(record, spans_key)

    def make(self, record: Record, spans_key: str) -> Doc:
        try:
            return self._make(record, spans_key)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if str(error).startswith("[ML"):
                raise
            # For instance a value of another type, a score that is not a number, half of a surrogate pair.
            raise self.fail(f"{type(error).__name__}: {error}") from error

    def _make(self, record: Record, spans_key: str) -> Doc:
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise self.fail('it is not an object with a "text"')
        self.skipped.update(f"key '{key}'" for key in record if key not in KEYS)
        doc = self.make_doc(record)
        if record.get("id") is not None:
            if not isinstance(record["id"], (str, int)):
                raise self.fail('"id" is neither a text nor a number')
            doc.user_data["id"] = str(record["id"])
        entities = self.listed(record, "entities")
        if entities is not None:
            self.set_entities(doc, entities)
        relations = self.listed(record, "relations")
        if relations is not None:
            set_relations(doc, list(self.relations(doc, relations, entities or [])))
        types = self.listed(record, "types")
        if types is not None:
            doc.spans[spans_key] = SpanGroup(doc, name=spans_key, spans=list(self.types(doc, types)))
        questions = self.listed(record, "questions")
        if questions is not None:
            self.set_questions(doc, questions)
        if record.get("cats") is not None:
            doc.cats = {str(label): float(value) for label, value in record["cats"].items()}
        return doc

    def make_doc(self, record: Record) -> Doc:
        text, tokens = record["text"], record.get("tokens")
        if tokens is None:
            return self.nlp.make_doc(text)
        words: List[str] = []
        spaces: List[bool] = []
        end = 0
        for token in tokens:
            start, next_end = self.bounds_of(token, len(text))
            gap = text[end:start] if start >= end else None
            if gap not in ("", " ") or (gap and not words) or start == next_end:
                raise self.fail(f'"tokens" do not cover the text at character {end}')
            if words:
                spaces.append(gap == " ")
            words.append(text[start:next_end])
            end = next_end
        if text[end:] not in ("", " "):
            raise self.fail(f'"tokens" do not cover the text at character {end}')
        return Doc(self.nlp.vocab, words=words, spaces=[*spaces, text[end:] == " "] if words else [])

    def listed(self, record: Record, key: str) -> Optional[List[Any]]:
        found = record.get(key)
        if found is not None and not (isinstance(found, list) and all(isinstance(item, dict) for item in found)):
            raise self.fail(f'"{key}" is not a list of objects')
        return found

    def bounds_of(self, value: Any, length: int) -> Bounds:
        try:
            start, end = (value["start"], value["end"]) if isinstance(value, dict) else value
            is_valid = 0 <= start <= end <= length and isinstance(start, int) and isinstance(end, int)
        except (KeyError, TypeError, ValueError):
            is_valid = False
        if not is_valid:
            value_text = json.dumps(value, ensure_ascii=False)
            raise self.fail(f"{value_text} are not the bounds of a part of a text of {length} characters")
        return start, end

    def label_of(self, value: Record, key: str = "label") -> str:
        if not isinstance(value.get(key), str) or not value[key]:
            raise self.fail(f'{json.dumps(value, ensure_ascii=False)} has no "{key}"')
        return value[key]

    def span(self, doc: Doc, value: Any, kind: str, label: str = "", kb_id: str = "") -> Optional[Span]:
        start, end = self.bounds_of(value, len(doc.text))
        found: Any = doc.char_span(start, end, label=label, kb_id=kb_id, alignment_mode=self.alignment)
        if found is None or not len(found):
            self.skipped[f"{kind} not on tokens"] += 1
            return None
        return found

    def set_entities(self, doc: Doc, entities: List[Record]) -> None:
        spans = []
        for entity in entities:
            span = self.span(doc, entity, "entities", str(entity.get("label") or ""), str(entity.get("id") or ""))
            if span is not None:
                spans.append(span)
        # Of overlapping entities, the longest is kept.
        kept = filter_spans(spans)
        self.skipped["overlapping entities"] += len(spans) - len(kept)
        doc.set_ents(kept)

    def relations(self, doc: Doc, relations: List[Record], entities: List[Record]) -> Iterator[Relation]:
        for relation in relations:
            label = self.label_of(relation)
            ends = []
            for key in ("head", "tail"):
                value = relation.get(key)
                if isinstance(value, int) and 0 <= value < len(entities):
                    value = entities[value]
                if not isinstance(value, (dict, list)):
                    raise self.fail(f'"{key}" of a relation is neither the number of an entity nor bounds')
                ends.append(self.span(doc, value, "ends of relations"))
            head, tail = ends
            if head is not None and tail is not None:
                yield Relation(head, tail, label, float(relation.get("score", 1.0)))

    def types(self, doc: Doc, types: List[Record]) -> Iterator[Span]:
        for value in types:
            labels = value.get("labels", [value.get("label")])
            if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
                raise self.fail(f'{json.dumps(value, ensure_ascii=False)} has no "labels"')
            span = self.span(doc, value, "types")
            if span is not None:
                yield from (Span(doc, span.start, span.end, label=label) for label in labels)

    def set_questions(self, doc: Doc, questions: List[Record]) -> None:
        asked: List[Question] = []
        answers: List[Optional[List[Answer]]] = []
        for value in questions:
            text = self.label_of(value, "text")
            entities = [
                (*self.bounds_of(entity, len(text)), str(entity.get("id") or ""))
                for entity in value.get("entities", ())
            ]
            asked.append(Question(text, str(value.get("id") or ""), tuple(entities)))
            given = value.get("answers")
            if given is None:
                answers.append(None)
                continue
            # An answer keeps its characters, also if these are parts of tokens.
            made = [Answer.at(doc, *self.bounds_of(answer, len(doc.text))) for answer in given]
            kept = [answer for answer in made if answer is not None]
            self.skipped["answers not on tokens"] += len(made) - len(kept)
            answers.append(None if made and not kept else kept)
        set_questions(doc, asked)
        if any(given is not None for given in answers):
            set_answers(doc, answers)


def doc_to_record(doc: Doc, *, spans_key: str = "mluke_types") -> Record:
    """Convert a document to the object of a line.

    doc (Doc): The document.
    spans_key (str): Key in `doc.spans` of the types.
    RETURNS (Record): An object with a key for each kind of annotation that the document has.
    """
    install_extensions()
    record: Record = {
        "text": doc.text,
        "tokens": [[token.idx, token.idx + len(token)] for token in doc],
    }
    if "id" in doc.user_data:
        record["id"] = str(doc.user_data["id"])
    if doc.has_annotation("ENT_IOB"):
        record["entities"] = [_plain(ent, label=ent.label_, id=ent.kb_id_) for ent in doc.ents]
    if has_relations(doc):
        record["relations"] = [
            {
                "head": _plain(relation.head),
                "tail": _plain(relation.tail),
                "label": relation.label,
                **({"score": relation.score} if relation.score != 1.0 else {}),
            }
            for relation in get_relations(doc)
        ]
    if spans_key in doc.spans:
        labels: Dict[Bounds, List[str]] = {}
        for span in spans_of(doc, spans_key):
            labels.setdefault((span.start_char, span.end_char), []).append(span.label_)
        record["types"] = [{"start": start, "end": end, "labels": found} for (start, end), found in labels.items()]
    asked = get_question_answers(doc)
    if asked:
        record["questions"] = [_plain_question(question, answers) for question, answers in asked]
    if doc.cats:
        record["cats"] = dict(doc.cats)
    return record


def write_jsonl(docs: Iterable[Doc], path: Union[str, Path], *, spans_key: str = "mluke_types") -> int:
    """Write documents as JSON lines.

    docs (Iterable[Doc]): The documents.
    path (Union[str, Path]): The file.
    spans_key (str): Key in `doc.spans` of the types.
    RETURNS (int): Number of documents.
    """
    n = 0
    with Path(path).open("w", encoding="utf8") as file:
        for doc in docs:
            file.write(json.dumps(doc_to_record(doc, spans_key=spans_key), ensure_ascii=False) + "\n")
            n += 1
    return n


def _plain(span: Span, **fields: str) -> Record:
    return {"start": span.start_char, "end": span.end_char, **{key: value for key, value in fields.items() if value}}


def _plain_question(question: Question, answers: Optional[List[Answer]]) -> Record:
    record: Record = {"text": question.text}
    if question.id:
        record["id"] = question.id
    if question.entities:
        record["entities"] = [
            {"start": start, "end": end, **({"id": name} if name else {})} for start, end, name in question.entities
        ]
    if answers is not None:
        record["answers"] = [{"start": answer.chars[0], "end": answer.chars[1]} for answer in answers]
    return record
