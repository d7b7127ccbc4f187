"""Read the sources of an entity store: tables, JSON lines, Wikidata dumps, entity vocabularies."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import json
import lzma
import re
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, TextIO

from ..errors import Errors, Warnings
from ..storage.untrusted import parse_json
from ..vocabulary.entity_names import split_name
from ..vocabulary.entity_vocabulary import NAMES_FILE, EntityVocabulary
from ..vocabulary.special_entities import NAMES
from .entities import Entity, Fact
from .store_format import ALIAS, CROSS_REFERENCE, NAME, TITLE
from .store_rows import AnyRow, StoreClass, StoreDescription, StoreFact, StoreRow
from .store_tables import COLUMNS, checked, read_parquet, read_table

_OPENERS: Dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_DELIMITERS = {".tsv": "\t", ".csv": ",", ".txt": "\t"}
_LINES = (".jsonl", ".json", ".ndjson")
_PARQUET = ".parquet"
# Keys of a line of JSON that is a name or an entity.
_KEYS = {*COLUMNS, "lang", "names", "description", "descriptions", "types", "facts", "xref"}
_MAX_KEYS = 12  # named in a warning
_LONGEST_LINE = 1 << 26  # characters; the longest lines of Wikidata have a few millions
_READING_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError, UnicodeDecodeError, csv.Error)
_IN_PARENTHESES = re.compile(r"^(.*\S)\s*[(（][^()（）]*[)）]$", re.DOTALL)
# Sites that end in "wiki" and are not the Wikipedia of a language.
_NO_LANGUAGE = {"commons", "species", "meta", "wikidata", "sources", "mediawiki", "incubator", "outreach", "simple"}


def read_rows(
    source: Path, *, languages: Optional[Collection[str]] = None, columns: Optional[Sequence[str]] = None
) -> Iterator[AnyRow]:
    """Read entities: their names, descriptions, types and facts. The format is known from the name of the source.

    - `.tsv`, `.csv`: a name on each line, with the columns id, language, name, type, prior (and kind, entity_prior), in
      this order; cells at the end may be missing. Or the columns that a header names, see `store_tables`.
    - `.parquet`: the same columns. It needs pyarrow.
    - `.jsonl`, `.json`: an entity or a name on each line, see `parse_line`; Wikidata's JSON dumps have this format.
    - `entity_vocab.json`, or a checkpoint directory: its entity vocabulary.
    Files may be compressed (`.gz`, `.bz2`, `.xz`), except Parquet.

    source (Path): The file or directory.
    languages (Optional[Collection[str]]): Languages to keep, in addition to text without a language; None for all.
    columns (Optional[Sequence[str]]): Names of the columns of a table without a header.
    YIELDS (AnyRow): A name, description, finer type or fact. It has no problems.
    RAISES (ValueError): ML231 for a line that cannot be read, ML234 for an unknown format, ML424 if pyarrow is missing.
    """
    path = Path(source)
    packed = path.suffix in _OPENERS
    kind = Path(path.stem).suffix if packed else path.suffix
    rows: Iterator[AnyRow]
    if path.is_dir() or path.name == NAMES_FILE:
        rows = read_vocabulary(EntityVocabulary.from_dir(path) if path.is_dir() else EntityVocabulary.from_json(path))
    elif not path.is_file() or kind not in (*_DELIMITERS, *_LINES, _PARQUET):
        found = "has an unknown format" if path.exists() else "does not exist"
        raise ValueError(Errors.ML234.format(path=path, found=found))
    elif kind in _DELIMITERS:
        rows = _read_table(path, _DELIMITERS[kind], columns)
    elif kind == _PARQUET:
        rows = read_parquet(path, columns)
    else:
        rows = _read_lines(path)
    for row in rows:
        lang = row.lang if isinstance(row, (StoreRow, StoreDescription)) else ""
        if languages is None or not lang or lang in languages:
            yield row


def read_vocabulary(vocabulary: EntityVocabulary) -> Iterator[StoreRow]:
    """Read the names of an entity vocabulary.

    An entity's id is one of its names in the vocabulary: the English one, else the first. Names are titles of pages. If
    a title ends in parentheses, which distinguish entities of the same name, the title without them is a name, too.

    vocabulary (EntityVocabulary): The vocabulary; its database is built if it is missing.
    YIELDS (StoreRow): A name.
    """
    special = set(vocabulary.special)
    has_languages = bool(vocabulary.languages)
    for entity_id in range(vocabulary.n_ids):
        if entity_id in special:
            continue
        names = [name for name in vocabulary.names(entity_id) if name not in NAMES.values()]
        own = next((name for name in names if name.startswith("en:")), names[0] if names else "")
        for name in names:
            lang, title = split_name(name) if has_languages else ("", name)
            plain = _IN_PARENTHESES.fullmatch(title)
            yield StoreRow(own, lang, plain[1] if plain else title, kind=NAME)
            yield StoreRow(own, lang, title, kind=TITLE)


def parse_line(record: Mapping[str, Any]) -> Iterator[AnyRow]:
    """Read a line of JSON, in one of these formats:

    - a name: {"id": "Q90", "language": "en", "name": "Paris", "type": "city", "prior": 0.9}
    - an entity, as `dump_line` writes it: {"id": "Q90", "type": "city", "prior": 310, "names": [{"name": "Paris",
      "lang": "en"}, {"name": "City of Light", "lang": "en", "kind": "alias", "prior": 0.1}], "descriptions": {"en":
      "the capital of France"}, "types": ["big city"], "facts": {"P17": ["Q142"]}}
    - a Wikidata entity: "labels", "aliases", "descriptions", "sitelinks" (titles; their number is the prior), "claims"
      (P31 is the type).

    record (Mapping[str, Any]): The object.
    YIELDS (AnyRow): A name, description, finer type or fact.
    RAISES (KeyError, TypeError, AttributeError): For any other object.
    """
    if "labels" in record:
        yield from _read_wikidata(record)
        return
    if "names" in record:
        for name in record["names"]:
            yield StoreRow(
                record["id"], name.get("lang") or name.get("language") or "", name["name"], record.get("type") or "",
                name.get("prior"), name.get("kind") or "", record.get("prior"),
            )  # fmt: skip
    else:
        yield StoreRow(
            record["id"], record.get("language") or record.get("lang") or "", record["name"], record.get("type") or "",
            record.get("prior"), record.get("kind") or "", record.get("entity_prior"),
        )  # fmt: skip
    texts = dict(record.get("descriptions") or {})
    if record.get("description"):
        texts[record.get("language") or record.get("lang") or ""] = record["description"]
    references = record.get("xref") or ()
    for reference in [references] if isinstance(references, str) else references:
        yield StoreRow(record["id"], "", reference, record.get("type") or "", None, CROSS_REFERENCE)
    for lang, text in texts.items():
        yield StoreDescription(record["id"], lang, text)
    for name in record.get("types") or ():
        yield StoreClass(record["id"], name)
    for relation, objects in (record.get("facts") or {}).items():
        for object_ in [objects] if isinstance(objects, str) else objects:
            yield StoreFact(record["id"], relation, object_)


def dump_line(
    entity: Entity,
    descriptions: Optional[Mapping[str, str]] = None,
    classes: Sequence[str] = (),
    facts: Sequence[Fact] = (),
) -> str:
    """Return an entity as a line of JSON, for `parse_line`.

    entity (Entity): The entity.
    descriptions (Optional[Mapping[str, str]]): Its descriptions by language.
    classes (Sequence[str]): Its finer types.
    facts (Sequence[Fact]): The facts about it.
    RETURNS (str): The line, without a line end.
    """
    record: Dict[str, Any] = {"id": entity.id}
    if entity.type:
        record["type"] = entity.type
    if entity.prior is not None:
        record["prior"] = entity.prior
    record["names"] = [
        {key: value for key, value in name._asdict().items() if value not in (None, "")} for name in entity.names
    ]
    objects: Dict[str, List[str]] = {}
    for fact in facts:
        objects.setdefault(fact.property, []).append(fact.object)
    more = {"descriptions": dict(descriptions or {}), "types": list(classes), "facts": objects}
    record.update({key: value for key, value in more.items() if value})
    return json.dumps(record, ensure_ascii=False)


def _read_wikidata(record: Mapping[str, Any]) -> Iterator[AnyRow]:
    # In some dumps, empty objects are lists.
    labels, aliases, links, claims = (record.get(key) or {} for key in ("labels", "aliases", "sitelinks", "claims"))
    kind = _instance_of(claims.get("P31", ()) if claims else ())
    titles = []
    for site, link in links.items() if links else ():
        lang = site[: -len("wiki")].replace("_", "-") if site.endswith("wiki") else ""
        if lang and lang not in _NO_LANGUAGE:
            titles.append((lang, link["title"]))
    # The number of Wikipedias with a page is a common measure of how well-known an entity is.
    prior = float(len(titles)) if "sitelinks" in record else None
    names = [(lang, label["value"], NAME) for lang, label in (labels.items() if labels else ())]
    for lang, found in aliases.items() if aliases else ():
        names += [(lang, alias["value"], ALIAS) for alias in found]
    names += [(lang, title, TITLE) for lang, title in titles]
    for lang, name, form in names:
        if name.strip():
            yield StoreRow(record["id"], "" if lang == "mul" else lang, name, kind, None, form, prior)
    texts = record.get("descriptions")
    for lang, text in texts.items() if texts else ():
        if text["value"].strip():
            yield StoreDescription(record["id"], lang, text["value"])


def _instance_of(claims: Iterable[Mapping[str, Any]]) -> str:
    """Id of the class that a Wikidata entity is an instance of."""
    for rank in ("preferred", "normal"):
        for claim in claims:
            value = claim.get("mainsnak", {}).get("datavalue", {}).get("value")
            if claim.get("rank", "normal") == rank and isinstance(value, dict) and "id" in value:
                return value["id"]
    return ""


def _read_lines(path: Path) -> Iterator[AnyRow]:
    n = 0
    ignored: Counter[str] = Counter()
    try:
        with _open(path) as file:
            for n, line in enumerate(_lines(file), 1):
                # A Wikidata dump is one list, with an element on each line.
                text = line.strip().rstrip(",")
                if text in ("", "[", "]"):
                    continue
                try:
                    record = parse_json(text)
                    rows = list(parse_line(record))
                except (ValueError, KeyError, TypeError, AttributeError) as err:
                    reason = f"neither a name nor an entity ({type(err).__name__}: {err})"
                    raise ValueError(Errors.ML231.format(path=path, line=n, reason=reason)) from err
                if "labels" not in record:
                    ignored.update(key for key in record if key not in _KEYS)
                yield from checked(iter(rows), path, n)
    except _READING_ERRORS as err:
        raise ValueError(Errors.ML231.format(path=path, line=n + 1, reason=err)) from err
    if ignored:
        keys = ", ".join(f"'{key}' ({count})" for key, count in ignored.most_common(_MAX_KEYS))
        warnings.warn(Warnings.ML189.format(path=path, keys=keys), stacklevel=2)


def _read_table(path: Path, delimiter: str, columns: Optional[Sequence[str]]) -> Iterator[AnyRow]:
    n = [0]
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_open(path))
            yield from read_table(_counted(_lines(file), n), path, delimiter, columns)
        except _READING_ERRORS as err:
            raise ValueError(Errors.ML231.format(path=path, line=n[0] or 1, reason=err)) from err


def _counted(lines: Iterator[str], n: List[int]) -> Iterator[str]:
    for line in lines:
        n[0] += 1
        yield line


def _lines(file: TextIO) -> Iterator[str]:
    """Lines of a file, of limited length: a compressed file of kilobytes may contain a line of gigabytes."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise csv.Error(f"it has more than {_LONGEST_LINE:,} characters")
        yield line


def _open(path: Path) -> Any:
    opener = _OPENERS.get(path.suffix, open)
    return opener(path, "rt", encoding="utf-8-sig", newline="")
