"""mLAMA: facts and patterns in many languages, converted to documents whose object is an entity."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..annotate.fillers import MARKER, Filler, set_fillers
from ..errors import Errors
from .isolate_text import isolate_text

SUBJECT, OBJECT = "[X]", "[Y]"


@dataclass(frozen=True)
class Cloze:
    """A fact and a pattern of one language."""

    relation: str  # "P36"
    lang: str
    pattern: str
    n_pattern: int  # number of the pattern among those of the relation, in the order of the file
    subject: Tuple[str, str]  # QID and name
    objects: Tuple[Tuple[str, str], ...]  # QIDs and names of all objects in the data; the first is in the text

    def text(self) -> Tuple[str, int, int]:
        """Return the pattern with the names of subject and object.

        RETURNS (Tuple[str, int, int]): Text, and first character and end of the object.
        """
        before, _, after = self.pattern.partition(OBJECT)
        before, after = (part.replace(SUBJECT, self.subject[1]) for part in (before, after))
        name = self.objects[0][1]
        return before + name + after, len(before), len(before) + len(name)


def read_mlama(
    directory: Path,
    *,
    relations: Optional[Sequence[str]] = None,
    languages: Optional[Sequence[str]] = None,
    patterns: Optional[slice] = None,
    checked: bool = False,
    skipped: Optional[Counter] = None,
) -> Iterator[Cloze]:
    """Read facts, and insert them into patterns.

    directory (Path): A folder with triples.tsv (relation, subject, object), labels.LANG.tsv (QID, name) and
        patterns.LANG.jsonl ("relation", "pattern" with [X] and [Y], "checked_by_human").
    relations (Optional[Sequence[str]]): Relations to read; None for all.
    languages (Optional[Sequence[str]]): Languages to read; None for all in the folder.
    patterns (Optional[slice]): Which patterns of each relation and language to use, so that training and test share
        none; None for all.
    checked (bool): Whether to use only patterns that people have checked.
    skipped (Optional[Counter]): Counts skipped facts, which lack a name in a language ("names"), and skipped patterns,
        which do not have one [X] and one [Y] ("patterns").
    YIELDS (Cloze): All patterns of a fact, for all facts, for all languages.
    RAISES (ValueError): ML227 if a file is missing or damaged, or has none of the relations.
    """
    facts = _read_facts(directory / "triples.tsv", relations)
    found = sorted(path.name.split(".")[1] for path in directory.glob("labels.*.tsv"))
    counts = Counter() if skipped is None else skipped
    for lang in found if languages is None else languages:
        names = read_labels(directory / f"labels.{lang}.tsv")
        templates = read_patterns(directory / f"patterns.{lang}.jsonl", checked=checked, skipped=counts)
        for (relation, subject), objects in facts.items():
            known = tuple((qid, names[qid]) for qid in objects if qid in names)
            if subject not in names or not known:
                counts["names"] += 1
                continue
            numbered = list(enumerate(templates.get(relation, [])))
            for n, pattern in numbered[patterns] if patterns is not None else numbered:
                yield Cloze(relation, lang, pattern, n, (subject, names[subject]), known)


def make_cloze_docs(nlp: Language, clozes: Iterable[Cloze], *, masked: bool = False) -> Iterator[Doc]:
    """Convert clozes to documents: the object is an entity with its QID as kb_id.

    `doc._.mluke_fillers` has the names of all correct objects, with their language ("de:Tokio").

    nlp (Language): Its tokenizer is used; the object becomes one token.
    clozes (Iterable[Cloze]): As from `read_mlama`.
    masked (bool): Whether to replace the object by "[MASK]".
    YIELDS (Doc): The documents.
    """
    for cloze in clozes:
        text, start, end = cloze.text()
        words, spaces, place = isolate_text(nlp.make_doc(text), start, end, MARKER if masked else None)
        doc = Doc(nlp.vocab, words=words, spaces=spaces)
        doc.ents = [Span(doc, *place, label=cloze.relation, kb_id=cloze.objects[0][0])]
        fillers = [Filler(name, f"{_code(cloze.lang)}:{name}", kb_id=qid) for qid, name in cloze.objects]
        set_fillers(doc, [fillers], [(doc.ents[0].start_char, doc.ents[0].end_char)])
        yield doc


def parse_patterns(text: Optional[str]) -> Optional[slice]:
    """Parse a slice of pattern numbers.

    text (Optional[str]): "0:4", "4:", "::2", or "3"; None for all.
    RETURNS (Optional[slice]): The slice; None for all.
    RAISES (ValueError): ML070 for anything else.
    """
    if text is None:
        return None
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or numbers == [None]:
        choices = "START:END, START:END:STEP, or a number"
        raise ValueError(Errors.ML070.format(option="patterns", value=text, choices=choices, hint=""))
    if len(numbers) == 1 and numbers[0] is not None:
        return slice(numbers[0], numbers[0] + 1 or None)
    return slice(*numbers)


def _read_facts(path: Path, relations: Optional[Sequence[str]]) -> Dict[Tuple[str, str], List[str]]:
    """Objects by relation and subject, in the order of the file."""
    facts: Dict[Tuple[str, str], List[str]] = {}
    for row in _rows(path, 3):
        if relations is None or row[0] in relations:
            facts.setdefault((row[0], row[1]), []).append(row[2])
    if not facts:
        raise ValueError(Errors.ML227.format(path=path, reason=f"no facts of {', '.join(relations or [])}"))
    return facts


def read_labels(path: Path) -> Dict[str, str]:
    """Read the names of a language.

    path (Path): labels.LANG.tsv, with QIDs and names.
    RETURNS (Dict[str, str]): Names by QID.
    RAISES (ValueError): ML227 if the file is missing or damaged.
    """
    return {qid: name for qid, name in _rows(path, 2) if name.strip()}


def _rows(path: Path, n_columns: int) -> Iterator[List[str]]:
    for n, line in enumerate(_lines(path), 1):
        row = line.split("\t")
        if len(row) != n_columns:
            raise ValueError(Errors.ML227.format(path=path, reason=f"line {n} has {len(row)} columns, not {n_columns}"))
        yield row


def read_patterns(path: Path, *, checked: bool = False, skipped: Optional[Counter] = None) -> Dict[str, List[str]]:
    """Read the patterns of a language that have exactly one [X] and one [Y].

    path (Path): patterns.LANG.jsonl.
    checked (bool): Whether to use only patterns that people have checked.
    skipped (Optional[Counter]): Counts other patterns ("patterns").
    RETURNS (Dict[str, List[str]]): Patterns by relation.
    RAISES (ValueError): ML227 if the file is missing or damaged.
    """
    counts = Counter() if skipped is None else skipped
    patterns: Dict[str, List[str]] = {}
    for n, line in enumerate(_lines(path), 1):
        try:
            entry: Dict[str, Any] = json.loads(line)
            relation, pattern = str(entry["relation"]), str(entry["pattern"])
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise ValueError(Errors.ML227.format(path=path, reason=f"line {n} is not a pattern ({err})")) from err
        if checked and not entry.get("checked_by_human"):
            continue
        if pattern.count(SUBJECT) != 1 or pattern.count(OBJECT) != 1:
            counts["patterns"] += 1
            continue
        patterns.setdefault(relation, []).append(pattern)
    return patterns


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf8") as file:
            for line in file:
                if line.strip():
                    yield line.rstrip("\n")
    except (OSError, UnicodeError) as err:
        raise ValueError(Errors.ML227.format(path=path, reason=err)) from err


def _code(lang: str) -> str:
    """mLUKE's code of a language, for instance "zh" for "zh-hans"."""
    return lang.partition("-")[0]
